"""A journal report: an accepted mail for an archive, byte for byte, behind the envelope that it came in. Pure.

In the form that Exchange has made common: a text with a line for the sender and for each recipient, and behind it the message
as an attachment (`outbound.journaled` reads such reports).
"""

from datetime import datetime
from email.utils import format_datetime

from triage.addressing.envelope import Envelope
from triage.delivery.dsn import encode_subject
from triage.text.sanitize import escape_visible


def write_journal_report(
    envelope: Envelope, raw: bytes, *, sender: str, to: str, hostname: str, number: str, boundary: str, now: datetime
) -> bytes:
    """The report as it leaves, with CRLF. `number`: our id of the message; `boundary`: nobody can have guessed it."""
    wide = any(byte > 127 for byte in raw)
    head = (
        f"Date: {format_datetime(now)}",
        f"From: <{sender}>",
        f"To: <{to}>",
        f"Subject: {encode_subject(f'Journal: {number}')}",
        f"Message-ID: <{number}.journal@{hostname}>",
        "Auto-Submitted: auto-generated",
        "X-MS-Journal-Report:",
        f"X-Mailroom-Message: {number}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
    )
    text = (
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Transfer-Encoding: {'7bit' if describe_envelope(envelope).isascii() else '8bit'}",
    )
    mail = ("Content-Type: message/rfc822", f"Content-Transfer-Encoding: {'8bit' if wide else '7bit'}")
    fence = f"--{boundary}"
    before = "\r\n".join((*head, "", fence, *text, "", describe_envelope(envelope), fence, *mail, "", "")).encode()
    return before + raw + f"\r\n{fence}--\r\n".encode()


def describe_envelope(envelope: Envelope) -> str:
    """The envelope in lines: RFC 5321's reverse-path and forward-paths, and who handed it over."""
    lines = [
        f"Sender: {escape_visible(envelope.reverse_path) or '<>'}",
        *(f"Recipient: {escape_visible(one)}" for one in envelope.recipients),
        f"Received: {envelope.received_at.isoformat(timespec='seconds')}",
        f"Client: {escape_visible(envelope.client)} ({escape_visible(envelope.helo)})",
        "",
    ]
    return "\r\n".join(lines)
