"""Writes who submitted a message onto it: envelope sender, From and Received are those of the file's owner, unless that user is trusted."""

import pwd
import re
from dataclasses import dataclass
from email.utils import format_datetime, formataddr

from mta.outbound.header_fields import field_name, field_value, split_fields
from mta.outbound.submission_file import SubmittedMessage, is_address
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.ids import format_id
from triage.times import utcnow

PROTOCOL = "LOCAL"
PLAIN_NAME = re.compile(r"[\w .'+-]*")  # holds neither a second address nor an encoded word


class NotTaken(Exception):
    """Reason why a file is no message of its owner."""


@dataclass(frozen=True, slots=True)
class Submitter:
    """The owner of a submitted file."""

    uid: int
    user: str  # name on this machine, "" where it has none
    address: str
    trusted: bool = False  # may write in other names


def submitter_of(uid: int, settings: Settings) -> Submitter:
    """The user with this number, and the user's address."""
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = ""
    local = user if is_address(user) and "@" not in user else f"uid{uid}"
    return Submitter(uid, user, qualify_address(local, settings), user != "" and user in settings.outbound.submit_trusted)


def qualify_address(text: str, settings: Settings) -> str:
    """The address; a local part alone gets the domain of this machine's users."""
    return text if "@" in text else f"{text}@{settings.outbound.submit_domain or settings.company.hostname}"


def envelope_of(message: SubmittedMessage, submitter: Submitter, *, spool_id: int, settings: Settings) -> Envelope:
    """The envelope. Whoever is not trusted has no choice of sender but their own address and the null sender of automatic answers."""
    sender = submitter.address
    if message.sender == "" or (message.sender and submitter.trusted):
        sender = message.sender and qualify_address(message.sender, settings)
    return Envelope(
        spool_id=spool_id,
        received_at=utcnow(),
        reverse_path=sender,
        recipients=tuple(dict.fromkeys(qualify_address(one, settings) for one in message.recipients)),
        client="",
        helo="localhost",
        protocol=PROTOCOL,
    )


def stamp_message(message: SubmittedMessage, submitter: Submitter, envelope: Envelope, *, hostname: str) -> bytes:
    """The message with our Received field, and a From field that is the submitter's.

    A From field that names somebody else is kept as X-Original-From, and the Sender field goes.
    """
    fields, body = split_fields(message.raw)
    authors = [one for one in fields if field_name(one) == b"from"]
    kept = [one for one in fields if field_name(one) != b"return-path"]
    added = b""
    if not authors or not (submitter.trusted or (len(authors) == 1 and names_submitter(field_value(authors[0]), submitter.address))):
        name = "" if authors else message.name
        added = f"From: {formataddr((name, submitter.address)) if PLAIN_NAME.fullmatch(name) else submitter.address}\r\n".encode()
        kept = [b"X-Original-" + one if one in authors else one for one in kept]
    if not submitter.trusted:
        kept = [one for one in kept if field_name(one) != b"sender"]
    return received_field(submitter, envelope, hostname) + added + b"".join(kept) + b"\r\n" + body


def names_submitter(value: str, address: str) -> bool:
    """Whether the value of a From field is this address alone, with a plain name at most."""
    name, bracket, rest = value.rpartition("<")
    if not bracket:
        return value.casefold() == address.casefold()
    name = name.strip()
    plain = name[1:-1] if len(name) > 1 and name.startswith('"') and name.endswith('"') else name
    return rest.casefold() == f"{address}>".casefold() and PLAIN_NAME.fullmatch(plain) is not None


def received_field(submitter: Submitter, envelope: Envelope, hostname: str) -> bytes:
    """Received field that names the user who handed the message over (RFC 5321, 4.4)."""
    user = f" {submitter.user}" if is_address(submitter.user) and "@" not in submitter.user else ""
    about = f"Received: by {hostname} (mailroom-submit, from uid {submitter.uid}{user})\r\n\tid {format_id(envelope.spool_id)};"
    return f"{about}\r\n\t{format_datetime(envelope.received_at)}\r\n".encode("ascii")
