"""The files in a ZIP file by their first bytes, each read within a limit. Pure."""

import io
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from triage.message.mime.compressed import MEMBERS, UNPACKED, TooLarge

CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"  # what stands before each file in the directory, and before its bytes
JUDGED = 10_000  # files that the ZIP files of one message list, each of which is looked at
HEAD = 4 * 1024  # bytes
WHOLE = 32 * 1024 * 1024  # bytes of a document, a page or an archive within
STREAMED = 8  # the flag of a file whose sizes stand behind its bytes (APPNOTE.TXT, 4.4.4)
IN_ZIP64 = 0xFFFFFFFF  # a size that stands elsewhere (APPNOTE.TXT, 4.4.8)


@dataclass(slots=True)
class Room:
    """Limits on what may still be read of the archives of one message: bytes unpacked, and files. They shrink while reading."""

    unpacked: int = UNPACKED
    files: int = JUDGED

    def spend(self, size: int) -> None:
        """Spends bytes that are unpacked. TooLarge where too few are left for another file."""
        self.unpacked -= size
        if self.unpacked < HEAD:
            raise TooLarge

    def admit_files(self, content: bytes) -> None:
        """Spends the files that this content lists. TooLarge where it lists more than there is room for."""
        listed = count_entries(content)
        if listed > self.files:
            raise TooLarge
        self.files -= listed


def open_zip(content: bytes) -> zipfile.ZipFile:
    """Opens a ZIP file. TooLarge where it has more members than are read: their list alone would take more memory than there is."""
    if count_entries(content) > MEMBERS:
        raise TooLarge
    return zipfile.ZipFile(io.BytesIO(content))


def count_entries(content: bytes) -> int:
    """Counts the files that a ZIP file lists at most, without reading the list."""
    return max(content.count(CENTRAL), content.count(LOCAL))


def has_two_sizes(package: zipfile.ZipFile, content: bytes) -> bool:
    """Whether a file has one size in the directory and another before its bytes: programs go by either."""
    return any(differs_in_size(content, one) for one in package.infolist())


def differs_in_size(content: bytes, listed: zipfile.ZipInfo) -> bool:
    """The same of one file (APPNOTE.TXT, 4.3.7)."""
    if not 0 <= listed.header_offset <= len(content) - 30:
        return True
    (flags,) = struct.unpack_from("<H", content, listed.header_offset + 6)
    packed, size = struct.unpack_from("<II", content, listed.header_offset + 18)
    return not flags & STREAMED and (packed not in (listed.compress_size, IN_ZIP64) or size not in (listed.file_size, IN_ZIP64))


def read_members(package: zipfile.ZipFile, room: Room, *, wants_more: Callable[[str, bytes], bool]) -> Iterator[tuple[str, bytes, bool]]:
    """Name and first bytes of each file, and whether these are all; more of what `wants_more` says so of by its name and first ones.

    TooLarge where it all unpacks to more than there is room for.
    """
    for one in package.infolist():
        if one.flag_bits & 1 or not (one.file_size or one.compress_size):
            continue
        room.spend(0)
        one.file_size = sys.maxsize  # the directory may state less than there is, and programs unpack all
        with package.open(one) as opened:
            data = opened.read(HEAD)
            if len(data) == HEAD and wants_more(one.filename, data):
                data += read_more(opened, room)
            whole = not opened.read(1)
        room.spend(min(len(data), HEAD))
        yield one.filename, data, whole


def read_more(opened: IO[bytes], room: Room) -> bytes:
    """Reads what follows the first bytes of a file. The room for all of it is taken first, and stays taken where it turns out damaged."""
    most = min(WHOLE, room.unpacked) - HEAD
    room.unpacked -= most
    data = opened.read(most)
    room.unpacked += most - len(data)
    return data
