"""A raw message as its header fields and its body, every byte kept. Never raises."""

import re
from dataclasses import dataclass, field

LARGEST_HEADER = 256 * 1024  # bytes, security.md "Per message"
FIELD_END = re.compile(rb"\r\n(?![ \t])")
FIELD_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")


@dataclass(frozen=True, slots=True)
class Field:
    """Header field, unchanged from the message."""

    name: bytes  # in lower case
    value: bytes  # all after the colon, folds and the last CRLF included
    raw: bytes  # name, colon and value


@dataclass(frozen=True, slots=True)
class Message:
    """Header fields in their order, the body, and what is wrong with the header, "" when nothing is."""

    fields: tuple[Field, ...]
    body: bytes
    fault: str = ""
    by_name: dict[bytes, list[Field]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)  # canonical form -> its SHA-256, kept by canonicalization.body_hash
    texts: dict[str, bytes] = field(default_factory=dict)  # canonical form -> the body in it, kept by canonicalization.beginning_of

    def named(self, name: bytes) -> list[Field]:
        """The fields of a name (lower case), top to bottom."""
        return self.by_name.get(name, [])


def read_message(raw: bytes) -> Message:
    """Split the message. A header block that readers could understand differently has a fault and proves nothing."""
    head, body = split_message(raw)
    if len(head) > LARGEST_HEADER:
        return Message((), body, "the header is larger than 256 KiB")
    if not head.count(b"\r\n") == head.count(b"\r") == head.count(b"\n"):
        return Message((), body, "the header has a bare CR or LF")
    fields, fault = [], ""
    for line in FIELD_END.split(head):
        if not line:
            continue
        found = FIELD_NAME.match(line)
        if not found:
            fault = "the header has a line that is no field"
            continue
        raw_field = line + b"\r\n"
        fields.append(Field(found[1].lower(), raw_field[found.end() :], raw_field))
    message = Message(tuple(fields), body, fault)
    for one in fields:
        message.by_name.setdefault(one.name, []).append(one)
    return message


def split_message(raw: bytes) -> tuple[bytes, bytes]:
    """The header block without the empty line, and the body."""
    if raw.startswith(b"\r\n"):
        return b"", raw[2:]
    head, _, body = raw.partition(b"\r\n\r\n")
    return head, body
