"""The canonical forms of RFC 6376, section 3.4, in linear time; equal to dkimpy's."""

import hashlib
import re

from dkim.canonicalization import Relaxed  # type: ignore[import-untyped]

from mail_auth.message import Field, Message

SPACES = re.compile(rb"  ++")
HALVINGS = 5


def relaxed_body(body: bytes) -> bytes:
    """White space runs are one space, none stands at the end of a line, no empty lines at the end."""
    lines = body.replace(b"\t", b" ")
    for _ in range(HALVINGS):  # of the runs: several times as fast as to look for them, unless they are long
        if b"  " not in lines:
            break
        lines = lines.replace(b"  ", b" ")
    else:
        lines = SPACES.sub(b" ", lines)
    kept = without_empty_lines_at_end(lines.replace(b" \r\n", b"\r\n"))
    return b"" if kept == b"\r\n" else kept


def simple_body(body: bytes) -> bytes:
    """No empty lines at the end, exactly one CRLF."""
    return without_empty_lines_at_end(body)


def without_empty_lines_at_end(body: bytes) -> bytes:
    """The body with exactly one CRLF at its end."""
    text = body.rstrip(b"\r\n")
    ends = body[len(text) :]
    regular = max(ends.rfind(b"\r\r"), ends.rfind(b"\n\n")) + 1  # from here on CR and LF take turns
    pairs = (len(ends) - regular) // 2 if ends.endswith(b"\n") else 0
    return body[: len(body) - 2 * pairs] + b"\r\n"


BODY = {"relaxed": relaxed_body, "simple": simple_body}


def body_of(message: Message, form: str) -> bytes:
    """The body in its canonical form, "relaxed" or "simple"."""
    return BODY[form](message.body)


def body_hash(message: Message, form: str) -> bytes:
    """SHA-256 of the canonical body; computed once a message and form."""
    if form not in message.bodies:
        message.bodies[form] = hashlib.sha256(body_of(message, form)).digest()
    return message.bodies[form]


def beginning_of(message: Message, form: str, length: int) -> bytes:
    """The first `length` bytes of the canonical body (l=), b"" when it is shorter. Made once: several signatures may ask."""
    if form not in message.texts:
        message.texts[form] = body_of(message, form)
    text = message.texts[form]
    return text[:length] if length <= len(text) else b""


def relaxed_field(field: Field) -> bytes:
    """Name in lower case, unfolded, white space runs are one space, none at the ends of the value."""
    ((name, value),) = Relaxed.canonicalize_headers([(field.name, field.value)])
    return bytes(name + b":" + value)


def simple_field(field: Field) -> bytes:
    """The field as it stands."""
    return field.raw


FIELD = {"relaxed": relaxed_field, "simple": simple_field}


def without_signature(field: Field) -> Field:
    """The signature field with the value of its b= tag taken out, white space included (RFC 6376, section 3.7)."""
    tags = field.value.split(b";")
    emptied = b";".join(tag[: tag.index(b"=") + 1] if tag.partition(b"=")[0].strip() == b"b" and b"=" in tag else tag for tag in tags)
    return Field(field.name, emptied, field.raw[: len(field.raw) - len(field.value)] + emptied)


def header_input(message: Message, names: list[bytes], form: str, signature: Field) -> bytes:
    """Returns the bytes that the signature covers: the named fields, each name from the bottom up, then the signature field itself."""
    canonical, used, parts = FIELD[form], dict[bytes, int](), []
    for name in names:
        fields = message.named(name)
        used[name] = used.get(name, 0) + 1
        if used[name] <= len(fields):
            parts.append(canonical(fields[-used[name]]))
    return b"".join(parts) + canonical(without_signature(signature)).removesuffix(b"\r\n")


def seal_input(covered: list[Field], seal: Field) -> bytes:
    """Returns what an ARC-Seal covers: the fields of the sets before it, those of its own, then itself (RFC 8617, section 5.1.1)."""
    return b"".join(relaxed_field(one) for one in covered) + relaxed_field(without_signature(seal)).removesuffix(b"\r\n")
