"""Pictures by their first bytes: which of the four harmless kinds they are and how large they will be on a screen; and pixels as PNG."""

import re
import struct
import zlib
from dataclasses import dataclass

BYTES_LIMIT = 3 * 1024 * 1024
PIXEL_LIMIT = 24_000_000  # a small file can unfold to gigabytes in the browser
STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # JPEG markers without a length
FILL = re.compile(rb"\xff+")
FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG markers that carry the size


@dataclass(frozen=True, slots=True)
class Picture:
    """Kind and size of a picture, as its first bytes declare them."""

    media_type: str
    width: int  # pixels
    height: int


def recognise_image(data: bytes) -> Picture | None:
    """The picture that these bytes are: PNG, JPEG, GIF or WebP, within the limits. None for anything else, SVG above all."""
    if len(data) > BYTES_LIMIT:
        return None
    try:
        picture = read_png(data) or read_gif(data) or read_webp(data) or read_jpeg(data)
    except (struct.error, IndexError):
        return None
    if picture is None or not 0 < picture.width * picture.height <= PIXEL_LIMIT:
        return None
    return picture


def read_png(data: bytes) -> Picture | None:
    """PNG, by its first chunk."""
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        return None
    return Picture("image/png", *struct.unpack_from(">II", data, 16))


def as_png(width: int, height: int, rgb: bytes) -> bytes:
    """Pixels, three bytes each, as a PNG. Whoever named them had no say in any other byte of it."""
    stride = 3 * width
    lines = b"".join(b"\0" + rgb[start : start + stride] for start in range(0, len(rgb), stride))  # filter 0: as they are
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines, 3)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, data) for name, data in chunks)


def png_chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG (W3C PNG, 5.3)."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def read_gif(data: bytes) -> Picture | None:
    """GIF, by its logical screen."""
    if data[:6] not in (b"GIF87a", b"GIF89a"):
        return None
    return Picture("image/gif", *struct.unpack_from("<HH", data, 6))


def read_webp(data: bytes) -> Picture | None:
    """WebP in its three forms (RFC 9649)."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    form = data[12:16]
    if form == b"VP8X":
        wide, wider, high, higher = struct.unpack_from("<HBHB", data, 24)
        return Picture("image/webp", 1 + (wide | wider << 16), 1 + (high | higher << 16))
    if form == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return Picture("image/webp", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if form == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Picture("image/webp", width & 0x3FFF, height & 0x3FFF)
    return None


def read_jpeg(data: bytes) -> Picture | None:
    """JPEG, by its first frame header."""
    if data[:3] != b"\xff\xd8\xff":
        return None
    position = 2
    while position < len(data) - 8:
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker in FRAME:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return Picture("image/jpeg", width, height)
        if marker == 0xFF:  # any number of them may stand before a marker
            run = FILL.match(data, position)
            position = run.end() - 1 if run else len(data)
        else:
            position += 2 if marker in STANDALONE else 2 + struct.unpack_from(">H", data, position + 2)[0]
    return None
