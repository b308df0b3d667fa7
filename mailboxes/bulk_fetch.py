"""FETCH of many messages with little work for each: the answers are cut out of the stream as they come (RFC 9051, 7.5.2).

A general parser of IMAP answers costs more than everything else that happens to a message here.
"""

import imaplib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from imapclient import IMAPClient  # type: ignore[import-untyped]

LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")
UID = re.compile(rb"[( ]UID (\d+)")
DATE = re.compile(rb'INTERNALDATE "([^"]{26})"')
SHORT = re.compile(rb'BODY\[[^\]]*\] (?:NIL|"((?:[^"\\]|\\.)*)")')  # what is empty comes without a literal
MONTHS = {month: number for number, month in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
PIECE = 1024 * 1024  # bytes of one read of what nobody wants


class Refused(Exception):
    """The server says NO or BAD to the FETCH; what came before it is good."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One message as the server sent it."""

    uid: int
    arrived: datetime | None
    raw: bytes | None  # None: larger than was asked for


def fetch(client: IMAPClient, uids: str, part: str, limit: int) -> Iterator[Answer]:
    """The messages with these UIDs, `part` of each, as they come. Refused where the server ends it with anything but OK."""
    connection: imaplib.IMAP4 = client._imap
    tag = connection._new_tag()
    connection.send(b"%s UID FETCH %s (UID INTERNALDATE %s)\r\n" % (tag, uids.encode(), part.encode()))
    while True:
        line = connection.readline()
        if not line.startswith(b"*"):
            break
        said, bodies = line, []
        while found := LITERAL.search(said):
            bodies.append(literal(connection, int(found[1]), limit))
            said = said[: found.start()] + connection.readline()
        if b" FETCH (" in said[:24] and (uid := UID.search(said)):
            body = bodies[0] if bodies else short(said)
            if bodies or body is not None:
                yield Answer(int(uid[1]), date_of(said), body)
        elif said.startswith(b"* BYE"):
            raise imaplib.IMAP4.abort(f"the server hung up: {said[5:200].decode('utf-8', 'replace').strip()}")
    if not line.startswith(tag):
        raise imaplib.IMAP4.abort("the connection broke off")
    connection.tagged_commands.pop(tag, None)
    if not line[len(tag) :].strip().upper().startswith(b"OK"):
        raise Refused(line[len(tag) :].decode("utf-8", "replace").strip())


def literal(connection: imaplib.IMAP4, size: int, limit: int) -> bytes | None:
    """The bytes of a literal; None, and out of the way, when there are more than the limit."""
    kept = connection.read(size) if size <= limit else None
    taken = len(kept) if kept is not None else 0
    while kept is None and taken < size and (some := connection.read(min(PIECE, size - taken))):
        taken += len(some)
    if taken < size:
        raise imaplib.IMAP4.abort("the connection broke off")
    return kept


def short(said: bytes) -> bytes | None:
    """A body that came as a quoted string or as NIL; None where there is none."""
    found = SHORT.search(said)
    return re.sub(rb"\\(.)", rb"\1", found[1] or b"") if found else None


def date_of(said: bytes) -> datetime | None:
    """INTERNALDATE, in UTC."""
    found = DATE.search(said)
    if not found:
        return None
    text = found[1]
    try:
        zone = timedelta(hours=int(text[22:24]), minutes=int(text[24:26])) * (-1 if text[21:22] == b"-" else 1)
        local = datetime(
            int(text[7:11]), MONTHS[text[3:6]], int(text[:2]), int(text[12:14]), int(text[15:17]), int(text[18:20]), tzinfo=UTC
        )
        return local - zone
    except (ValueError, KeyError, OverflowError):
        return None
