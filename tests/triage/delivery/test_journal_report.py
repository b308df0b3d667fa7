"""A journal report: the envelope in words, and behind it the message, byte for byte; read back by what reads Exchange's."""

import email
from datetime import UTC, datetime
from email import policy

import pytest
from hypothesis import given, strategies

from triage.addressing.envelope import Envelope
from triage.delivery import journal_report
from triage.message import outbound

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ENVELOPE = Envelope(
    7, NOW, "ruth@stranger.example", ("it+joe.fern@company.example", "mara@company.example"), "192.0.2.7", "mx.stranger.example"
)
RAW = b"From: Ruth <ruth@stranger.example>\r\nSubject: hello\r\n\r\nDear all\r\n"


def report(raw: bytes = RAW, envelope: Envelope = ENVELOPE) -> bytes:
    more = {"hostname": "mx.company.example", "number": "01KD2Q8V6M3ZT", "boundary": "=_b0", "now": NOW}
    return journal_report.write_journal_report(envelope, raw, sender="postmaster@company.example", to="archive@company.example", **more)  # type: ignore[arg-type]


def test_it_says_the_envelope_and_holds_the_mail() -> None:
    read = email.message_from_bytes(report(), policy=policy.SMTP)
    assert (read["From"], read["To"], read["Message-ID"]) == (
        "postmaster@company.example",
        "archive@company.example",
        "<01KD2Q8V6M3ZT.journal@mx.company.example>",
    )
    text, mail = read.iter_parts()
    assert text.get_content().splitlines() == [
        "Sender: ruth@stranger.example",
        "Recipient: it+joe.fern@company.example",
        "Recipient: mara@company.example",
        "Received: 2026-11-24T09:30:00+00:00",
        "Client: 192.0.2.7 (mx.stranger.example)",
    ]
    assert mail.get_content_type() == "message/rfc822"


@pytest.mark.parametrize(
    ("reverse_path", "recipients"),
    [
        ("", ("joe@company.example",)),
        ("jürgen@exämple.example", ("mära@company.example",)),
        ("a\r\nRecipient: b@evil.example", ("c@d.example",)),
    ],
)
def test_nothing_in_the_envelope_is_more_than_one_line(reverse_path: str, recipients: tuple[str, ...]) -> None:
    envelope = Envelope(7, NOW, reverse_path, recipients, "", "")
    found = outbound.read_journal(report(envelope=envelope))
    assert found is not None
    assert found.recipients == recipients


@given(body=strategies.binary(max_size=300))
def test_the_mail_is_there_byte_for_byte(body: bytes) -> None:
    raw = RAW + body.replace(b"\r", b"").replace(b"\n", b"\r\n")
    whole = report(raw)
    start = whole.index(b"message/rfc822")
    _, _, rest = whole[start:].partition(b"\r\n\r\n")
    assert rest.removesuffix(b"\r\n--=_b0--\r\n") == raw
    assert (b"8bit" in whole[start : whole.index(raw)]) == (not raw.isascii())
    found = outbound.read_journal(whole)
    assert found is not None
    assert (found.sender, found.recipients, found.summary.subject) == (ENVELOPE.reverse_path, ENVELOPE.recipients, "hello")
