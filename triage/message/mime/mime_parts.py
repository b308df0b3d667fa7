"""The parts of a message (RFC 2045, RFC 2046), found within limits in one pass over the bytes and without copying them.

The email package is not used here: it needs several times the message's size in memory, recurses per nesting level, and its
results differ between Python versions. tests/triage/message/mime/test_mime_parts.py holds this walk against it on real mail.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

from triage.message.mime import smime
from triage.message.mime.decoding import (
    FILE_NAMES,
    PARAMETER_LIMIT,
    encoding_of,
    field_text,
    find_codec,
    keeps_ascii,
    needs_charset,
    parse_parameters,
    strip_comments,
    text_of,
    transfer_decoded,
    values_given,
)
from triage.say import say

HEAD_LIMIT = 256 * 1024  # bytes of one header block
FIELD_LIMIT = 2_000  # fields of one header block
DEPTH_LIMIT = 100
PART_LIMIT = 1_000
BOUNDARY_LIMIT = 2_000  # bytes; RFC 2046 allows 70
GIVEN_LIMIT = 20  # values that a part gives for one thing, its boundary or its name
READ_LIMIT = 512 * 1024 * 1024  # bytes of all parts together, for each boundary that is looked for: those within others count again
AGAIN_LIMIT = 8  # times its own bytes that a message's header blocks and leaves have together: honest ones lie side by side
AGAIN_ALWAYS = 64 * 1024  # bytes of them beyond that, so that small messages may be unusual

BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))")
ODD_BLANK_LINES = (b"\n\n", b"\n\r", b"\r\r")  # one of them is in each that is not CRLF CRLF
LINE = re.compile(rb"\r\n|\n|\r")
AFTER_BOUNDARY = re.compile(rb"(--)?[ \t]*(?:\r\n|\n|\r|\Z)")
FIELD = re.compile(rb"([!-9;-~]+)([ \t]*):(.*)", re.DOTALL)
MEDIA_TYPE = re.compile(r'"?([^\s/,"]+/[^\s/,"]+)(?![^\s,"])')
MESSAGES = frozenset({"message/rfc822", "message/global"})
SMIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
OF_MAIL = re.compile(  # a field without which nobody takes it for a message, nor finds parts in it
    rb"(?:\A|[\r\n])(?:content-[a-z-]+|mime-version|from|sender|to|subject|date|message-id|received|return-path)[ \t]*:", re.IGNORECASE
)
AS_THEY_ARE = frozenset({"", "7bit", "8bit", "binary"})
BOUNDARY = frozenset({"boundary"})
NAMING = frozenset({"content-type", "content-disposition"})
DEFAULT_CHARSETS = frozenset({"", "utf-8", "cp1252"})  # what is read as them without being told


class TooMuch(Exception):
    """The message goes past a limit; the text says which, in words."""


@dataclass(frozen=True, slots=True)
class Field:
    """Header field: its folded name and its value, unfolded, as received."""

    name: str
    value: bytes
    strict: bool = True  # False: white space before the colon, which programs read differently

    @property
    def text(self) -> str:
        """The value as text, encoded words as they are."""
        return self.text_in("")

    def text_in(self, charset: str) -> str:
        """The same where its writer used this charset and did not say so."""
        return field_text(self.value, charset).strip()


@dataclass(frozen=True)
class Part:
    """Part of a message. The root part is the message itself."""

    fields: tuple[Field, ...]
    media_type: str  # folded, "type/subtype"
    options: dict[str, str]  # parameters of Content-Type
    depth: int  # 0 for the message itself
    data: memoryview  # the body as received
    is_body: bool = False  # it stands where programs look for what a message says, whatever name it bears
    is_no_mail: bool = False  # it is called a message, and is too long for one without a field that any message has
    names_in: str = ""  # the charset of names that nobody has encoded; "" without such
    is_enclosed: bool = False  # it lies within a signature, whose part holds its bytes too

    @cached_property
    def _disposition(self) -> tuple[str, dict[str, str]]:
        return parse_parameters(first_field(self.fields, "content-disposition"))

    @property
    def disposition(self) -> str:
        """inline, attachment or "" (RFC 2183)."""
        return self._disposition[0]

    @cached_property
    def name(self) -> str:
        """The file name as the sender chose it, without its directories."""
        if self.names_in:
            read = {
                field.name: parse_parameters(field.text_in(self.names_in))[1] for field in reversed(self.fields) if field.name in NAMING
            }
            return without_directories(read.get("content-disposition", {}).get("filename") or read.get("content-type", {}).get("name", ""))
        return without_directories(self._disposition[1].get("filename") or self.options.get("name", ""))

    @cached_property
    def other_names(self) -> tuple[str, ...]:
        """Further names that it gives itself: programs differ in which one they take, and by the charset in how it ends."""
        given = [*names_given(self.fields, self.names_in)]
        if self.names_in:
            given += [
                one for one in names_given(self.fields, "") if file_ending(one) not in {file_ending(self.name), *map(file_ending, given)}
            ]
        return tuple(dict.fromkeys(name for one in given if (name := without_directories(one)) and name != self.name))

    @property
    def content_id(self) -> str:
        """The Content-ID without its brackets."""
        return first_field(self.fields, "content-id").strip("<> ")

    @property
    def charset(self) -> str:
        """Declared charset; "" without a declaration."""
        return self.options.get("charset", "")

    @property
    def is_leaf(self) -> bool:
        """Whether it holds content of its own. An attached message holds parts and is also content."""
        return not self.media_type.startswith("multipart/")

    @property
    def is_message(self) -> bool:
        """Whether it is an attached message. By its name it is one for whoever opens it."""
        named = self.is_leaf and self.depth > 0 and self.name.casefold().endswith(".eml")
        return self.media_type in MESSAGES or named

    def enclosed(self) -> bytes:
        """The message that lies whole within it, if it is a signature (S/MIME); b"" if not. Files are signed so, too (invoice.pdf.p7m)."""
        if self.media_type not in SMIME and not (self.is_leaf and self.name.casefold().endswith(".p7m")):
            return b""
        content = smime.content_of(self.content())
        return content if OF_MAIL.match(content) else b""

    @property
    def encoding(self) -> str:
        """The transfer encoding that changes its bytes, folded: the first where several are named; "" without one."""
        given = (encoding_of(field.text) for field in self.fields if field.name == "content-transfer-encoding")
        return next((one for one in given if one not in AS_THEY_ARE), "")

    def content(self) -> bytes:
        """The body with its transfer encoding undone."""
        return transfer_decoded(self.data, self.encoding)

    def text(self) -> str:
        """The body as text."""
        return text_of(self.content(), self.charset)


def names_given(fields: tuple[Field, ...], charset: str) -> Iterator[str]:
    """Lists the file names that a part gives itself, directories included; undecoded ones are read in this charset."""
    texts = (text for field in fields if field.name in NAMING and "name" in (text := strip_comments(field.text_in(charset))).casefold())
    return (name for text in texts for name in values_given(text, FILE_NAMES))


def file_ending(name: str) -> str:
    """Returns a file's ending, by which a system knows its kind; Windows removes dots and spaces at the end of a name."""
    _, dot, last = name.rstrip(" .").rpartition(".")
    return last.casefold() if dot else ""


