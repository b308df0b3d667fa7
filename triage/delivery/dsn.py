"""Builds delivery status notifications (RFC 3464): text for people, a report for programs, the header of the failed message.

It says only what a stranger may know: the addresses they wrote to, reply codes, never the words of an inner server.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from quopri import encodestring

from triage.message.mime.mime_parts import headers_of
from triage.say import Said, mark, say

RETURNED_LIMIT = 8 * 1024  # bytes of the head that go back
# Fields that the author wrote. What servers on the way put on top, ours behind an edge included, is nobody's business.
RETURNED = re.compile(
    rb"^(?:from|sender|reply-to|to|cc|subject|date|message-id|in-reply-to|references|mime-version|content-type)[ \t]*:"
    rb"[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*",
    re.I | re.M,
)
ENHANCED = re.compile(r"(?P<code>[245])\d\d[ -](?P<status>(?P=code)\.\d{1,3}\.\d{1,3})\b", re.ASCII)
CODE = re.compile(r"[45]\d\d", re.ASCII)
NOT_DELIVERED = mark("Not delivered: {subject}")
TITLES = {  # the subject of a notice, by its kind
    "failure": NOT_DELIVERED,
    "expiry": NOT_DELIVERED,
    "rejection": mark("Returned: {subject}"),
    "delay": mark("Delayed: {subject}"),
}
REASONS = (  # enhanced status codes (RFC 3463) in words, the first that fits
    ("4.", say("The receiving mail server did not accept it in time.")),
    ("5.4.7", say("The receiving mail server did not accept it in time.")),
    ("5.1.", say("This address does not accept messages.")),
    ("5.2.1", say("This address does not accept messages.")),
    ("5.2.2", say("The mailbox is full.")),
    ("5.2.3", say("The message is too large for the mailbox.")),
    ("5.3.4", say("The message is too large for our mail system.")),
    ("5.7.", say("Our mail system does not accept this message.")),
    ("", say("Our mail system could not deliver it.")),
)


@dataclass(frozen=True, slots=True)
class Failed:
    """Failed recipient, with the address as the sender wrote it and the status (RFC 3463)."""

    recipient: str
    status: str
    code: str = ""  # the SMTP reply code, where there was one
    retry_until: datetime | None = None  # it is late, and tried again until then; None: it has failed

    @property
    def reason(self) -> str:
        """The status in words."""
        return next(words for start, words in REASONS if self.status.startswith(start))


@dataclass(frozen=True, slots=True)
class Notice:
    """Content of a notice to a sender."""

    kind: str  # failure, rejection, expiry, delay
    sender: str  # our address
    to: str  # the sender's reverse-path
    subject: str  # of their message
    text: str  # for people
    failed: tuple[Failed, ...]
    hostname: str  # as we greet strangers
    arrived_at: datetime
    message_id: str  # of their message, without brackets
    original: bytes  # their message; only some fields of its head go back
    title: str = ""  # its own subject in another language


def title_of(kind: str, subject: str) -> Said:
    """The subject of a notice about a message with this subject."""
    return say(TITLES[kind], subject=subject)


def status_of(reply: str) -> tuple[str, str]:
    """Status and code of a next hop's reply; what it does not tell is 5.0.0 (RFC 3463, 2)."""
    if found := ENHANCED.match(reply):
        return found["status"], reply[:3]
    code = reply[:3] if CODE.match(reply) else ""
    return ("4.4.7" if code.startswith("4") else "5.0.0"), code


def delayed_recipient(recipient: str, reply: str, until: datetime) -> Failed:
    """A recipient to whom it is tried again until then; `reply`: the next hop's last one, if any."""
    found = ENHANCED.match(reply)
    status = found["status"] if found and found["code"] == "4" else "4.0.0"
    return Failed(recipient, status, reply[:3] if CODE.match(reply) and reply.startswith("4") else "", until)


