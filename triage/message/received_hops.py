"""The hops of a message as its Received fields state them (RFC 5321, section 4.4): server to server, time and delay.

Each server on the way adds its field on top; a sender can invent those below the first server that we trust.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice

from triage.addressing.envelope import Envelope
from triage.message.mime.mime_parts import HEAD_LIMIT
from triage.text.sanitize import escape_visible

MOST_HOPS = 50  # that are read: the newest, which the sender is least able to invent
LONGEST = 2_000  # bytes of a field that are read
NAME_LIMIT = 255  # characters of a server's name

RECEIVED = re.compile(rb"(?:\A|(?<=[\r\n]))received[ \t]*:([^\r\n]*+(?:(?:\r\n|\r|\n)[ \t][^\r\n]*+)*+)", re.IGNORECASE)
FROM = re.compile(r"\bfrom\s+([^\s;()]+)(?:\s*\(([^()]{0,500})\))?", re.IGNORECASE)
BY = re.compile(r"\bby\s+([^\s;()]+)", re.IGNORECASE)
WITH = re.compile(r"\bwith\s+([A-Za-z0-9]{1,20})\b", re.IGNORECASE)
ADDRESS_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]{3,45})\]")


@dataclass(frozen=True, slots=True)
class Hop:
    """A server handed the message to the next."""

    sent_by: str  # "" where the field names nobody
    address: str  # IP address of the sending server, "" where the field names none
    received_by: str  # "" where the field names nobody, and in this server's own record
    protocol: str
    at: datetime | None  # None: the field states no time with its offset from UTC
    delay: int | None = None  # seconds since the last hop with a time; below 0 where the clocks differ
    ours: bool = False  # this server's own record, all others are claims


@dataclass(frozen=True, slots=True)
class Route:
    """The hops of a message, oldest first, and how many older ones are not listed."""

    hops: tuple[Hop, ...]
    left_out: int


def trace_route(head: bytes, envelope: Envelope) -> Route:
    """Returns the newest hops of a header block, oldest first; the arrival at this server comes last."""
    fields = RECEIVED.finditer(head, 0, HEAD_LIMIT)
    claimed = [parse_received(found[1][:LONGEST]) for found in islice(fields, MOST_HOPS)]
    return Route(tuple(add_delays([*reversed(claimed), arrival_of(envelope)])), sum(1 for _ in fields))


def parse_received(value: bytes) -> Hop:
    """Reads a Received field."""
    text = escape_visible(" ".join(value.decode("utf-8", "replace").split()))
    said, _, when = text.rpartition(";")
    said = said or text
    sender = FROM.search(said)
    literal = ADDRESS_LITERAL.search(sender[0]) if sender else None
    return Hop(
        sent_by=sender[1][:NAME_LIMIT] if sender else "",
        address=literal[1] if literal else "",
        received_by=first_group(BY, said),
        protocol=first_group(WITH, said).upper(),
        at=parse_instant(when),
    )


def first_group(pattern: re.Pattern[str], text: str) -> str:
    """Returns what a pattern finds, "" for nothing."""
    found = pattern.search(text)
    return found[1][:NAME_LIMIT] if found else ""


def arrival_of(envelope: Envelope) -> Hop:
    """Returns the last hop, which this server recorded itself."""
    greeting, address = (envelope.edge_helo, envelope.edge) if envelope.edge else (envelope.helo, envelope.client)
    return Hop(escape_visible(greeting), address, "", envelope.protocol, envelope.received_at, ours=True)


def add_delays(hops: Iterable[Hop]) -> Iterator[Hop]:
    """Yields hops with the seconds since the last one that has a time."""
    before: datetime | None = None
    for hop in hops:
        yield hop if hop.at is None or before is None else replace(hop, delay=round((hop.at - before).total_seconds()))
        before = hop.at or before


def parse_instant(text: str) -> datetime | None:
    """The instant that a field names, if it names one with its offset."""
    try:
        found = parsedate_to_datetime(text.strip())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if found.tzinfo is None and "-0000" in text:  # in UTC, and where the clock stood is not told (RFC 5322, section 3.3)
        found = found.replace(tzinfo=UTC)
    return found if found.tzinfo and 1990 < found.year < 2100 else None
