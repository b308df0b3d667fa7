"""Archives that programs of others have made: what can be seen of them without a password."""

import base64
import io
import lzma
import struct
import zipfile

import pytest
from hypothesis import given, strategies as st

from triage.message.mime.archives import HEADERS, LONGEST, NAMES, RAR4, RAR5, SEVEN, TNEF, Archive, read_archive

LOCKED = (
    "UEsDBAoACQAAAD2yeF0gMDo2EgAAAAYAAAAJABwAc2V0dXAuZXhlVVQJAAMWDQZrFg0Ga3V4CwABBAAAAAAEAAAAAFwgCWA7xduDnDh2injrh74N"
    "jVBLBwggMDo2EgAAAAYAAABQSwECHgMKAAkAAAA9snhdIDA6NhIAAAAGAAAACQAYAAAAAAABAAAApIEAAAAAc2V0dXAuZXhlVVQFAAMWDQZrdXgL"
    "AAEEAAAAAAQAAAAAUEsFBgAAAAABAAEATwAAAGUAAAAAAA=="
)  # by zip -P
MADE = [  # by Info-ZIP, WinRAR (the samples of rarfile; the ends of some are cut off) and py7zr
    pytest.param(
        (
            "UEsDBAoAAAAAAD2yeF0gMDo2BgAAAAYAAAAJABwAc2V0dXAuZXhlVVQJAAMWDQZrFg0Ga3V4CwABBAAAAAAEAAAAAGhlbGxvClBLAQIeAwoAAAAA"
            "AD2yeF0gMDo2BgAAAAYAAAAJABgAAAAAAAEAAACkgQAAAABzZXR1cC5leGVVVAUAAxYNBmt1eAsAAQQAAAAABAAAAABQSwUGAAAAAAEAAQBPAAAA"
            "SQAAAAAA"
        ),
        Archive(("setup.exe",), False),
        id="zip",
    ),
    pytest.param(
        LOCKED,
        Archive(("setup.exe",), locked=True),
        id="zip with a password",
    ),
    pytest.param(
        (
            "UmFyIRoHADvQcwgADQAAAAAAAAArNHSAkCwAXAAAAAAIAAADoua3xbBmzD4dMwoApIEAAHN0ZXN0MS50eHQAwBEMzP6MnrD+MYGrrLG7QHeoCmTW"
            "SzeDwQe8AeCFku77th0ACCAACIjpeAzSDAdhOkF4S7Nun1IK2sonQLrnC2SKYnH7uACRnlAv2FX/+sZY6+vE14h+VJaHH03s2RZ0kJAsAA4AAAAA"
            "CAAAA6Lmt8WwZsw+HTMKAKSBAABzdGVzdDIudHh0AMCxIACIB+vyCmn6/JTe0MQ9ewBABwA="
        ),
        Archive(("stest1.txt", "stest2.txt"), False),
        id="rar 3",
    ),
    pytest.param(
        (
            "UmFyIRoHAM+QcwAADQAAAAAAAADSmXoAgCMAFgAAAAsAAAADvFDsdQAAAAAdMwMAAAAAAENNVAwAi+zL9lbBSCmPAOW/5v/w0Gtqdnpt1nQklDMA"
            "EAAAAAAAAAADAAAAAGxQYj0dMwkApIEAAGZpbGUxLnR4dLMOLwEQH2W9AMDh8N4nMZ14bG1Nam0XgBynQZl6EIAjABYAAAALAAAAA0g/bxAAAAAA"
            "HTMDAAAAAIBDTVQMAIvsy/Y2kFYseA8mb83/7NSLl8K9FLx0JJQzABAAAAAAAAAAAwAAAABsUGI9HTMJAKSBAABmaWxlMi50eHSzDi8BEB9lvQDA"
            "4fDeJzGdeGxtTWptF4Acp3ygehCAIwAWAAAACwAAAAOmkNoCAAAAAB0zAwAAAACAQ01UEBDL7Inkc0FIsM/ZJxfi/uuBj1cq9MQ9ewBABwA="
        ),
        Archive(("file1.txt", "file2.txt"), locked=True),
        id="rar 3 with a password",
    ),
    pytest.param(
        (
            "UmFyIRoHAM6Zc4AADQAAAAAAAACY1Tq5m8CEetYBvlQkcAN6cyEpKUCXohc1cprF8D3HQC5hCrn2MVuFgqTv/LM+JOWSkOKBJtX2wmRB7i77ioOP"
            "Qi4iqlBdTFwQcuX7mT93DVrpSjrY7wkbmNU6uZvAhHrgk6bgBhhZgRckD0gYRCZWzW3Il1n5yk+V/eyFQeD/gRUK0PH1FYhqgwo0Dg=="
        ),
        Archive((), unread=True, locked=True),
        id="rar 3 with hidden names",
    ),
    pytest.param(
        (
            "UmFyIRoHAQAzkrXlCgEFBgAFAQGAgADsGKBrMwIDFoIABIIApIMCU/xRZ4AAAQpvd25lcjEudHh0CgMT+yMjX4LnvxUKBgMDYmluA3N5czEKij1U"
            "3C8CAxKCAASCAKSDApCvfEyAAAEKb3duZXIyLnR4dAoDEwAkI19aALgUBgYMkAP0AzIKHXdWUQMFBAA="
        ),
        Archive(("owner1.txt", "owner2.txt"), False),
        id="rar 5",
    ),
    pytest.param(
        (
            "UmFyIRoHAQDz4YLrCwEFBwAGAQGAgIAA1maebhMDAp8ABJ8AACJDfqmAAAEDQ01UUkFSNSBhcmNoaXZlIC0gbm9oZHItcGFzc3dvcmQKAJib2Y5Z"
            "AgM8wAAEgBCkgwLq7ii6gAMBCnN0ZXN0MS50eHQwAQADD36YLN0a4hw2x6OR2o0IimigOq0m9IJ7h9VMclznO2lngVHP9jZJwW4YaiIPCgMCgMwg"
            "l+YozAFvXOSKu4lkW22a9BUVMg/KTEgfLmj8fkUbh18="
        ),
        Archive(("stest1.txt",), locked=True),
        id="rar 5 with a password",
    ),
    pytest.param(
        (
            "UmFyIRoHAQCv9WlFIQQAAAEPp5jL+1yF6lQKQtTUwocnkB0ppI/CHmPqSl9A01xS1RtNzie6O2Pyqrkm9CHVoC+wFESN1iDKe692E7oj/tITADp6"
            "Bq7WC7/KBLRbqzL3WKAEY/+0n1Vq45qZf/Krrq54+XUHy8/0"
        ),
        Archive((), unread=True, locked=True),
        id="rar 5 with hidden names",
    ),
    pytest.param(
        (
            "N3q8ryccAAQrVyezcAAAAAAAAAAUAAAAAAAAAKXTkUvgABAAC10ANBlJ7o3pT34V4AAA4ABYAFVdAACBMweuD88n8IwHsMPaKtdYZKyzeM5U3aRe"
            "4qRhBmjvkIU1LMGmSeyPWRsiedizKsbIjL+HWubJa36bVI3LaFqde3OiCHHAx/NHmlIz26Hj6oAAAAAAFwYTAQldAAcLAQABISEBGAxZAAA="
        ),
        Archive(("setup.exe",), False),
        id="7z",
    ),
    pytest.param(
        (
            "N3q8ryccAASsTsQQkQAAAAAAAAAUAAAAAAAAANkwoDwJKtqCr+ark0nOi4cveuWinSv9KeNTAhJvP03j08XbcwEAbAEEBgABCSAKAcfdNW8ABwsB"
            "AAIkBvEHARJTDwgHD2S5vgX8u26egc0OH0shIQEYAQAMExEACAoBgIj55QAABQERFQBzAGUAdAB1AHAALgBlAHgAZQAAABQKAQCgeF+/YXzdARUG"
            "AQAggICBAAAAFwYgAQlxAAcLAQABISEBGAxtAAA="
        ),
        Archive(("setup.exe",), locked=True),
        id="7z with a password",
    ),
    pytest.param(
        (
            "N3q8ryccAATfIEMckAAAAAAAAAAoAAAAAAAAAIMKNaC+EaFiwQgs0dAUFxusX+qo1KoZ/ZQPE6jn17WCvzF8GcjoikVMxKUPESjj9fqVsOpgBlvH"
            "qrnZrHgSUIO1VkANlNDQ7PX21skZqTLj+6zZ+qrjSWtmLGz2Tif9uCqWpJHCWz9ZJT+/mhe2/ScF/068kGzq5b/1my3zAWffWzO1i+NtJBX3bQpX"
            "OOPHytKjOoEXBiABCXAABwsBAAEkBvEHARJTD+D05RYiru6gtDfNmTkSsskMbQAA"
        ),
        Archive((), unread=True, locked=True),
        id="7z with hidden names",
    ),
    pytest.param(base64.b64encode(b"%PDF-1.7").decode(), None, id="no archive"),
    pytest.param(base64.b64encode(b"PK are my initials").decode(), None, id="only looks like one"),
]


