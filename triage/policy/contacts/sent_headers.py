"""Learns from a sent message by its header alone: a fast path for plain messages; `content` reads the rest.

Hundreds of thousands are read in one go, nearly all of them plain and to the same few people: their fields are cut out by one
regular expression, an address that was read before is not read again, and what only the last message to somebody is asked for
(its Message-ID, the digest of its subject) is read when it is asked for.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

from triage.message import authors
from triage.message.authors import FIELD_LIMIT, MANY, author_of
from triage.message.mime.decoding import text_of
from triage.message.summary import ROBOTS, SUBJECT_LIMIT, make_summary, message_ids, single_line
from triage.policy.contacts import contact_evidence
from triage.policy.contacts.contact_evidence import Reason, Sent

FIELD = re.compile(rb"(?<![!-9;-~])([!-9;-~]++):([^\n]*+(?:\n[ \t][^\n]*+)*+)\n?")
NAME = re.compile(rb"[!-9;-~]{1,100}")
VALUE = rb"[^\n]*+(?:\n[ \t][^\n]*+)*+"
FIELDS, FORMS = 60, 5  # in a form; forms that are tried
FOLDED = frozenset({b" ", b"\t"})
DATE = re.compile(rb"(\d{1,2} [A-Za-z]{3,12} \d{4}) (\d\d:\d\d)(:\d\d)? ?([+-]\d{4})")
MINUTES = {b"%02d:%02d" % (hour, minute): timedelta(hours=hour, minutes=minute) for hour in range(24) for minute in range(60)}
SECONDS = {b":%02d" % second: timedelta(seconds=min(59, second)) for second in range(100)} | {None: timedelta()}
MONTHS = {name: number for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
EARLIEST = datetime(1982, 8, 13, tzinfo=UTC)  # of RFC 822
AHEAD = timedelta(days=1)  # a clock may be wrong
TO = (b"to", b"cc", b"bcc")
READ = (b"from", b"subject", b"date", b"message-id", b"content-type", *TO)
NOT_PLAIN = frozenset(name.encode() for name in (*ROBOTS, "auto-submitted", "precedence"))  # and whatever is called list-
CALLED = re.compile(rb"report|calendar|disposition|delivery-status", re.IGNORECASE)  # in a Content-Type
LONGEST = 254  # bytes of an address
REMEMBERED = 1000  # bytes of a field that is remembered
IDENTIFIER = re.compile(rb"\s*<([!-;=?-~]{1,500})>\s*")
STRUCTURED = re.compile(rb'[()"\\\[\]:;]')  # within these a comma may stand that parts no addresses
LABEL = rb"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
LOCAL = rb"(?=[^@]{1,64}@)[\w+-]+(?:\.[\w+-]+)*"
SIMPLE = re.compile(rb"[ \t\r\n]*([\w .'-]*<)?(%s@(?:%s\.)+%s)(?(1)>)[ \t\r\n]*" % (LOCAL, LABEL, LABEL), re.IGNORECASE)


class Plain(NamedTuple):
    """A plain mail, as `contact_evidence.Sent`."""

    sender: str
    recipients: tuple[str, ...]
    author: str
    at: datetime
    why_not: Reason | None
    subject: str
    identifier: bytes

    @property
    def message_id(self) -> str:
        """Message-ID, as in Sent.message_id."""
        found = IDENTIFIER.fullmatch(self.identifier)
        return found[1].decode("ascii") if found else next(iter(message_ids([self.identifier])), "")

    @property
    def subject_digest(self) -> str:
        """Digest of the subject, as in Sent.subject_digest."""
        return contact_evidence.digest_subject(self.subject)


class PlainReader:
    """Reads the messages of one account: nearly all of them are written by the same few programs, each with its fields in the same
    order.
    """

    def __init__(self, account: str) -> None:
        self.account = account
        self.forms: list[Form] = []  # the ones last met, the last one first
        self.wrote = b"", ""  # who wrote the last message, as in its From and as an address

    def read(self, head: bytes, now: datetime) -> Plain | None:
        """The message with this header block, in the account's sent folder; None when `read_elaborately` has to read it. Never raises."""
        fields = self.fields(head)
        if fields is None:
            return None
        author, written, date, identifier, kind, to, cc, bcc = fields
        at = quick_date(date)
        if at is None or at < EARLIEST or is_called(kind):
            return None
        if at > now:
            if at > now + AHEAD:
                return None
            at = now
        if author != self.wrote[0]:
            self.wrote = author, author_in(author.strip())
        recipients = read_addresses(to.strip())
        if cc or bcc:
            recipients += read_addresses(cc.strip()) + read_addresses(bcc.strip())
        subject = subject_of(written.strip())
        why_not = (
            Reason.BULK if len(recipients) >= MANY else contact_evidence.why_not_subject(subject) if self.account else Reason.NULL_SENDER
        )
        if len(recipients) > 1:
            recipients = tuple(dict.fromkeys(recipients))
        return Plain(self.account, recipients, self.wrote[1], at, why_not, subject, identifier)

    def fields(self, head: bytes) -> tuple[bytes, ...] | None:
        """The values of READ, each there once at most; None unless the block is well formed and nothing in it needs a closer look."""
        if head.count(b"\r") != head.count(b"\r\n"):
            return None
        for form in self.forms:
            if found := form.pattern.fullmatch(head):
                if form is not self.forms[0]:
                    self.forms.remove(form)
                    self.forms.insert(0, form)
                return found.group(*form.places)
        fresh, values = plain_fields(head)
        if fresh:
            self.forms = [fresh, *self.forms[:FORMS]]
        return values


