"""Traits of messages: what makes two of them related."""

import pytest

from triage.message.summary import Link, Summary
from triage.quarantine.campaigns.traits import Kind, trait_number, traits_of

PLAIN = Summary(subject="Hi")


@pytest.mark.parametrize(
    ("summary", "client", "kind"),
    [
        (Summary(subject="Your password expires in 3 days"), "", Kind.SUBJECT),
        (Summary(links=(Link("here", "https://a.b.evil.example/x"),)), "", Kind.LINK),
        (PLAIN, "93.184.216.34", Kind.NETWORK),
        (Summary(skeleton="0123456789abcdef"), "", Kind.SKELETON),
    ],
    ids=lambda value: value.word if isinstance(value, Kind) else "",
)
def test_each_kind_of_trait(summary: Summary, client: str, kind: Kind) -> None:
    assert [Kind(one & 3) for one in traits_of(summary, client, ())] == [kind]


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (Summary(subject="Your password expires in 3 days"), Summary(subject="YOUR password expires in 14 Days"), True),
        (Summary(subject="Your password expires"), Summary(subject="Your password is fine"), False),
        (Summary(links=(Link("a", "https://a.evil.example"),)), Summary(links=(Link("b", "http://b.evil.example/y"),)), True),
        (PLAIN, PLAIN, False),  # two letters say nothing
    ],
)
def test_what_two_messages_share(one: Summary, other: Summary, shared: bool) -> None:
    assert bool(traits_of(one, "", ()) & traits_of(other, "", ())) is shared


def test_links_to_ourselves_say_nothing() -> None:
    assert traits_of(Summary(links=(Link("us", "https://www.company.example"),)), "", ("company.example",)) == set()


def test_a_number_holds_its_kind_and_fits_a_database() -> None:
    for kind in Kind:
        assert trait_number(kind, "x") & 3 == kind
        assert 0 <= trait_number(kind, "x") < 2**63