@pytest.mark.parametrize(("made", "seen"), MADE)
def test_what_is_seen_of_an_archive(made: str, seen: Archive | None) -> None:
    assert read_archive(base64.b64decode(made)) == seen


@pytest.mark.parametrize("made", [one.values[0] for one in MADE if "password" in str(one.id) or "hidden" in str(one.id)])
def test_the_rest_of_a_closed_archive_never_passes_for_an_open_one_with_names(made: str) -> None:
    whole = base64.b64decode(made)
    for end in range(12, len(whole), 5):
        found = read_archive(whole[:end])
        assert found is None or found.closed or not found.names


def test_many_names_are_cut_and_stay_readable() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(1000):
            archive.writestr(f"{number}.txt", "")
    found = read_archive(buffer.getvalue())
    assert found is not None
    assert (len(found.names), found.names[-1], found.closed) == (NAMES, "199.txt", False)


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return buffer.getvalue()


def made(kind: str) -> bytes:
    return next(base64.b64decode(str(one.values[0])) for one in MADE if one.id == kind)


@pytest.mark.parametrize(
    ("content", "name", "closed"),
    [
        pytest.param(zipped(*map("{}.txt".format, range(NAMES)), "setup.exe"), "setup.exe", False, id="behind many others"),
        pytest.param(zipped(*map("{}.pdf".format, range(NAMES)), "a.pdf.html"), "a.pdf.html", False, id="ends twice, behind many others"),
        pytest.param(zipped(*map("a.e{}".format, range(NAMES + 1)), "setup.exe"), "a.e0", True, id="more endings than are kept"),
        pytest.param(b"x" + zipped("setup.exe"), "setup.exe", False, id="zip behind something"),
        pytest.param(made("zip").partition(b"hello\n")[2], "setup.exe", False, id="zip that begins with its directory"),
        pytest.param(b"MZ" + made("rar 5"), "owner1.txt", False, id="rar 5 behind something"),
        pytest.param(b"MZ" + made("rar 3 with hidden names") + b"x", "", True, id="closed rar behind something"),
        pytest.param(b"MZ" + made("7z"), "setup.exe", False, id="7z behind something"),
        pytest.param(zipped("setup.exe") + zipped("read.txt"), "setup.exe", False, id="two zips in a row"),
        pytest.param(made("rar 5") + zipped("setup.exe"), "setup.exe", False, id="rar and zip at once"),
        pytest.param(zipped("setup.exe").replace(b"setup.exe", b"setup.txt", 1), "setup.exe", False, id="another name in the directory"),
        pytest.param(zipped("setup.txt").replace(b"setup.txt", b"setup.exe", 1), "setup.exe", False, id="another name before the file"),
        pytest.param(RAR4 + b"\0\0\x7a\0\0\7\0" * HEADERS + made("rar 3"), "", True, id="rar with more headers than are read"),
    ],
)
def test_nothing_hides_in_an_archive(content: bytes, name: str, closed: bool) -> None:
    found = read_archive(content)
    assert found is not None
    assert (name in found.names or not name, found.closed) == (True, closed)