class Form(NamedTuple):
    """The order of fields in a header block."""

    pattern: re.Pattern[bytes]
    places: tuple[int, ...]  # in what it finds, of READ


@lru_cache(500)
def form_of(written: tuple[bytes, ...]) -> Form | None:
    """The form of plain header blocks with these fields; None when these are too many to be met again."""
    if len(written) > FIELDS:
        return None
    names = [name_of(one) for one in written]
    wanted = [re.escape(one) + (b":(%s)\n" if name else b":%s\n") % VALUE for one, name in zip(written, names, strict=True)]
    missing = [name for name in READ if name not in names]
    order = [*filter(None, names), *missing]
    return Form(re.compile(b"".join(wanted) + rb"\r?\n?" + b"()" * len(missing)), tuple(order.index(name) + 1 for name in READ))


def plain_fields(head: bytes) -> tuple[Form | None, tuple[bytes, ...] | None]:
    """The form of a header block, and the values of READ; None where that has to be read with more care."""
    fields: dict[bytes, bytes] = {}
    names: list[bytes] = []
    name: bytes | None = None
    for one in head.rstrip(b"\r\n").split(b"\n"):
        if one[:1] in FOLDED and name is not None:
            if name:
                fields[name] += b"\n" + one
            continue
        written, colon, value = one.partition(b":")
        name = name_of(written) if colon else None
        if name is None or name in fields:
            return None, None
        names.append(written)
        if name:
            fields[name] = value
    if b"from" not in fields:
        return None, None
    return form_of(tuple(names)), tuple(fields.get(one, b"") for one in READ)


@lru_cache(10_000)
def name_of(written: bytes) -> bytes | None:
    """The name of a field that teaches; "" when it does not, None when it needs a closer look, or is no name at all."""
    name = written.lower()
    if name in NOT_PLAIN or name.startswith(b"list-") or not NAME.fullmatch(name):
        return None
    return name if name in READ else b""


@lru_cache(1000)
def is_called(kind: bytes) -> bool:
    """Whether a Content-Type says that a program wrote it."""
    return CALLED.search(kind) is not None


def subject_of(value: bytes) -> str:
    """A subject on one line."""
    text = text_of(value)
    if text.isascii() and text.isprintable() and "  " not in text and "=?" not in text:
        return text[:SUBJECT_LIMIT]
    return single_line(text, SUBJECT_LIMIT)


