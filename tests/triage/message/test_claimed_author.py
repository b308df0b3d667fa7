"""Claimed author of an unclear From field: the one that a lenient mail program would show, bounded and harmless."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.triage.messages import from_archive, mail
from triage.addressing.envelope import LONGEST_ADDRESS
from triage.message.authors import MANY, author_of
from triage.message.claimed_author import authors_of
from triage.message.summary import make_summary
from triage.text.sanitize import escape_visible

LONGEST_CLAIM = 128 + 1 + LONGEST_ADDRESS
CLAIMED = [
    ("Prime Shop, jehd <x@shop.example>", "x@shop.example"),
    ("Prime Shop ,_<X7@Shop.example>", "x7@shop.example"),
    ("Prime Shop, <help@shop.example.>, Office, <help@shop.example>", "help@shop.example"),
    ('"Ann@Bank.example", <x@shop.example>', "x@shop.example"),
    ("Ann@Bank <x@shop.example>", "x@shop.example"),
    ('"ann at bank" (<x@shop.example>)', "x@shop.example"),
    ('Bank <"x@shop.example">', "x@shop.example"),
    ("Bank <x@%shop.example>", "x@shop.example"),
    ("Bank <x@'shop.example'>", "x@shop.example"),
    ("Bank <x@y@shop.example>", "y@shop.example"),
    ("Bank <service@bank>", "service@bank"),
    ("<x@one.example>, <y@two.example>", "x@one.example"),
    ("=?utf-8?q?Prime?= <=?utf-8?q?x=40shop=2Eexample?=>", "x@shop.example"),
]


@pytest.mark.parametrize(("field", "claim"), CLAIMED)
def test_an_unclear_field_claims_one_author(field: str, claim: str) -> None:
    read = make_summary(mail(f"From: {field}\nSubject: hello", "Hello"))
    assert (read.author, read.claimed_author) == ("", claim)


@pytest.mark.parametrize("field", ["", "Nobody", "Nobody <>", "undisclosed-recipients:;", "Ann <@>"])
def test_who_names_nobody_claims_nobody(field: str) -> None:
    assert make_summary(mail(f"From: {field}\nSubject: hello", "Hello")).claimed_author == ""


def test_a_clear_author_is_no_claim_and_several_fields_claim_the_first() -> None:
    assert make_summary(mail("From: Ann <ann@sender.example>")).claimed_author == ""
    twice = make_summary(mail("From: Ann <ann@sender.example>\nFrom: Bea <bea@sender.example>"))
    assert (twice.author, twice.claimed_author) == ("", "ann@sender.example")


PIECES = st.sampled_from(
    ["<", ">", "@", ",", '"', "(", ")", " ", "a", "x@shop.example", "é", "\x1b", "\u202e", "%", "'", "=?utf-8?q?=40?=", "\\"]
)


@given(st.lists(st.one_of(st.binary(max_size=20), st.lists(PIECES, max_size=12).map(lambda some: "".join(some).encode())), max_size=4))
def test_whatever_stands_there_a_claim_is_bounded_harmless_and_no_author(fields: list[bytes]) -> None:
    found, author = authors_of(fields), author_of(fields).address
    assert len(found) <= MANY
    assert len(set(found)) == len(found)
    assert all("@" in one and len(one) <= LONGEST_CLAIM and escape_visible(one) == one for one in found)
    assert not author or found[0] == author


@pytest.mark.corpus
def test_nearly_every_unclear_author_of_real_phishing_claims_somebody(corpus: Path) -> None:
    read = [make_summary(raw) for _, raw in from_archive(corpus, "mail-phish")]
    unclear = [one for one in read if not one.author]
    assert (len(read), len(unclear), sum(bool(one.claimed_author) for one in unclear)) == (300, 84, 83)