UNREADABLE = SEVEN + b"\0\4" + bytes(4) + struct.pack("<QQ", 0, 2) + bytes(4) + b"\x17\x06"


@pytest.mark.parametrize(
    ("content", "name", "closed"),
    [
        (b"hello", "a.ZIP. ", True),
        (b"hello", "a.zip.txt", None),
        (b"", "a.zip", None),
        (UNREADABLE, "a.pdf", True),
        (b"x" + UNREADABLE, "a.pdf", None),
        (b"x" + UNREADABLE, "a.7z", True),
        (b"x" + UNREADABLE + zipped("read.txt"), "a.7z", True),
        (b"x" + UNREADABLE + zipped("read.txt"), "a.pdf", False),
        (zipped("read.txt"), "a.rar", False),
    ],
)
def test_what_is_called_an_archive_is_closed_where_it_cannot_be_read(content: bytes, name: str, closed: bool | None) -> None:
    found = read_archive(content, called=("other.txt", name))
    assert (found.closed if found else None) == closed


@pytest.mark.parametrize("name", ["app.log.{}", "1.2.840.113619.2.{}", "IMG_{}", "{}. Protokoll", "cache.0a4f{:032x}"])
def test_many_names_without_an_ending_close_no_archive(name: str) -> None:
    found = read_archive(zipped(*map(name.format, range(NAMES + 1)), "setup.exe"))
    assert found is not None
    assert ("setup.exe" in found.names, found.closed) == (True, False)


