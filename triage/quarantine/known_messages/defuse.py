"""Makes a harmless copy of a message that looks as if it came today: its links lead nowhere, and its dates and Message-ID are new."""

import base64
import binascii
import random
import re
import string
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from triage.message.mime.mime_parts import Part, TooMuch, headers_of, parts_of
from triage.store.message_record.record_codec import MessageRecord

LINK = re.compile(rb"(?i)((?:https?://|\bwww\.)(?:[^\s/?#\"'<>\\]*[a-z0-9]))([/?#][^\s\"'<>\\]*)?")
LETTER = re.compile(rb"&(?:amp|lt|gt|quot|#\d+);|%[0-9A-Fa-f]{2}|[A-Za-z0-9]+")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DATE = re.compile(
    rf"(?P<weekday>(?:{'|'.join(DAYS)}),\s+)?(?P<day>\d\d?)\s+(?P<month>{'|'.join(MONTHS)})\s+(?P<year>\d{{4}})\s+"
    r"(?P<hour>\d\d):(?P<minute>\d\d)(?P<second>:\d\d)?".encode()
)
OTHER_WIDTHS = ("utf-16", "utf-32", "utf-7", "iso-2022")  # charsets in which a link is not written as ASCII
WORD = 6  # letters of a path where a link had none
VOWELS, CONSONANTS = "aeiouy", "bcdfghjklmnpqrstvwxz"


class Copy(NamedTuple):
    """A message that is to be put into the queue, without its links."""

    raw: bytes
    record: MessageRecord
    text: str


class Unfit(Exception):
    """A message of which no harmless copy can be made."""


class Disguise:
    """Replacements of links, dates and names: the same each time, in the message as in its summary."""

    def __init__(self, seed: int, moved: timedelta) -> None:
        self.moved = moved
        chance = random.Random(seed)
        self.table = bytes.maketrans(*(text.encode() for text in shuffle_letters(chance)))

    def replace_links(self, said: bytes) -> bytes:
        """The text with other letters in the path of each link; the host stays, by which people judge it."""
        return LINK.sub(lambda link: link[1] + self.replace_path(link[1], link[2] or b""), said)

    def replace_path(self, host: bytes, path: bytes) -> bytes:
        """The path and query of a link in other letters; where it has none, one that nobody has."""
        if len(path) > 1:
            return LETTER.sub(lambda found: found[0] if found[0][:1] in b"&%" else found[0].translate(self.table), path)
        return b"/" + re.sub(rb"[^A-Za-z0-9]", b"", host)[-WORD:].translate(self.table)

    def replace_dates(self, head: bytes) -> bytes:
        """Header fields with every date moved to today."""
        return DATE.sub(self.move_date, head)

    def move_date(self, found: re.Match[bytes]) -> bytes:
        """A date of a header field, moved."""
        month = MONTHS.index(found["month"].decode()) + 1
        numbers = (int(found["year"]), month, int(found["day"]), int(found["hour"]), int(found["minute"]))
        try:
            day = datetime(*numbers, int((found["second"] or b":0")[1:])) + self.moved  # noqa: DTZ001 - in the zone that follows it
        except (ValueError, OverflowError):
            return found[0]
        weekday = f"{DAYS[day.weekday()]}, " if found["weekday"] else ""
        clock = f"{day:%H:%M:%S}" if found["second"] else f"{day:%H:%M}"
        return f"{weekday}{day.day} {MONTHS[day.month - 1]} {day.year} {clock}".encode()

    def replace_name(self, message_id: str) -> str:
        """Another Message-ID of the same kind."""
        local, at, domain = message_id.partition("@")
        return local.encode(errors="surrogatepass").translate(self.table).decode(errors="surrogatepass") + at + domain

    def replace_values(self, value: Any) -> Any:
        """Plain values with other links in each text."""
        if isinstance(value, str):
            return self.replace_links(value.encode(errors="surrogatepass")).decode(errors="surrogatepass")
        if isinstance(value, dict):
            return {name: self.replace_values(one) for name, one in value.items()}
        return [self.replace_values(one) for one in value] if isinstance(value, list | tuple) else value


