"""Splits a message into header fields and body. The standard library alone: `mailroom-submit` imports it."""

import re

FIELD = re.compile(rb"[\x21-\x39\x3b-\x7e]+[ \t]*:")  # RFC 5322, 2.2 and 4.5


def split_fields(text: bytes) -> tuple[list[bytes], bytes]:
    """Header fields with their folded lines, and the body; line ends are CRLF. A message without a header is all body."""
    fields: list[bytes] = []
    place = text.find(b"\n") + 1 if text.startswith((b"From ", b">From ")) else 0  # an mbox line, as some programs write it
    while place < len(text):
        end = text.find(b"\n", place) + 1 or len(text)
        line = text[place:end]
        if fields and line.startswith((b" ", b"\t")):
            fields[-1] += line
        elif FIELD.match(line):
            fields.append(line)
        else:
            break
        place = end
    if fields and not fields[-1].endswith(b"\r\n"):
        fields[-1] += b"\r\n"
    return fields, text[place:].removeprefix(b"\r\n")


def field_name(field: bytes) -> bytes:
    """The name of a header field, in lower case."""
    return field.partition(b":")[0].rstrip(b" \t").lower()


def field_value(field: bytes) -> str:
    """The value of a header field on one line; bytes that are no UTF-8 as surrogates."""
    return re.sub(r"[\r\n]+", "", field.partition(b":")[2].decode("utf-8", "surrogateescape")).strip()