def without_directories(name: str) -> str:
    """A file name without those above it."""
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1]


def first_field(fields: tuple[Field, ...], name: str) -> str:
    """The text of the first field of that name, "" without one."""
    return next((field.text for field in fields if field.name == name), "")


def headers_of(raw: bytes) -> bytes:
    """The header block as received, without the empty line after it."""
    return raw[: head_end(raw, 0, len(raw))[0]]


def head_end(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """Returns where the header block that starts at `start` ends, and where the body begins."""
    if found := LINE.match(raw, start, end):
        return start, found.end()
    usual = raw.find(b"\r\n\r\n", start, end)
    if usual >= 0 and all(raw.find(odd, start, usual + 2) < 0 for odd in ODD_BLANK_LINES):
        return usual + 2, usual + 4
    blank = BLANK_LINE.search(raw, start, end)
    if blank is None:
        return end, end
    line = LINE.match(raw, blank.start())
    return (line.end() if line else blank.start()), blank.end()


@lru_cache(maxsize=1)  # asked for the message, and for its parts
def fields_of(head: bytes) -> tuple[tuple[Field, ...], bool]:
    """The fields of a header block, and whether every line of it was well formed. TooMuch beyond the limits."""
    if len(head) > HEAD_LIMIT:
        raise TooMuch(say("a header block is larger than {value} KiB", value=HEAD_LIMIT // 1024))
    lines: list[list[bytes]] = []
    sound = True
    for number, line in enumerate(lines_of(head)):
        if line[:1] in (b" ", b"\t"):
            sound = sound and bool(line.strip()) and bool(lines)
            if lines:
                lines[-1].append(line)
        elif line and not (number == 0 and line.startswith((b"From ", b">From ")) and not FIELD.fullmatch(line)):
            lines.append([line])
    if len(lines) > FIELD_LIMIT:
        raise TooMuch(say("a header block has more than {field_limit} fields", field_limit=FIELD_LIMIT))
    found = [FIELD.fullmatch(b"".join(folded)) for folded in lines]
    fields = tuple(Field(one[1].decode("ascii").casefold(), one[3], not one[2]) for one in found if one)
    return fields, sound and all(found)


def lines_of(head: bytes) -> list[bytes]:
    """The lines of a header block without their ends, whichever these are; where all are CRLF in a tenth of the time."""
    usual = head.count(b"\r\n") == head.count(b"\r") == head.count(b"\n")
    return head.split(b"\r\n") if usual else LINE.split(head)


class Place(NamedTuple):
    """Position of a part that is still to be read, with its context: depth, default type, whether it is body or enclosed."""

    raw: bytes
    start: int
    end: int
    depth: int = 0
    default: str = "text/plain"  # its type where it names none
    is_body: bool = True
    is_enclosed: bool = False


class Allowance:
    """Budget of bytes that may still be read. Parts may lie in each other, so that the same bytes come again and again."""

    def __init__(self, raw: bytes) -> None:
        self.searched = READ_LIMIT
        self.read = AGAIN_LIMIT * len(raw) + AGAIN_ALWAYS

    def search(self, size: int) -> None:
        """Spends bytes that are searched for a boundary. TooMuch beyond the limit."""
        self.searched -= size
        if self.searched < 0:
            raise TooMuch(say("its parts together are larger than {value} MiB", value=READ_LIMIT // 1024 // 1024))

    def take(self, size: int) -> None:
        """Spends bytes that are read for their content. TooMuch beyond the limit."""
        self.read -= size
        if self.read < 0:
            raise TooMuch(say("its parts together are more than {again_limit} times as large as it is", again_limit=AGAIN_LIMIT))


def parts_of(raw: bytes) -> list[Part]:
    """Lists the parts in the order of the message, the message itself first. TooMuch beyond the limits."""
    waiting = [Place(raw, 0, len(raw))]
    found: list[Part] = []
    left = Allowance(raw)
    while waiting:
        place = waiting.pop()
        raw, start, end = place.raw, place.start, place.end
        if place.depth > DEPTH_LIMIT:
            raise TooMuch(say("parts are nested more than {depth_limit} deep", depth_limit=DEPTH_LIMIT))
        if len(found) >= PART_LIMIT:
            raise TooMuch(say("it has more than {part_limit} parts", part_limit=PART_LIMIT))
        head, body = head_end(raw, start, end)
        left.take(head - start)
        try:
            fields, sound = fields_of(raw[start:head])
        except TooMuch:
            if not (found and found[-1].is_message) or OF_MAIL.search(raw[start:head]):
                raise
            found[-1] = replace(found[-1], is_no_mail=True)  # what was found last is what this stands in
            left.take(len(found[-1].data))
            continue
        if sum(len(field.value) for field in fields if field.name in NAMING) > PARAMETER_LIMIT:
            raise TooMuch(say("the header fields of a part are longer than {value} KiB", value=PARAMETER_LIMIT // 1024))
        body = body if sound or body < end else start + well_formed(raw[start:head])
        named_type, options = media_type_of(first_field(fields, "content-type"), place.default)
        boundaries = boundaries_of(fields)
        not_too_many(boundaries)
        left.search((end - start) * max(1, len(boundaries)))
        inside = [span for boundary in boundaries for span in part_spans(raw, body, end, boundary)]
        media_type = by_content(named_type, holds_parts=bool(inside))
        data = memoryview(raw)[body:end]
        part = Part(fields, media_type, options, place.depth, data, place.is_body, is_enclosed=place.is_enclosed)
        not_too_many(part.other_names)
        left.take(count_bytes(part))
        found.append(part)
        waiting.extend(parts_below(part, inside, place._replace(start=body)))
    return read_in(found, charset_of_text(found))


def not_too_many(given: Sequence[str]) -> None:
    """TooMuch where a part gives itself more names, or more boundaries, than this."""
    if len(given) > GIVEN_LIMIT:
        raise TooMuch(say("a part declares more than {given_limit} names or boundaries", given_limit=GIVEN_LIMIT))


def by_content(media_type: str, *, holds_parts: bool) -> str:
    """The type of a part, as far as what was found in it agrees."""
    is_multipart = media_type.startswith("multipart/")
    if holds_parts and not is_multipart:
        return "multipart/mixed"  # by another one of its Content-Types
    if is_multipart and not holds_parts:
        return "text/plain"  # its bytes are all there is to read
    return media_type


def count_bytes(part: Part) -> int:
    """Counts the bytes of a part that are read beside those of parts within it: none of a message that is attached as it is."""
    is_passed = part.is_message and not part.encoding and not part.media_type.startswith("text/")
    return len(part.data) if part.is_leaf and not is_passed else 0


def parts_below(part: Part, inside: list[tuple[int, int]], body: Place) -> Iterator[Place]:
    """Yields the parts below a part, whose body lies at this place, in reverse order: the last one is read first."""
    raw, depth, is_enclosed = body.raw, body.depth + 1, body.is_enclosed
    default = "message/rfc822" if part.media_type == "multipart/digest" else "text/plain"
    bodies = {"multipart/alternative": len(inside), "multipart/related": 1}.get(part.media_type, 0)
    for number, (start, end) in reversed([*enumerate(inside)]):
        yield Place(raw, start, end, depth, default, number < bodies, is_enclosed)
    if part.is_message and part.encoding:  # it must not be encoded, but programs decode it
        message = part.content()
        yield Place(message, 0, len(message), depth, is_enclosed=is_enclosed)
    elif part.is_message:
        yield Place(raw, body.start, body.end, depth, is_enclosed=is_enclosed)
    elif enclosed := part.enclosed():
        yield Place(enclosed, 0, len(enclosed), depth, is_enclosed=True)


def charset_of_text(parts: list[Part]) -> str:
    """The charset of the first text that says more than UTF-8 or Latin-1: mail programs take it for that of fields which say none."""
    declared = (part.charset for part in parts if part.charset and part.media_type.startswith("text/"))
    return next((charset for charset in declared if find_codec(charset) not in DEFAULT_CHARSETS and keeps_ascii(charset)), "")


def read_in(parts: list[Part], charset: str) -> list[Part]:
    """The same parts, those with names that nobody has encoded read in this charset."""
    return [replace(part, names_in=charset) if charset and is_unencoded(part.fields, NAMING) else part for part in parts]


def is_unencoded(fields: tuple[Field, ...], names: frozenset[str]) -> bool:
    """Whether one of these fields has letters in an undeclared encoding."""
    return any(field.name in names and needs_charset(field.value) for field in fields)


def well_formed(head: bytes) -> int:
    """Counts the bytes of header fields in a block without an empty line: the rest is the body that nothing separates from them."""
    position = 0
    for line in head.splitlines(keepends=True):
        if not (line[:1] in (b" ", b"\t") and position) and not FIELD.match(line) and not (position == 0 and line.startswith(b"From ")):
            break
        position += len(line)
    return position


def media_type_of(field: str, default: str) -> tuple[str, dict[str, str]]:
    """Content-Type as "type/subtype" and its parameters; what is malformed counts as text/plain (RFC 2045, 5.2).

    What stands behind the type changes nothing for mail programs.
    """
    if not field:
        return default, {}
    value, options = parse_parameters(field)
    found = MEDIA_TYPE.match(value)
    return (found[1] if found else "text/plain"), options


def boundaries_of(fields: tuple[Field, ...]) -> list[str]:
    """Lists the boundaries of a multipart. Mail programs differ in which of several they use, so the parts of each are found.

    Also one with brackets that nobody has put in quotes: only some take these for a comment.
    """
    types = (field.text for field in fields if field.name == "content-type")
    named = (text for text in types if "multipart/" in strip_comments(text).casefold())  # most are not, and need not be read
    multiparts = (text for text in named if media_type_of(text, "")[0].startswith("multipart/"))
    read = (one for text in multiparts for one in dict.fromkeys((strip_comments(text), text)))
    given = dict.fromkeys(boundary.rstrip() for text in read for boundary in values_given(text, BOUNDARY))
    return [boundary for boundary in given if 0 < len(boundary) <= BOUNDARY_LIMIT]


def part_spans(raw: bytes, start: int, end: int, boundary: str) -> list[tuple[int, int]]:
    """Returns the start and end of each part of a multipart."""
    found: list[tuple[int, int]] = []
    begin = -1
    for line, rest in boundary_lines(raw, start, end, b"--" + boundary.encode("utf-8", "replace")):
        if begin >= 0 and (stop := before_line_end(raw, line)) > begin:
            found.append((begin, stop))
        begin = -1 if rest[1] else rest.end()
        if rest[1] or len(found) > PART_LIMIT:
            break
    if 0 <= begin < end:
        found.append((begin, end))  # the closing delimiter is missing: the last part goes on to the end
    return found


def boundary_lines(raw: bytes, start: int, end: int, dashed: bytes) -> Iterator[tuple[int, re.Match[bytes]]]:
    """The lines that part a multipart: where each begins, and what follows the boundary, with a group when it is the closing one."""
    place = raw.find(dashed, start, end)
    while place >= 0:
        begins_line = raw[place - 1 : place] in (b"", b"\r", b"\n")
        rest = AFTER_BOUNDARY.match(raw, place + len(dashed), end) if begins_line else None
        if rest:
            yield place, rest
        place = raw.find(dashed, rest.end() if rest else next_line(raw, place, end), end)


def next_line(raw: bytes, position: int, end: int) -> int:
    """Returns the start of the line after this position; `end` without one."""
    found = LINE.search(raw, position, end)
    return found.end() if found else end


def before_line_end(raw: bytes, position: int) -> int:
    """The position before the line end that precedes `position`: it belongs to the delimiter (RFC 2046, 5.1.1)."""
    if raw[max(0, position - 2) : position] == b"\r\n":
        return position - 2
    return position - 1
