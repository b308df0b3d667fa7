"""Parses a delivery report for each recipient (RFC 3464, RFC 6533), in a bounded way. Never raises."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from triage.message.mime.decoding import decode_words
from triage.message.mime.mime_parts import Field, TooMuch, fields_of, first_field
from triage.text.sanitize import escape_visible

MEDIA_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
READ_LIMIT = 64 * 1024  # bytes
RECIPIENT_LIMIT = 50
MAIL_SYSTEMS = re.compile(r"mail(?:er)?-?daemon|postmaster|mdaemon|microsoftexchange[0-9a-f]{32}")  # local parts, folded
NO_ADDRESS = re.compile(  # a From field, folded, of a mail system that writes no address into it which is sure
    r"(?:(?:mail(?:er)?[ -]?daemon|postmaster|mdaemon|mail delivery (?:sub)?system)(?:@[\w.:\[\]-]*+)?+|[\s<>()\"])*+"
)
LENGTH_LIMIT = 500  # characters of one value
BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n))[ \t]*(?:\r\n|\n|\r(?!\n))")


@dataclass(frozen=True, slots=True)
class Status:
    """Status of one recipient in a delivery report."""

    recipient: str  # final, or else original; without its address type
    action: str  # failed, delayed, delivered, relayed, expanded
    status: str  # such as 5.1.1 (RFC 3463)
    diagnostic: str  # what the server that refused it said; "" when the report does not tell


def is_mail_system(author: str) -> bool:
    """Whether this is the address of a server, by which it tells what became of a message (RFC 3464, 2). Anybody may write that it is."""
    return MAIL_SYSTEMS.fullmatch(author.partition("@")[0]) is not None


def is_mail_system_without_address(written: str) -> bool:
    """Whether a From field names a mail system and nobody else: `MAILER-DAEMON (Mail Delivery System)`, `<>`, `<mailer-daemon@host>`."""
    return NO_ADDRESS.fullmatch(decode_words(written[:LENGTH_LIMIT]).casefold()) is not None


def read_delivery_status(data: bytes) -> tuple[Status, ...]:
    """The groups of a delivery-status part, the first ones when there are many. The message's own group is left out."""
    return tuple(islice(recipient_groups(data[:READ_LIMIT]), RECIPIENT_LIMIT))


def recipient_groups(data: bytes) -> Iterator[Status]:
    """Each group that names a recipient and says what became of it."""
    for block in BLANK.split(data):
        try:
            fields, _ = fields_of(block.strip(b"\r\n"))
        except TooMuch:
            continue
        if status := status_of(fields):
            yield status


def status_of(fields: tuple[Field, ...]) -> Status | None:
    """Parses a group of fields; None when it is not about a recipient."""
    recipient = strip_type(field_value(fields, "final-recipient")) or strip_type(field_value(fields, "original-recipient"))
    said = (field_value(fields, name).partition(" ")[0].casefold() for name in ("action", "status"))
    action, status = (word[:LENGTH_LIMIT] for word in said)  # once more: ß becomes two letters
    if not recipient or not action:
        return None
    return Status(recipient, action, status, strip_type(field_value(fields, "diagnostic-code")))


def field_value(fields: tuple[Field, ...], name: str) -> str:
    """The value of a field on one line, harmless and short enough to keep."""
    return escape_visible(" ".join(decode_words(first_field(fields, name)).split()))[:LENGTH_LIMIT]


def strip_type(text: str) -> str:
    """The value behind its type: "rfc822; anna@company.example" and "smtp; 550 no" (RFC 3464, 2.1.2)."""
    kind, separator, rest = text.partition(";")
    return rest.strip() if separator and " " not in kind.strip() else text
