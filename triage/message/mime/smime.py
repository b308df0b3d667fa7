"""Extracts signed content: CMS SignedData (RFC 5652, 5), as S/MIME sends it (RFC 8551, 3.5.2).

Only as much of BER (X.690) is read as leads to the content, in one pass and without recursion. No signature is verified.
"""

from typing import NamedTuple

OBJECT, OCTETS, OCTETS_IN_PIECES, SEQUENCE, EXPLICIT, END = 0x06, 0x04, 0x24, 0x30, 0xA0, 0x00
SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2


class Element(NamedTuple):
    """ASN.1 element: its tag, where its content begins, and where it ends; None when an end mark says so (X.690, 8.1.3.6)."""

    tag: int
    start: int
    end: int | None


class Malformed(ValueError):
    """Raised for data that is no CMS, or none with a content."""


def content_of(data: bytes) -> bytes:
    """The signed content; b"" when this is no SignedData, or when the content is elsewhere."""
    try:
        at = enter_element(data, 0, SEQUENCE)
        if kind_at(data, at) != SIGNED_DATA:
            return b""
        at = enter_element(data, pass_element(data, at), EXPLICIT)
        at = pass_element(data, enter_element(data, at, SEQUENCE))  # its version
        at = enter_element(data, pass_element(data, at), SEQUENCE)  # behind the names of digests
        return read_octets(data, enter_element(data, pass_element(data, at), EXPLICIT))  # behind the kind of content
    except Malformed:
        return b""


def element_at(data: bytes, at: int) -> Element:
    """The element that begins here."""
    if at + 2 > len(data):
        raise Malformed
    tag, length, start = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F:
        raise Malformed  # a tag of several bytes has no place here
    if length == 0x80 and tag & 0x20:  # only what holds elements may do without a length
        return Element(tag, start, None)
    if length >= 0x80:
        start, length = start + length - 0x80, int.from_bytes(data[start : start + length - 0x80])
    if start + length > len(data):
        raise Malformed
    return Element(tag, start, start + length)


def enter_element(data: bytes, at: int, tag: int) -> int:
    """Returns the start of the content of the element at `at`. Malformed where it has another tag."""
    found = element_at(data, at)
    if found.tag != tag:
        raise Malformed
    return found.start


def pass_element(data: bytes, at: int) -> int:
    """Returns the end of the element that begins at `at`."""
    depth = 0
    while True:
        found = element_at(data, at)
        at = found.start if found.end is None else found.end
        depth += (found.end is None) - (found.tag == END)
        if depth <= 0:
            return at


def kind_at(data: bytes, at: int) -> bytes:
    """The object identifier that stands here, as it is written."""
    found = element_at(data, at)
    return data[found.start : found.end] if found.tag == OBJECT else b""


def read_octets(data: bytes, at: int) -> bytes:
    """The octet string that begins here, which may be in pieces (X.690, 8.7)."""
    pieces: list[bytes] = []
    end = pass_element(data, at)
    while at < end:
        found = element_at(data, at)
        if found.tag == OCTETS:
            pieces.append(data[found.start : found.end])
        elif found.tag not in (OCTETS_IN_PIECES, END):
            raise Malformed
        at = found.start if found.end is None or found.tag == OCTETS_IN_PIECES else found.end
    return b"".join(pieces)