def write_dsn(notice: Notice, *, number: str, boundary: str, now: datetime) -> bytes:
    """The notice as it leaves, with CRLF. `number`: of the notice, for its Message-ID; `boundary`: nobody can have guessed it."""
    parts = (
        write_part("text/plain; charset=utf-8", encodestring(notice.text.encode("utf-8", "replace")), "quoted-printable"),
        write_part("message/delivery-status", delivery_status(notice)),
        write_part("text/rfc822-headers", returned_fields(notice.original)),
    )
    return write_multipart(write_head(notice, number, boundary, now), parts, boundary)


def write_multipart(head: Iterable[str], parts: Iterable[bytes], boundary: str) -> bytes:
    """A message of these header fields and parts, with CRLF."""
    line = b"--" + boundary.encode()
    body = b"".join(line + b"\n" + one + b"\n" for one in parts) + line + b"--\n"
    return ("\n".join([*head, "", ""]).encode("utf-8") + body).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def write_head(notice: Notice, number: str, boundary: str, now: datetime) -> list[str]:
    """The header fields. It answers by itself and wants no answer (RFC 3834, 5). Addresses may be international (RFC 6532)."""
    lines = [
        f"Date: {format_datetime(now)}",
        f"From: <{notice.sender}>",
        f"To: <{notice.to}>",
        f"Subject: {encode_subject(notice.title or title_of(notice.kind, notice.subject))}",
        f"Message-ID: <{number}@{notice.hostname}>",
        "Auto-Submitted: auto-replied",
        f"X-Mailroom-Notice: {notice.kind}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\n\tboundary="{boundary}"',
    ]
    answered = re.fullmatch(r"[\x21-\x7e]{1,250}", notice.message_id)
    return [*lines[:5], f"In-Reply-To: <{answered[0]}>", f"References: <{answered[0]}>", *lines[5:]] if answered else lines


def encode_subject(text: str) -> str:
    """A subject in encoded words where it needs them (RFC 2047)."""
    short = " ".join(text.split())[:200]
    return Header(short, None if short.isascii() else "utf-8", header_name="Subject").encode()


def write_part(media_type: str, content: bytes, encoding: str = "7bit") -> bytes:
    """Writes a part of the report."""
    return f"Content-Type: {media_type}\nContent-Transfer-Encoding: {encoding}\n\n".encode("ascii") + content


def delivery_status(notice: Notice) -> bytes:
    """The status for programs (RFC 3464, 2): about the message, then about each recipient."""
    groups = [[f"Reporting-MTA: dns; {notice.hostname}", f"Arrival-Date: {format_datetime(notice.arrived_at)}"]]
    for one in notice.failed:
        lines = [
            f"Final-Recipient: {typed_address(one.recipient)}",
            f"Action: {'delayed' if one.retry_until else 'failed'}",
            f"Status: {one.status}",
        ]
        lines += [f"Diagnostic-Code: smtp; {one.code} {one.status}"] if one.code else []
        groups.append([*lines, f"Will-Retry-Until: {format_datetime(one.retry_until)}"] if one.retry_until else lines)
    return "\n\n".join("\n".join(group) for group in groups).encode("ascii") + b"\n"


def typed_address(recipient: str) -> str:
    """An address with its type; beyond ASCII in the form that every channel carries (RFC 6533, 3)."""
    if recipient.isascii():
        return f"rfc822; {recipient}"
    return "utf-8; " + "".join(one if one.isascii() else f"\\x{{{ord(one):X}}}" for one in recipient)


def returned_fields(original: bytes) -> bytes:
    """The fields that the author wrote, bounded and in ASCII."""
    fields = b"\n".join(RETURNED.findall(headers_of(original)))[:RETURNED_LIMIT]
    return re.sub(rb"[^\t\n\x20-\x7e]", b"?", fields.replace(b"\r\n", b"\n").replace(b"\r", b"\n")) + b"\n"
