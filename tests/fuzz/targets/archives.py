"""Attached bytes as any file, within limits; and of what Python lists in a ZIP file no kind of name is missing."""

import base64
import io
import zipfile

from tests.triage.message.mime import test_file_content
from tests.triage.message.mime.test_archives import MADE, packed_directory, property_of_names, rar5_headers
from triage.message.mime.archives import NAMES, Archive, ending_of, read_archive
from triage.message.mime.file_content import RUNS, examine_content
from triage.message.mime.zip_members import Room

SEEDS = (
    *(base64.b64decode(str(one.values[0])) for one in MADE),
    base64.b64decode(str(MADE[0].values[0])).partition(b"hello\n")[2],  # without what is before its directory
    rar5_headers(2, 100_000, extra=30_000),
    packed_directory(property_of_names("a.txt", "setup.exe")),
    b"\x78\x9f\x3e\x22\1\0\2\x10\x80\1\0\x0a\0\0\0setup.exe\0\0\0",
)
SEEDS += tuple(one[1] for one in test_file_content.HELD if 0 < len(one[1]) < 20_000)
SEEDS += tuple(content for _, content in test_file_content.PASS)
ROOM = 1024 * 1024  # bytes that may be unpacked


def one_input(data: bytes) -> None:
    """`data` is an attachment."""
    found = read_archive(data) or Archive()
    assert len(found.names) <= NAMES
    room = Room(ROOM)
    examined = examine_content(data, ("letter.doc",), "application/octet-stream", room)
    assert len(examined.archive.names) <= NAMES
    assert 0 <= room.unpacked <= ROOM
    assert room.files >= 0
    assert examined.finding == RUNS or not data.startswith(b"MZ") or len(data) < 64
    missing = {ending_of(name) for name in listed(data)} - {ending_of(name) for name in found.names}
    assert found.closed or not missing


def listed(data: bytes) -> list[str]:
    """List the files of a ZIP file; empty where it cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.namelist()
    except (ValueError, NotImplementedError, EOFError, OverflowError, zipfile.BadZipFile):
        return []
