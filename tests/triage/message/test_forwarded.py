"""Identification of the forwarded message within a report, in the formats of common mail programs."""

import pytest

from tests.triage.messages import mail, multipart, part
from triage.message.forwarded import Pointed, content_digest, referenced_messages

ODD = mail(
    "X-Mailroom-Message: 1\nX-Mailroom-Verdict: allowed-sender\nFrom: Bank <a@bank.example>\nTo: joe@company.example\n"
    "Subject: Your account\nMessage-ID: <odd@bank.example>",
    "Please sign in at once.\n",
)
JOE = "From: Joe <joe.fern@company.example>\nTo: report@company.example\nSubject: Fwd: Your account"
GMAIL = """Look:

---------- Forwarded message ---------
From: Bank <a@bank.example>
Date: Tue, Nov 24, 2026
Subject: Your account
To: <joe@company.example>

Please sign in at once.
"""
THUNDERBIRD = """-------- Forwarded Message --------
Subject: \tYour account
Date: \tTue, 24 Nov 2026
From: \tBank <a@bank.example>
To: \tjoe@company.example

Please sign in at once.
"""
OUTLOOK_DE = """Komisch.

Von: Bank <a@bank.example>
Gesendet: Dienstag, 24. November 2026
An: Joe
Betreff: Your account

Please sign in at once.
"""
APPLE = """> Begin forwarded message:
>
> From: Bank <a@bank.example>
> Subject: Your account
> Date: 24 November 2026
>
> Please sign in at once.
"""
SAID = content_digest("Please sign in at once.", ())


@pytest.mark.parametrize("text", [GMAIL, THUNDERBIRD, OUTLOOK_DE, APPLE], ids=["gmail", "thunderbird", "outlook, German", "apple"])
def test_inline_it_is_known_by_the_lines_above_it(text: str) -> None:
    (one,) = referenced_messages(mail(JOE, text))
    assert (one.marker, one.message_id, one.author, one.subject) == ("", "", "a@bank.example", "Your account")
    assert one.digest == SAID


@pytest.mark.parametrize("media_type", ["message/rfc822", 'application/octet-stream; name="Your account.eml"'])
def test_attached_it_speaks_for_itself(media_type: str) -> None:
    whole = multipart(part("Content-Type: text/plain", b"Look"), part(f"Content-Type: {media_type}", ODD), head=JOE)
    (one,) = referenced_messages(whole)
    assert one == Pointed("1", "odd@bank.example", "a@bank.example", "Your account", SAID, one.fingerprint)


def test_a_mail_within_the_attached_one_is_not_meant() -> None:
    inner = mail("From: eve@evil.example\nContent-Type: message/rfc822", ODD)
    (one,) = referenced_messages(multipart(part("Content-Type: message/rfc822", inner), head=JOE))
    assert one.author == "eve@evil.example"


def test_sent_on_as_it_is_it_is_meant_itself() -> None:
    (one,) = referenced_messages(ODD)
    assert (one.marker, one.message_id) == ("1", "odd@bank.example")


@pytest.mark.parametrize(
    ("head", "subject"),
    [("Subject: WG: AW: Your account", "Your account"), ("Subject: Fwd[2]: Fw: x", "x"), ("Subject: Forward planning", "Forward planning")],
)
def test_without_any_such_lines_there_is_the_subject(head: str, subject: str) -> None:
    (one,) = referenced_messages(mail(f"From: joe.fern@company.example\n{head}", "Is this fine?\n"))
    assert (one.author, one.subject, one.digest) == ("", subject, "")


def test_five_are_enough_and_too_much_is_nothing() -> None:
    many = multipart(*(part("Content-Type: message/rfc822", ODD) for _ in range(9)), head=JOE)
    assert len(referenced_messages(many)) == 5
    assert referenced_messages(multipart(*(part("Content-Type: text/plain", b"x") for _ in range(1_001)), head=JOE)) == ()
    assert referenced_messages(b"") == (Pointed(),)
