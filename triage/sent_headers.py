"""What a mail in somebody's sent folder teaches, from its header block alone. A quick way for plain mails; `content` reads the rest.

Hundreds of thousands are read in one go, nearly all of them plain and to the same few people: their fields are cut out by one
regular expression, and an address field that was read before is not read again.
"""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

from triage import authors, teaching
from triage.authors import FIELD_LIMIT, MANY, author_of
from triage.content import ROBOTS, SUBJECT_LIMIT, Summary, identifiers, line, summarise
from triage.decoding import text_of
from triage.teaching import Reason, Sent

FIELD = re.compile(rb"(([!-9;-~]+):((?:[^\n]*\n(?=[ \t]))*[^\n]*)\n?)")
DATE = re.compile(rb"(\d{1,2}) (\w{3})\w* (\d{4}) (\d\d):(\d\d)(?::(\d\d))? ?([+-])(\d\d)(\d\d)")
MONTHS = {name: number for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
EARLIEST = datetime(1982, 8, 13, tzinfo=UTC)  # of RFC 822
AHEAD = timedelta(days=1)  # a clock may be wrong
TO = (b"to", b"cc", b"bcc")
ONCE = (b"from", b"subject", b"date", b"message-id", b"content-type")
NOT_PLAIN = frozenset(name.encode() for name in (*ROBOTS, "auto-submitted", "precedence"))  # and whatever is called list-
CALLED = (b"report", b"calendar", b"disposition", b"delivery-status")  # in a Content-Type
REMEMBERED = 1000  # bytes of a field that is remembered


def sent_mail(head: bytes, account: str, arrived: datetime | None, now: datetime) -> Sent:
    """The mail with this header block, in the sent folder of that address. Never raises."""
    fields = plain_fields(head)
    if fields is None:
        return elaborate(head, account, arrived, now)
    subject = line(text_of(fields.get(b"subject", b"")), SUBJECT_LIMIT)
    author = read_author(fields[b"from"]) if len(fields.get(b"from", b"")) <= REMEMBERED else author_of([fields.get(b"from", b"")]).address
    recipients = tuple(one for name in TO if name in fields for one in read(fields[name]))
    return Sent(
        sender=account,
        recipients=tuple(dict.fromkeys(recipients)),
        author=author,
        at=date_of(fields.get(b"date", b""), arrived, now),
        message_id=next(iter(identifiers([fields.get(b"message-id", b"")])), ""),
        subject_digest=teaching.digest(subject),
        why_not=Reason.BULK if len(recipients) >= MANY else teaching.why_not(Summary(subject=subject), account),
    )


def plain_fields(head: bytes) -> dict[bytes, bytes] | None:
    """The fields by name, each there once; None unless the block is well formed and nothing in it needs a closer look."""
    found = FIELD.findall(head)
    fields: dict[bytes, bytes] = {}
    size = 0
    for whole, written, value in found:
        size += len(whole)
        name = written.lower()
        if name in NOT_PLAIN or name.startswith(b"list-"):
            return None
        if name in fields and (name in ONCE or name in TO):
            return None
        fields[name] = value.strip()
    kind = fields.get(b"content-type", b"").lower()
    if (
        size < len(head.rstrip(b"\r\n"))
        or head.count(b"\r") != head.count(b"\r\n")
        or b"from" not in fields
        or any(word in kind for word in CALLED)
    ):
        return None
    return fields


def read(value: bytes) -> tuple[str, ...]:
    """The addresses in a field, folded; "" for each that there is any doubt about. What only looks like one is not among them."""
    return remembered(value) if len(value) <= REMEMBERED else too_many(value) or surely(value)


def too_many(value: bytes) -> tuple[str, ...]:
    """Of a field with more addresses than are ever read: as many as say so."""
    return ("",) * MANY if len(value) > FIELD_LIMIT or value.count(b"@") > MANY else ()


@lru_cache(50_000)
def remembered(value: bytes) -> tuple[str, ...]:
    """The same for a field that is likely to come again."""
    return surely(value)


def surely(value: bytes) -> tuple[str, ...]:
    """The same, read now."""
    return tuple(mailbox.address for mailbox in authors.read(value).mailboxes)


@lru_cache(10_000)
def read_author(value: bytes) -> str:
    """The one author in a From field."""
    return author_of([value]).address


def date_of(value: bytes, arrived: datetime | None, now: datetime) -> datetime:
    """When it was written: by its Date, where that can be, else when it was filed."""
    said = quick_date(value) or slow_date(value)
    if said is None or not EARLIEST <= said <= now + AHEAD:
        said = arrived or now
    return min(said, now)


def quick_date(value: bytes) -> datetime | None:
    """A Date as nearly every program writes it (RFC 5322, 3.3)."""
    found = DATE.search(value)
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups(b"0")
    try:
        zone = timedelta(hours=int(hours), minutes=int(minutes))
        local = datetime(int(year), MONTHS[month.lower()], int(day), int(hour), int(minute), min(59, int(second)), tzinfo=UTC)
        return local + zone if sign == b"-" else local - zone
    except (ValueError, KeyError, OverflowError):
        return None


def slow_date(value: bytes) -> datetime | None:
    """A Date of some other form; None when it is none."""
    try:
        said = parsedate_to_datetime(value.decode("ascii", "replace").strip())
        return said.replace(tzinfo=said.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def elaborate(head: bytes, account: str, arrived: datetime | None, now: datetime) -> Sent:
    """The same with the parser that judges what comes in."""
    summary = summarise(head, headers_only=True)
    fields = {name: [value for _, found, value in FIELD.findall(head) if found.lower() == name] for name in (*TO, b"date")}
    recipients = tuple(one for name in TO for value in fields[name] for one in read(value))
    at = date_of(next(iter(fields[b"date"]), b""), arrived, now)
    sent = teaching.sent(summary, account, tuple(dict.fromkeys(recipients)), at)
    if sent.why_not is None and len(recipients) >= MANY:
        return Sent(sent.sender, (), sent.author, at, sent.message_id, sent.subject_digest, why_not=Reason.BULK)
    return sent
