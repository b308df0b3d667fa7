"""The transaction in which a message that lies in a mailbox once came, as far as its trace fields tell (RFC 5321, 4.4)."""

import hashlib
import ipaddress
import re
from datetime import datetime
from itertools import takewhile

from triage.addressing.envelope import Envelope
from triage.message.mime.mime_parts import Field, TooMuch, fields_of, first_field, headers_of
from triage.message.received_hops import ADDRESS_LITERAL, parse_instant
from triage.times import utcnow

LINE_END = re.compile(rb"\r?\n")
PATH = re.compile(r"<([^<>\s]{0,254})>")
ORIGINAL = ("x-original-to", "envelope-to", "delivered-to")  # Postfix, Exim, and both of them
MAILBOX = "mailbox"  # the edge of such an envelope: whoever accepted the message then has answered for it
INSIDE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10", "::1", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip


def as_received(stored: bytes) -> bytes:
    """The message with the line ends of SMTP; mailboxes on disk have shorter ones."""
    return LINE_END.sub(b"\r\n", stored)


def envelope_of(raw: bytes, recipient: str, stored_at: datetime | None) -> Envelope:
    """The envelope of a message that was delivered to this address. The same message and address always have the same id.

    It came at the instant of its newest Received field; where that is not told, when it was stored, else when it was written.
    """
    fields = read_header(raw)
    received_at = (
        parse_instant(first_field(fields, "received").rpartition(";")[2])
        or stored_at
        or parse_instant(first_field(fields, "date"))
        or utcnow()
    )
    return Envelope(
        spool_id=int.from_bytes(hashlib.sha256(recipient.encode() + b"\0" + raw).digest()[:8]) >> 1,
        received_at=received_at,
        reverse_path=reverse_path(fields),
        recipients=(recipient,),
        client="",
        helo="",
        protocol="local",
        edge=MAILBOX,
    )


def read_header(raw: bytes) -> tuple[Field, ...]:
    """The header fields; none where there are too many to be read."""
    try:
        return fields_of(headers_of(raw))[0]
    except TooMuch:
        return ()


def reverse_path(fields: tuple[Field, ...]) -> str:
    """Returns the path in the Return-Path field; "" for the null path, and where nothing tells."""
    found = PATH.search(first_field(fields, "return-path"))
    return found[1] if found else ""


def addressed_to(raw: bytes) -> tuple[str, ...]:
    """Returns the recipients that the last server wrote on top of the trace; addresses from before the alias lookup come first."""
    on_top = tuple(takewhile(lambda field: field.name != "received", read_header(raw)))
    found = [field.text.strip("<> ") for name in ORIGINAL for field in on_top if field.name == name]
    return tuple(dict.fromkeys(found))


def from_outside(raw: bytes) -> bool:
    """Whether a Received field names a machine outside of private networks."""
    for field in read_header(raw):
        if field.name == "received":
            for text in ADDRESS_LITERAL.findall(field.text):
                try:
                    address = ipaddress.ip_address(text)
                except ValueError:
                    continue
                if not any(address in network for network in INSIDE if network.version == address.version):
                    return True
    return False
