"""Notes of refused messages for the search for a missing message: sender, recipient and reply."""

from typing import Any

import pytest

from tests.mta.session.in_memory import House

HELLO = b"EHLO outside.example\r\n"
MAIL = b"MAIL FROM:<Shop@outside.example>\r\n"
ANNA, BO = b"RCPT TO:<anna@company.example>\r\n", b"RCPT TO:<bo@company.example>\r\n"
BLOCKED = b"MAIL FROM:<mallory@stranger.example>\r\n"
LOOPING = b"DATA\r\n" + b"Received: x\r\n" * 3 + b"\r\nx\r\n.\r\n"


def noted(said: bytes, **smtp: Any) -> set[tuple[str, str, str]]:
    """Recipient, sender and the reply's codes of what was noted of a session."""
    with House(**smtp) as house:
        client = house.client()
        for line in said.splitlines(keepends=True):
            client.say(line)
        return {(to, sender, reply[:9]) for to, sender, _, reply in house.door.refused_messages.found}


@pytest.mark.parametrize(
    ("said", "smtp", "found"),
    [
        (MAIL + b"RCPT TO:<Nobody@company.example>\r\n", {}, {("nobody@company.example", "shop@outside.example", "550 5.1.1")}),
        (MAIL + b"RCPT TO:<x@elsewhere.example>\r\n", {}, set()),  # nobody asks here for mail to others
        (BLOCKED + ANNA, {}, {("anna@company.example", "mallory@stranger.example", "550 5.7.1")}),
        (MAIL.replace(b">\r", b"> SIZE=9999999\r"), {"max_size": 100_000}, {("", "shop@outside.example", "552 5.3.4")}),
        (
            MAIL + ANNA + BO + LOOPING,
            {"max_hops": 2},
            {(to, "shop@outside.example", "554 5.4.6") for to in ("anna@company.example", "bo@company.example")},
        ),
        (MAIL + ANNA + b"DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n", {}, set()),  # accepted
    ],
)
def test_a_refusal_is_noted(said: bytes, smtp: dict[str, Any], found: set[tuple[str, str, str]]) -> None:
    assert noted(HELLO + said, **smtp) == found


def test_who_sends_too_much_is_noted() -> None:
    again = MAIL + ANNA + b"DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n"
    assert noted(HELLO + again + MAIL, max_messages_per_minute=1) == {("", "shop@outside.example", "450 4.7.1")}
