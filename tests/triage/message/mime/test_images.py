"""Recognition of pictures by their bytes, and their size."""

import struct

import pytest
from hypothesis import given, strategies as st

from tests.triage.messages import GIF, PNG
from triage.message.mime.images import BYTES_LIMIT, Picture, recognise_image


def png(width: int, height: int) -> bytes:
    """The beginning of a PNG of this size."""
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height) + b"\x08\x06\x00\x00\x00"


def webp(form: bytes, rest: bytes) -> bytes:
    """The beginning of a WebP in one of its forms."""
    return b"RIFF\x00\x00\x00\x00WEBP" + form + b"\x00\x00\x00\x00" + rest


JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\x00" * 10 + b"\xff\xff\xc0\x00\x11\x08" + struct.pack(">HH", 30, 40) + b"\x03" + b"\x00" * 12


@pytest.mark.parametrize(
    ("data", "picture"),
    [
        (PNG, Picture("image/png", 1, 1)),
        (png(640, 480), Picture("image/png", 640, 480)),
        (GIF, Picture("image/gif", 2, 3)),
        (JPEG, Picture("image/jpeg", 40, 30)),
        (webp(b"VP8X", b"\x00" * 4 + b"\x09\x00\x00\x13\x00\x00"), Picture("image/webp", 10, 20)),
        (webp(b"VP8L", b"\x2f" + struct.pack("<I", 9 | 19 << 14)), Picture("image/webp", 10, 20)),
        (webp(b"VP8 ", b"\x00" * 3 + b"\x9d\x01\x2a" + struct.pack("<HH", 10, 20)), Picture("image/webp", 10, 20)),
        (png(50_000, 50_000), None),  # a small file that would fill gigabytes
        (png(0, 10), None),
        (png(10, 10) + b"x" * BYTES_LIMIT, None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"\x89PNG", None),
        (b"GIF89a", None),
        (b"\xff\xd8\xff", None),
        (b"\xff\xd8\xff\xe0\x00\x00" + b"\xff\xe0\x00\x00" * 5, None),
        (JPEG.replace(b"\xff\xc0", b"\xff" * 9 + b"\xc0"), Picture("image/jpeg", 40, 30)),
        (b"\xff\xd8" + b"\xff" * 2_000_000, None),
        (b"RIFF\x00\x00\x00\x00WEBPVP8X", None),
        (b"BM\x00\x00", None),
        (b"", None),
    ],
)
def test_recognised(data: bytes, picture: Picture | None) -> None:
    assert recognise_image(data) == picture


@given(
    st.sampled_from([b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"GIF89a", b"\xff\xd8\xff", b"RIFF\x00\x00\x00\x00WEBPVP8 ", b""]),
    st.binary(max_size=60),
)
def test_any_bytes(head: bytes, rest: bytes) -> None:
    assert isinstance(recognise_image(head + rest), Picture | None)
