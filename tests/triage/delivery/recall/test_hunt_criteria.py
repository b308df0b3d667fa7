"""Criteria of hunts, and which messages fit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from triage.delivery.recall.hunt_criteria import OLDEST, Criteria
from triage.errors import BadInput
from triage.message.summary import Attachment, Link, Summary

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
HASH = "ab" * 32
LETTER = Summary(
    parsed=True,
    authors=("pay+7@evil.example", "ceo@company.example"),
    subject="Re: Your Straße invoice [42]",
    message_id="A1@evil.example",
    links=(Link("here", "https://login.evil.example/reset?u=1"), Link("", "mailto:x@other.example")),
    attachments=(Attachment(1, "a.pdf", "application/pdf", 3, HASH),),
)


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({"subject": "YOUR STRASSE"}, True),
        ({"subject": "invoice [42]"}, True),
        ({"subject": "invoices"}, False),
        ({"message_id": "<a1@EVIL.example>"}, True),
        ({"message_id": "evil.example"}, False),
        ({"sender": "pay+7@evil.example"}, True),
        ({"sender": "*@evil.example"}, True),
        ({"sender": "pay*@evil.ex?mple"}, True),
        ({"sender": "*@vil.example"}, False),
        ({"sender": "[p]ay+7@evil.example"}, False),
        ({"link": "evil.example"}, True),
        ({"link": "LOGIN.evil.example"}, True),
        ({"link": "vil.example"}, False),
        ({"link": "evil.example/reset"}, True),
        ({"link": "evil.example/login"}, False),
        ({"link": "other.example"}, True),
        ({"sha256": HASH.upper()}, True),
        ({"sha256": "cd" * 32}, False),
        ({"subject": "invoice", "sender": "*@evil.example"}, True),
        ({"subject": "invoice", "sender": "*@good.example"}, False),
    ],
)
def test_all_that_is_asked_must_fit(asked: dict[str, str], fits: bool) -> None:
    criteria = Criteria.of(None, NOW, **asked)
    assert criteria.fits(LETTER, NOW) is fits
    assert Criteria.from_json(criteria.as_json()) == criteria
    assert not criteria.fits(LETTER, NOW - timedelta(days=32))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "name what to look for"),
        ({"subject": " re "}, "must have 4 to 200 letters"),
        ({"sender": "*@*.ru"}, "must have 4 to 200 letters"),
        ({"subject": "x" * 201}, "must have 4 to 200 letters"),
        ({"subject": "invoice\r\nA1 DELETE"}, "must have 4 to 200 letters"),
        ({"sha256": "abcd"}, "64 hexadecimal digits"),
        ({"subject": "invoice", "since": NOW - OLDEST - timedelta(days=1)}, "looks back 366 days at most"),
        ({"sha256": HASH, "since": NOW - timedelta(days=40)}, "looks back 31 days at most"),
    ],
)
def test_what_would_be_about_most_messages_is_refused(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        Criteria.of(asked.pop("since", None), NOW, **asked)


def test_a_server_is_asked_for_the_longest_part_of_a_pattern() -> None:
    assert Criteria.of(None, NOW, sender="p*y-*@evil.example").sender_part() == "@evil.example"