def test_names_that_lie_in_each_other_are_cut_at_their_beginning() -> None:
    head = b"PK\3\4" + struct.pack("<5H3IHH", 20, 0, 0, 0, 0, 0, 0, 0, 1000, 0)
    found = read_archive(head * 40 + b"x" * 1000 + b"/setup.exe" + b"PK\5\6" + bytes(18))
    assert found is not None
    assert {len(name) for name in found.names} == {LONGEST}


def number_of_rar(value: int) -> bytes:
    """As RAR 5 writes it."""
    return bytes([value & 0x7F | 0x80]) + number_of_rar(value >> 7) if value > 0x7F else bytes([value])


def rar5_headers(count: int, name: int, extra: int = 0) -> bytes:
    """Headers of files that say that so long a name and so many bytes beside it follow."""
    file = b"\0\0\0\0\0" + number_of_rar(name)
    head = b"\2" + (b"\1" + number_of_rar(extra) if extra else b"\0") + file
    return RAR5 + (b"\0\0\0\0" + number_of_rar(len(head)) + head) * count


def packed_directory(head: bytes) -> bytes:
    """A 7z file with this directory, packed."""
    body = lzma.compress(head, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 22}])
    where = (
        b"\x17\x06\0\x01\x09" + seven_number(len(body)) + b"\0\x07\x0b\x01\0\x01\x21\x21\x01\x18\x0c" + seven_number(len(head)) + b"\0\0"
    )
    return SEVEN + b"\0\4" + bytes(4) + struct.pack("<QQ", len(body), len(where)) + bytes(4) + body + where


def seven_number(value: int) -> bytes:
    """As 7z may write it."""
    return b"\xff" + struct.pack("<Q", value)


def property_of_names(*names: str) -> bytes:
    text = "".join(f"{name}\0" for name in names).encode("utf-16-le")
    return b"\x11" + seven_number(len(text) + 1) + b"\0" + text


