"""PDF files for tests, written by hand: good ones, and ones that are made to do harm."""

import zlib
from collections.abc import Sequence

from demo.attachments import pdf_file

HELLO = b"BT /F 12 Tf 10 80 Td (Invoice 24-117) Tj 0 -24 Td (4,200 household meters) Tj 0 -24 Td (Please pay within 14 days.) Tj ET"
RED = b"1 0 0 rg 0 0 200 100 re f"


def pdf(*pages: bytes, resources: bytes = b"", more: Sequence[bytes] = ()) -> bytes:
    """A document of pages of 200 by 100 points with these contents; `more` are objects behind them, the first with number 3 + 2 * pages."""
    kids = b" ".join(b"%d 0 R" % (3 + 2 * index) for index in range(len(pages)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages))]
    font = b"/Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    for index, content in enumerate(pages):
        box = b"/MediaBox [0 0 200 100] /Contents %d 0 R" % (4 + 2 * index)
        objects.append(b"<< /Type /Page /Parent 2 0 R %s /Resources << %s %s >> >>" % (box, font, resources))
        objects.append(stream(content))
    return pdf_file([*objects, *more])


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """An object with a stream."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries, content)


def picture_bomb() -> bytes:
    """A page whose only picture unfolds to 100,000 by 100,000 pixels, from a few kilobytes."""
    entries = b"/Type /XObject /Subtype /Image /Width 100000 /Height 100000 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode"
    picture = stream(zlib.compress(bytes(8_000_000), 9), entries)
    return pdf(b"200 0 0 100 0 0 cm /Bomb Do", resources=b"/XObject << /Bomb 5 0 R >>", more=[picture])


def endless(depth: int = 12) -> bytes:
    """A page that draws a form ten times, which draws another one ten times, and so on: a million million strokes."""
    forms = []
    for level in range(depth):
        inner = b"/Inner Do " * 10 if level < depth - 1 else b"0 0 m 200 100 l S "
        resources = b"/Resources << /XObject << /Inner %d 0 R >> >>" % (6 + level) if level < depth - 1 else b""
        forms.append(stream(inner, b"/Type /XObject /Subtype /Form /BBox [0 0 200 100] " + resources))
    return pdf(b"/Inner Do", resources=b"/XObject << /Inner 5 0 R >>", more=forms)


def bomb() -> bytes:
    """A page of a few hundred bytes that unfolds to six million strokes."""
    twice = zlib.compress(zlib.compress(b"0 0 m 200 100 l S\n" * 6_000_000, 1), 9)
    raw = pdf(twice)
    return raw.replace(b"<< /Length %d  >>" % len(twice), b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>" % len(twice))
