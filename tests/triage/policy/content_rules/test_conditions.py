"""Conditions as somebody writes them: folded, or refused with a remedy."""

import re
from pathlib import Path

import pytest

from triage.errors import BadInput
from triage.policy.content_rules.conditions import COMPARED, SIGNALS, Conditions, as_conditions, check_conditions

SIGNALS_PAGE = Path(__file__).parents[4] / "docs" / "reference" / "signals.md"


@pytest.mark.parametrize(
    ("given", "folded"),
    [
        ({"author": [" *@Bounce.* "]}, (("author", ("*@bounce.*",)),)),
        ({"author": ["Info@MÜLLER.example"]}, (("author", ("info@xn--mller-kva.example",)),)),
        ({"reply_to": ["*@MÜLLER.*"]}, (("reply_to", ("*@xn--mller-kva.*",)),)),
        ({"author": ["Supplier.Example", "supplier.example"]}, (("author", ("supplier.example",)),)),
        ({"link_domain": [".MÜLLER.example"]}, (("link_domain", ("xn--mller-kva.example",)),)),
        ({"direction": ["internal"], "language": ["DE"]}, (("language", ("de",)), ("direction", ("internal",)))),
        ({"attachment_kind": ["image/*", "macros"]}, (("attachment_kind", ("image/*", "macros")),)),
    ],
)
def test_they_are_folded_and_in_order(given: dict[str, list[str]], folded: Conditions) -> None:
    assert check_conditions(given) == folded
    assert as_conditions({name: list(values) for name, values in folded}) == folded


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({}, "conditions", "a rule on content needs a condition that says which messages it is about"),
        ({"direction": ["incoming"]}, "conditions", "a rule on content needs a condition that says which messages it is about"),
        ({"sginal": ["bulk"]}, "conditions", "there is no “sginal”; did you mean “signal”?"),
        ({"signal": ["bank-detail"]}, "signal", "there is no “bank-detail”; did you mean “bank-details”?"),
        ({"signal": ["perishable"]}, "signal", "there is no “perishable”; did you mean “time-limited”?"),
        ({"signal": ["first-contact"]}, "signal", "first-contact depends on more than the message itself"),
        ({"author": ["*@*"]}, "author", "“*@*” would match everything; name at least 2 letters"),
        ({"author": ["example"]}, "author", "example is a whole top-level domain"),
        ({"author": ["a@b@c.example"]}, "author", "is not an email address"),
        ({"reply_to": ["*@a☃.example"]}, "reply_to", "is not a valid part of a domain"),
        ({"attachment_name": ["*a" * 9]}, "attachment_name", "has more than 8 stars"),
        ({"attachment_hash": ["abc"]}, "attachment_hash", "a SHA-256 in 64 hexadecimal digits, not “abc”"),
        ({"attachment_kind": ["exe"]}, "attachment_kind", "or a media type like application/zip or image/*"),
        ({"language": ["xx"]}, "language", "there is no “xx”; there are ar, cs, da"),
        ({"list": [f"l{number}.example" for number in range(101)]}, "list", "at most 100 are possible"),
    ],
)
def test_what_is_wrong_is_said_with_a_remedy(given: dict[str, list[str]], field: str, says: str) -> None:
    with pytest.raises(BadInput, match=re.escape(says)) as refused:
        check_conditions(given)
    assert refused.value.field == field


def test_a_stored_rule_may_have_a_name_of_before() -> None:
    assert as_conditions({"signal": ["perishable", "bulk"]}) == (("signal", ("time-limited", "bulk")),)


def test_a_rule_can_ask_for_every_signal_of_the_page_but_those_that_compare() -> None:
    table = SIGNALS_PAGE.read_text().partition("## Signals")[2].partition("## Severity")[0]
    named = set(re.findall(r"`([a-z-]+)`", re.sub(r"suggest to \[escalate\].*", "", table)))
    assert named == SIGNALS | set(COMPARED)
