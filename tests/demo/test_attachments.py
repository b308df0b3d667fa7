"""The files in the demo's mail are what they say."""

import io
import re
import struct
import zipfile
import zlib

from demo.attachments import make_docm, make_pdf, make_png


def test_a_pdf_whose_table_points_at_its_objects() -> None:
    file = make_pdf("Title (1)", ["back\\slash", "Żółw"])
    (table,) = re.findall(rb"startxref\n(\d+)\n", file)
    assert file[int(table) :].startswith(b"xref\n0 6\n")
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n", file)]
    assert [file[place:].split(b"\n")[0] for place in places] == [b"%d 0 obj" % number for number in range(1, 6)]
    (length,) = re.findall(rb"/Length (\d+)", file)
    stream = file.partition(b"stream\n")[2].partition(b"\nendstream")[0]
    assert len(stream) == int(length)
    assert b"(Title \\(1\\)) Tj" in stream
    assert b"(back\\\\slash) Tj" in stream


def test_a_png_with_good_checksums_and_the_right_number_of_bytes() -> None:
    file = make_png(4, 3, (0, 0, 0), (200, 100, 0))
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    rest, kinds, pixels = file[8:], [], b""
    while rest:
        (size,) = struct.unpack(">I", rest[:4])
        kind, data, (check,) = rest[4:8], rest[8 : 8 + size], struct.unpack(">I", rest[8 + size : 12 + size])
        assert check == zlib.crc32(kind + data)
        kinds.append(kind)
        pixels += zlib.decompress(data) if kind == b"IDAT" else b""
        rest = rest[12 + size :]
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]
    assert pixels == b"\0" + bytes((0, 0, 0)) * 4 + b"\0" + bytes((100, 50, 0)) * 4 + b"\0" + bytes((200, 100, 0)) * 4


def test_a_word_file_that_opens_and_holds_no_macro() -> None:
    with zipfile.ZipFile(io.BytesIO(make_docm("Please enable editing"))) as archive:
        assert archive.testzip() is None
        assert "Please enable editing" in archive.read("word/document.xml").decode()
        assert not [name for name in archive.namelist() if "vba" in name.casefold()]
    assert make_docm("x") == make_docm("x")
