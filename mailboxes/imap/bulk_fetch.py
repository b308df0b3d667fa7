"""FETCH of many messages with little work for each: the answers are cut out of the stream as they come (RFC 9051, 7.5.2).

A general parser of IMAP answers costs more than everything else that happens to a message here.
"""

import imaplib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from imapclient import IMAPClient  # type: ignore[import-untyped]

from mailboxes.imap.imap_stream import BoundedReading, Stream

USUAL = re.compile(rb'\* \d+ FETCH \(UID (\d+)(?: INTERNALDATE ("[^"]{26}"))? BODY\[[^\]]*\] \{(\d+)\}\r\n')
LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")
UID = re.compile(rb"[( ]UID (\d+)")
DATE = re.compile(rb'INTERNALDATE ("[^"]{26}")')
SHORT = re.compile(rb'BODY\[[^\]]*\] (?:NIL|"((?:[^"\\]|\\.)*)")')  # what is empty comes without a literal
MONTHS = {month: number for number, month in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
PIECE = 1024 * 1024  # bytes of one read of what nobody wants
MOST = 2**32 - 1  # bytes of a literal (RFC 3501, 9: number)
MANY = 20  # literals in one answer


class Refused(Exception):
    """The server says NO or BAD to the FETCH; what came before it is good."""


Answer = tuple[int, bytes | None, bytes | None]  # UID, INTERNALDATE in its quotes, what was asked for (None: larger than the limit)


def send_fetch(client: IMAPClient, uids: str, items: str) -> bytes:
    """Ask for these items of the messages with these UIDs. The tag by which `read_answers` knows that it has heard all."""
    tag: bytes = client._imap._new_tag()
    client._imap.send(b"%s UID FETCH %s (UID %s)\r\n" % (tag, uids.encode(), items.encode()))
    return tag


def read_answers(client: IMAPClient, tag: bytes, limit: int) -> Iterator[Answer]:
    """The messages, as they come. Refused where the server ends it with anything but OK."""
    connection: BoundedReading = client._imap
    stream = connection.incoming
    while True:
        yield from usual_answers(stream, limit)
        line = stream.readline()
        if not line.startswith(b"*"):
            break
        if answer := unusual_answer(stream, line, limit):
            yield answer
    if not line.startswith(tag):
        raise imaplib.IMAP4.abort("the connection broke off")
    connection.tagged_commands.pop(tag, None)
    if not line[len(tag) :].strip().upper().startswith(b"OK"):
        raise Refused(line[len(tag) :].decode("utf-8", "replace").strip())


def usual_answers(stream: Stream, limit: int) -> Iterator[Answer]:
    """The answers that have come as a whole, and look as those of nearly every server do."""
    ahead = stream.ahead
    while found := USUAL.match(ahead, stream.at):
        uid, filed, size = found.groups()
        length, begin = int(size), found.end()
        end = begin + length
        if length > limit or not ahead.startswith(b")\r\n", end):
            return
        stream.at = end + 3
        yield int(uid), filed, ahead[begin:end]


def unusual_answer(stream: Stream, line: bytes, limit: int) -> Answer | None:
    """Any answer that begins with this line; None when it is about something else."""
    said = line
    bodies: list[bytes | None] = []
    while found := LITERAL.search(said):
        if len(bodies) == MANY:
            raise imaplib.IMAP4.abort("the server sends an answer without end")
        bodies.append(read_literal(stream, int(found[1]), limit))
        said = said[: found.start()] + stream.readline()
    if said.startswith(b"* BYE"):
        raise imaplib.IMAP4.abort(f"the server hung up: {said[5:200].decode('utf-8', 'replace').strip()}")
    uid = UID.search(said) if b" FETCH (" in said[:24] else None
    body = bodies[0] if bodies else short_body(said)
    if uid is None or (body is None and not bodies):
        return None
    filed = DATE.search(said)
    return int(uid[1]), filed[1] if filed else None, body


def fetch_dates(client: IMAPClient, uids: str) -> dict[str, bytes]:
    """Fetches when the messages with these UIDs were filed, as far as the server tells: INTERNALDATE, by UID."""
    _, said = client._imap.uid("FETCH", uids, "(UID INTERNALDATE)")
    lines = (line for line in said if isinstance(line, bytes))
    found = ((UID.search(line), DATE.search(line)) for line in lines)
    return {uid[1].decode(): filed[1] for uid, filed in found if uid and filed}


def read_literal(stream: Stream, size: int, limit: int) -> bytes | None:
    """The bytes of a literal; None, and out of the way, when there are more than the limit."""
    if size > MOST:
        raise imaplib.IMAP4.abort(f"the server announces {size:,} bytes")
    kept = stream.read(size) if size <= limit else None
    taken = len(kept) if kept is not None else 0
    while kept is None and taken < size and (some := stream.read(min(PIECE, size - taken))):
        taken += len(some)
    if taken < size:
        raise imaplib.IMAP4.abort("the connection broke off")
    return kept


def short_body(said: bytes) -> bytes | None:
    """A body that came as a quoted string or as NIL; None where there is none."""
    found = SHORT.search(said)
    return re.sub(rb"\\(.)", rb"\1", found[1] or b"") if found else None


def date_of(filed: bytes) -> datetime | None:
    """INTERNALDATE, in UTC."""
    text = filed[1:-1]
    try:
        zone = timedelta(hours=int(text[22:24]), minutes=int(text[24:26])) * (-1 if text[21:22] == b"-" else 1)
        local = datetime(
            int(text[7:11]), MONTHS[text[3:6]], int(text[:2]), int(text[12:14]), int(text[15:17]), int(text[18:20]), tzinfo=UTC
        )
        return local - zone
    except (ValueError, KeyError, OverflowError):
        return None