def read_addresses(value: bytes) -> tuple[str, ...]:
    """The addresses in a field, folded; "" for each that there is any doubt about. What only looks like one is not among them."""
    return read_addresses_cached(value) if len(value) <= REMEMBERED else too_many(value) or read_simple_address(value)


def too_many(value: bytes) -> tuple[str, ...]:
    """Stands in for an address field that is too long or has too many addresses to be read: a tuple of MANY empty addresses; else ()."""
    return ("",) * MANY if len(value) > FIELD_LIMIT or value.count(b"@") > MANY else ()


@lru_cache(10_000)
def read_addresses_cached(value: bytes) -> tuple[str, ...]:
    """The same for a field that is likely to come again, as its addresses are."""
    if STRUCTURED.search(value):
        return read_simple_address(value)
    found: list[str] = []
    for piece in value.split(b","):
        address = simple_address(piece)
        if not address:
            return read_simple_address(value)
        found.append(address)
    return tuple(found)


@lru_cache(50_000)
def simple_address(piece: bytes) -> str:
    """The address in what stands between two commas; "" where it has to be read with more care."""
    found = SIMPLE.fullmatch(piece)
    return found[2].decode("ascii").lower() if found and len(found[2]) <= LONGEST else ""


def read_simple_address(value: bytes) -> tuple[str, ...]:
    """The same, read now."""
    return tuple(mailbox.address for mailbox in authors.read_mailbox(value).mailboxes)


def author_in(value: bytes) -> str:
    """The one author in a From field; "" when there is not exactly one."""
    return read_author(value) if len(value) <= REMEMBERED else author_of([value]).address


@lru_cache(10_000)
def read_author(value: bytes) -> str:
    """The same of a field that is likely to come again."""
    return author_of([value]).address


def date_of(value: bytes, arrived: Callable[[], datetime | None], now: datetime) -> datetime:
    """Returns when a message was written: its Date where that is plausible, else when it was filed, which is asked for only then."""
    said = quick_date(value) or slow_date(value)
    if said is None or not EARLIEST <= said <= now + AHEAD:
        said = arrived() or now
    return min(said, now)


def quick_date(value: bytes) -> datetime | None:
    """A Date as nearly every program writes it (RFC 5322, 3.3)."""
    found = DATE.search(value)
    if found is None:
        return None
    day, minutes, seconds, zone = found.groups()
    begun, passed = find_midnight(day, zone), MINUTES.get(minutes)
    return begun + passed + SECONDS[seconds] if begun and passed is not None else None


@lru_cache(10_000)
def find_midnight(day: bytes, zone: bytes) -> datetime | None:
    """Returns the instant at which a day begins in a time zone; None when there is no such day."""
    number, month, year = day.split(b" ")
    if year == b"9999":
        return None  # its last hours are beyond what a datetime holds
    behind = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:])) * (-1 if zone[:1] == b"+" else 1)
    try:
        return datetime(int(year), MONTHS[month[:3].lower()], int(number), tzinfo=UTC) + behind
    except (ValueError, KeyError, OverflowError):
        return None


def slow_date(value: bytes) -> datetime | None:
    """A Date of some other form; None when it is none."""
    try:
        said = parsedate_to_datetime(value.decode("ascii", "replace").strip())
        return said.replace(tzinfo=said.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def read_elaborately(head: bytes, account: str, arrived: Callable[[], datetime | None], now: datetime) -> Sent:
    """Any message, with the parser that judges what comes in. Never raises."""
    summary = make_summary(head, headers_only=True)
    fields = {name: [value for found, value in FIELD.findall(head) if found.lower() == name] for name in (*TO, b"date")}
    recipients = tuple(one for name in TO for value in fields[name] for one in read_addresses(value))
    at = date_of(next(iter(fields[b"date"]), b""), arrived, now)
    sent = contact_evidence.read_sent(summary, account, tuple(dict.fromkeys(recipients)), at)
    if sent.why_not is None and len(recipients) >= MANY:
        return Sent(sent.sender, (), sent.author, at, sent.message_id, sent.subject_digest, why_not=Reason.BULK)
    return sent
