"""Notices as bytes: a report that any mail program reads, and nothing in it that a stranger may not know."""

import email
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from typing import Any

import pytest
from hypothesis import given, strategies as st

from triage.delivery import dsn
from triage.delivery.dsn import RETURNED_LIMIT, Failed, Notice, status_of, write_dsn
from triage.message.mime.delivery_status import Status
from triage.message.summary import make_summary

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ORIGINAL = (
    b"Received: from core.inner.company.example by edge.inner.company.example\r\n"
    b"Authentication-Results: edge.inner.company.example; spf=pass\r\n"
    b"From: J\xc3\xb6rg <joerg@supplier.example>\r\nTo: anna@company.example\r\nSubject: Offer\r\n\tfor you\r\n"
    b"X-Secret: no\r\nMessage-ID: <1@supplier.example>\r\n\r\nFrom: body\r\nthe text\r\n"
)
NOTICE = Notice(
    kind="failure",
    sender="postmaster@company.example",
    to="joerg@supplier.example",
    subject="Grüße, an offer",
    text="Your message “Offer” could not be delivered.\n\n.dot and = and ünicode " + "long " * 60 + "\n",
    failed=(Failed("anna@company.example", "5.1.1", "550"), Failed("jörg@company.example", "5.0.0")),
    hostname="mx.company.example",
    arrived_at=NOW,
    message_id="1@supplier.example",
    original=ORIGINAL,
)


def raw(notice: Notice = NOTICE) -> bytes:
    return write_dsn(notice, number="0DV3K2M9Q7X1A", boundary="=_0123", now=NOW)


def test_a_report_as_mail_programs_read_it() -> None:
    message = email.message_from_bytes(raw(), policy=policy.SMTP)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    words, status, returned = message.iter_parts()
    assert words.get_content().replace("\r\n", "\n") == NOTICE.text
    groups: list[Any] = list(status.get_payload())
    assert [dict(group.items()) for group in groups] == [
        {"Reporting-MTA": "dns; mx.company.example", "Arrival-Date": "Tue, 24 Nov 2026 09:30:00 +0000"},
        {"Final-Recipient": "rfc822; anna@company.example", "Action": "failed", "Status": "5.1.1", "Diagnostic-Code": "smtp; 550 5.1.1"},
        {"Final-Recipient": "utf-8; j\\x{F6}rg@company.example", "Action": "failed", "Status": "5.0.0"},
    ]
    assert returned.get_content().splitlines()[:3] == ["From: J??rg <joerg@supplier.example>", "To: anna@company.example", "Subject: Offer"]


def test_it_answers_by_itself_and_wants_no_answer() -> None:
    message = email.message_from_bytes(raw(), policy=policy.SMTP)
    assert str(message["Subject"]) == "Not delivered: Grüße, an offer"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["X-Mailroom-Notice"] == "failure"
    assert message["In-Reply-To"] == message["References"] == "<1@supplier.example>"
    assert (message["From"], message["To"]) == ("postmaster@company.example", "joerg@supplier.example")
    assert make_summary(raw()).automatic == "auto-submitted"
    assert [one.recipient for one in make_summary(raw()).statuses] == ["anna@company.example", "j\\x{F6}rg@company.example"]
    assert make_summary(raw()).statuses[0] == Status("anna@company.example", "failed", "5.1.1", "550 5.1.1")


def test_it_tells_nothing_of_the_inside() -> None:
    assert b"inner.company.example" not in raw()
    assert b"X-Secret" not in raw()
    assert b"the text" not in raw()
    assert b"From: body" not in raw()


def test_lines_end_with_crlf_and_only_what_must_is_beyond_ascii() -> None:
    made = raw()
    assert made.count(b"\n") == made.count(b"\r\n") == made.count(b"\r")
    assert made.isascii()
    assert max(map(len, made.split(b"\r\n"))) < 998
    international = raw(replace(NOTICE, to="jörg@supplier.example"))
    assert "To: <jörg@supplier.example>\r\n".encode() in international  # RFC 6532: it needs SMTPUTF8 anyway


@given(st.binary(max_size=300), st.text(max_size=80), st.text(max_size=80), st.text(max_size=40))
def test_whatever_the_sender_wrote_the_report_keeps_its_form(original: bytes, subject: str, text: str, message_id: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    made = raw(replace(NOTICE, original=original, subject=subject, text=text, message_id=message_id))
    message = email.message_from_bytes(made, policy=policy.compat32)
    assert [part.get_content_type() for part in message.get_payload()] == ["text/plain", "message/delivery-status", "text/rfc822-headers"]  # type: ignore[union-attr]
    assert len(message.get_all("Subject", [])) == len(message.get_all("To", [])) == 1
    assert made.isascii()


def test_what_goes_back_is_bounded() -> None:
    assert len(dsn.returned_fields(b"Subject: " + b"x" * 100_000 + b"\r\n\r\n")) <= RETURNED_LIMIT + 1
    assert len(dsn.returned_fields(b"To: a@b.example\r\n" * 10_000)) <= RETURNED_LIMIT + 1


@pytest.mark.parametrize(
    ("reply", "expected", "reason"),
    [
        ("550 5.1.1 <x>: Recipient address rejected", ("5.1.1", "550"), "This address does not accept messages."),
        ("550-5.2.1 closed", ("5.2.1", "550"), "This address does not accept messages."),
        ("552 5.2.2 quota", ("5.2.2", "552"), "The mailbox is full."),
        ("552 5.2.3 too large", ("5.2.3", "552"), "The message is too large for the mailbox."),
        ("552 5.3.4 too large", ("5.3.4", "552"), "The message is too large for our mail system."),
        ("550 5.7.1 spam", ("5.7.1", "550"), "Our mail system does not accept this message."),
        ("550 5.3.0 oops", ("5.3.0", "550"), "Our mail system could not deliver it."),
        ("550 no", ("5.0.0", "550"), "Our mail system could not deliver it."),
        ("550 4.1.1 odd", ("5.0.0", "550"), "Our mail system could not deliver it."),
        ("451 4.3.0 later", ("4.3.0", "451"), "The receiving mail server did not accept it in time."),
        ("450 greylisted", ("4.4.7", "450"), "The receiving mail server did not accept it in time."),
        ("given up by Ana Roth; last: 451 busy", ("5.0.0", ""), "Our mail system could not deliver it."),
        ("", ("5.0.0", ""), "Our mail system could not deliver it."),
    ],
)
def test_replies_in_words(reply: str, expected: tuple[str, str], reason: str) -> None:
    assert status_of(reply) == expected
    assert Failed("x@company.example", *expected).reason == reason