def shuffle_letters(chance: random.Random) -> Iterator[str]:
    """Letters and digits, and those that stand for them: vowels for vowels, so that a word still looks like one. None stays."""
    kinds = [kind for some in (VOWELS, CONSONANTS) for kind in (some, some.upper())] + [string.digits]
    orders = {len(kind): turn_round(len(kind), chance) for kind in kinds}
    yield "".join(kinds)
    yield "".join(kind[place] for kind in kinds for place in orders[len(kind)])


def turn_round(size: int, chance: random.Random) -> list[int]:
    """An order in which nothing stays in its place."""
    places = list(range(size))
    chance.shuffle(places)
    following = dict(zip(places, places[1:] + places[:1], strict=True))
    return [following[place] for place in range(size)]


def copy_message(raw: bytes, record: MessageRecord, text: str, disguise: Disguise) -> Copy:
    """A copy of a message without its links. Unfit where a link might stay."""
    name = record.summary.get("message_id", "")
    other = disguise.replace_name(name)
    summary = disguise.replace_values(record.summary) | {"message_id": other}
    summary["date"] = disguise.replace_dates(str(summary.get("date", "")).encode(errors="replace")).decode()
    head = headers_of(raw)
    written = disguise.replace_dates(disguise.replace_links(head))
    if name:
        written = written.replace(name.encode(errors="surrogatepass"), other.encode(errors="surrogatepass"))
    body, hosts = copy_body(raw, len(head), disguise)
    require_known_links(record.summary, hosts | hosts_in(head))
    kept = MessageRecord(record.envelope, record.authentication, summary, disguise.replace_values(record.signals))
    return Copy(written + body, kept, disguise.replace_values(text))


def copy_body(raw: bytes, start: int, disguise: Disguise) -> tuple[bytes, set[bytes]]:
    """The body with other links in each of its texts, and the hosts of these links."""
    hosts: set[bytes] = set()
    made, place = [], start
    for part in text_parts(raw):
        data, said = bytes(part.data), part.content()
        if (at := raw.find(data, place)) < 0 or part.charset.casefold().startswith(OTHER_WIDTHS):
            raise Unfit
        hosts |= hosts_in(said)
        changed = disguise.replace_links(said)
        made += [raw[place:at], data if changed == said else encode_again(changed, part.encoding)]
        place = at + len(data)
    return b"".join([*made, raw[place:]]), hosts


def text_parts(raw: bytes) -> list[Part]:
    """The texts of a message. Unfit where it has too many parts, or a signature or encryption over them."""
    try:
        parts = parts_of(raw)
    except TooMuch as fault:
        raise Unfit from fault
    if any(part.media_type in ("multipart/signed", "multipart/encrypted") for part in parts):
        raise Unfit
    return [part for part in parts if part.is_leaf and part.media_type.startswith("text/") and len(part.data)]


def encode_again(said: bytes, encoding: str) -> bytes:
    """The content of a part in its transfer encoding."""
    if encoding == "base64":
        return base64.encodebytes(said).replace(b"\n", b"\r\n")
    return binascii.b2a_qp(said) if encoding == "quoted-printable" else said


def hosts_in(said: bytes) -> set[bytes]:
    """The hosts that the links of a text name."""
    return {bytes(link[1]).lower().rpartition(b"/")[2] for link in LINK.finditer(said)}


def require_known_links(summary: dict[str, Any], hosts: set[bytes]) -> None:
    """Unfit where the message opens a page by a link that is written in another way than those that were replaced, or by a QR code."""
    targets = [str(one.get("target", "")).encode(errors="surrogatepass") for one in summary.get("links", ())]
    if summary.get("codes") or any(hosts_in(one) - hosts for one in targets):
        raise Unfit