NESTED = b"\x11" + seven_number(0x3FFFF) + b"\0\x01\xd8\0\0\0"  # holds a quarter of a directory, the next one too


@pytest.mark.parametrize(
    ("content", "closed"),
    [
        pytest.param(rar5_headers(9_000, 100_000), False, id="names of rar 5 that lie in each other"),
        pytest.param(rar5_headers(3_000, 9, extra=30_000), True, id="what is beside them in rar 5 too"),
        pytest.param(RAR4 + (b"\0\0\x74\0\0\x20\0" + bytes(19) + b"\xff\xff" + b"xxxx") * 20_000, False, id="names of rar 4"),
        pytest.param(packed_directory(b"\x11" * 1024 * 1024), True, id="a 7z directory of nothing but beginnings"),
        pytest.param(
            packed_directory(property_of_names(*map("{}.exe".format, range(30_000)))), True, id="more names in a 7z directory than are read"
        ),
        pytest.param(packed_directory(NESTED * 60_000), True, id="a 7z directory of names that lie in each other"),
    ],
)
def test_an_archive_that_says_too_much_is_read_once(content: bytes, closed: bool) -> None:
    """Reading each name whole would take minutes, or more memory than there is."""
    found = read_archive(content)
    assert found is not None
    assert found.closed == closed
    assert all(len(name) <= LONGEST for name in found.names)


def test_no_name_in_a_7z_file_hides_beside_another() -> None:
    unknown = b"\x1b"  # a property that programs pass over
    for head in (property_of_names("read.txt") + unknown + property_of_names("setup.exe"), property_of_names("set\u200bup.exe", "a.txt")):
        found = read_archive(packed_directory(b"\5" + head))
        assert found is not None
        assert (any(name.endswith("up.exe") for name in found.names), found.closed) == (True, False)


def test_four_bytes_that_are_there_by_chance_close_no_archive() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("film.mp4", b"\x11PK\3\4" + b"\xab" * 100)
    assert read_archive(buffer.getvalue()) == Archive(("film.mp4",))


def attribute(level: int, name: int, data: bytes) -> bytes:
    return struct.pack("<BII", level, name, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def test_what_outlook_packs_is_known_by_its_titles_and_long_names() -> None:
    long = "setup.exe\0".encode("utf-16-le")
    properties = struct.pack("<IHHII", 1, 0x1F, 0x3707, 1, len(long)) + long
    packed = (
        TNEF + b"\1\0" + attribute(1, 0x89006, b"\0\0\1\0") + attribute(2, 0x18010, b"SETUP~1.TXT\0") + attribute(2, 0x69005, properties)
    )
    assert read_archive(packed) == Archive(("SETUP~1.TXT", "setup.exe"))
    assert read_archive(TNEF + b"\1\0" + attribute(2, 0x69005, properties[:8])) == Archive(unread=True)


@pytest.mark.parametrize("mark", [b"PK\5\6", b"PK\3\4", RAR4, RAR5, SEVEN])
def test_the_marks_of_an_archive_somewhere_in_other_files_close_nothing(mark: bytes) -> None:
    assert read_archive(b"%PDF-1.7 " + mark + bytes(30)) in (None, Archive())


def test_a_directory_that_would_unpack_without_end_is_cut() -> None:
    head = b"\x17\x06\x00\x01\x09\x10\x00\x07\x0b\x01\x00\x01\x23\x03\x01\x01\x05\x5d\x00\x00\xff\xff"
    content = SEVEN + b"\0\4" + b"\0" * 4 + struct.pack("<QQ", 16, len(head)) + b"\0" * 4 + b"\0" * 16 + head
    found = read_archive(content)
    assert found is None or found.names == ()


@given(st.sampled_from([b"PK\x03\x04", RAR4, RAR5, SEVEN]), st.binary(max_size=400))
def test_nothing_makes_it_raise(magic: bytes, rest: bytes) -> None:
    found = read_archive(magic + rest)
    assert found is None or isinstance(found.closed, bool)
