"""Macros in Office's binary files (MS-CFB, MS-OVBA, MS-XLS): whether a file holds some, and whether one runs when the file is opened. Pure.

Only the directory, the list of modules and the modules' text are read, each within a limit; what points at itself ends the reading.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from triage.message.mime.excel4_macros import STREAMS as WORKBOOKS, find_in_workbook

OLE = bytes.fromhex("d0cf11e0a1b11ae1")
SECTORS = 100_000  # that one chain may have: 50 MB of the usual ones
TEXT = 2 * 1024 * 1024  # bytes of one module that are unpacked
MODULES = 200  # that are read of one file
INSTALLER = bytes.fromhex("84100c0000000000c000000000000046")  # the class of Windows Installer packages
LAST = 0xFFFFFFFA  # sector numbers from here on are marks (MS-CFB, 2.1)
STREAM_NAME, STREAM_OFFSET, VERSION = 0x1A, 0x31, 0x09  # records of the list of modules (MS-OVBA, 2.3.4.2)
RUNS_ON_OPENING = re.compile(
    rb"\bsub\s+(?:auto_?(?:open|exec|new|close|exit)|(?:document|workbook|presentation)_?(?:open|new|close|beforeclose|activate)"
    rb"|workbook_(?:windowactivate|sheetactivate)|slideshow\w*|onslideshow\w*|\w+_(?:layout|painted|gotfocus|mousemove|mouseenter|change))\b",
    re.IGNORECASE,
)


class Stream(NamedTuple):
    """A stream of the file, by its entry in the directory."""

    name: str
    start: int
    size: int


class OleFile:
    """A compound file, read as far as streams are asked for. ValueError where it is none or its chains do not end."""

    def __init__(self, content: bytes) -> None:
        if not content.startswith(OLE) or len(content) < 512:
            raise ValueError("no compound file")
        self.content = content
        shift, mini_shift = struct.unpack_from("<HH", content, 30)
        if shift not in (9, 12) or mini_shift != 6:
            raise ValueError("sectors of an unknown size")
        self.size, self.mini_size = 1 << shift, 1 << mini_shift
        directory, self.cutoff, mini_fat = (struct.unpack_from("<I", content, at)[0] for at in (48, 56, 60))
        self.fat = self.read_fat()
        entries = self.read_chain(directory)
        self.streams = list(self.list_streams(entries))
        root = struct.unpack_from("<I", entries, 116)[0] if len(entries) >= 128 else LAST
        self.kind = entries[80:96]  # the class of its root
        self.mini = self.read_chain(root)
        self.mini_fat = numbers_in(self.read_chain(mini_fat))

    def sector(self, number: int) -> bytes:
        """A sector's bytes."""
        begin = (number + 1) * self.size
        return self.content[begin : begin + self.size]

    def read_fat(self) -> tuple[int, ...]:
        """Reads the sector chains (FAT) from the sectors that the header lists, and from those that its chain continues with."""
        listed = [one for one in struct.unpack_from("<109I", self.content, 76) if one < LAST]
        (after,) = struct.unpack_from("<I", self.content, 68)
        seen: set[int] = set()
        while after < LAST and after not in seen and len(seen) < SECTORS:
            seen.add(after)
            *more, after = numbers_in(self.sector(after)) or (LAST,)
            listed += [one for one in more if one < LAST]
        known = dict.fromkeys(listed)
        return numbers_in(b"".join(self.sector(one) for one in known if (one + 1) * self.size < len(self.content)))

    def read_chain(self, start: int) -> bytes:
        """The bytes of the sectors that begin here."""
        return b"".join(map(self.sector, follow_sectors(self.fat, start)))

    def list_streams(self, entries: bytes) -> Iterator[Stream]:
        """The streams that the directory names; storages are those of size 0."""
        for at in range(0, len(entries) - 127, 128):
            length, kind = struct.unpack_from("<HB", entries, at + 64)
            if kind in (1, 2):
                name = entries[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
                start, size = struct.unpack_from("<II", entries, at + 116)
                yield Stream(name, start, size if kind == 2 else 0)

    def read(self, stream: Stream) -> bytes:
        """A stream's bytes."""
        if stream.size >= self.cutoff:
            return self.read_chain(stream.start)[: stream.size]
        pieces = (self.mini[one * self.mini_size : (one + 1) * self.mini_size] for one in follow_sectors(self.mini_fat, stream.start))
        return b"".join(pieces)[: stream.size]


def numbers_in(data: bytes) -> tuple[int, ...]:
    """Numbers of four bytes."""
    return struct.unpack_from(f"<{len(data) // 4}I", data)


def follow_sectors(fat: tuple[int, ...], start: int) -> Iterator[int]:
    """The sectors from this one on. ValueError where they do not end."""
    seen: set[int] = set()
    while start < LAST:
        if start in seen or start >= len(fat) or len(seen) >= SECTORS:
            raise ValueError("a chain of sectors without an end")
        seen.add(start)
        yield start
        start = fat[start]


class Locked(ValueError):
    """A password protects the document."""


def find_macros(content: bytes) -> str:
    """Finds macros in a file: `macros`, `macros-run` where one runs on opening, `runs` for an installer, "" for none.

    ValueError where nobody can tell, Locked for a document with a password.
    """
    try:
        found = OleFile(content)
        lists = [one for one in found.streams if one.name.casefold() == "dir" and one.size]
        names = {one.name.casefold() for one in found.streams}
        if "encryptedpackage" in names:
            raise Locked("a document with a password")
        if found.kind == INSTALLER:
            return "runs"
        sheets = [find_in_workbook(found.read(one)) for one in found.streams if one.name.casefold() in WORKBOOKS and one.size]
        if "macros-run" in sheets or names.isdisjoint(("vba", "_vba_project")):
            return max(sheets, default="")
        texts = (text for one in lists for text in module_texts(found, decompress_container(found.read(one))))
        return "macros-run" if not lists or any(map(RUNS_ON_OPENING.search, texts)) else "macros"
    except (struct.error, IndexError) as fault:
        raise ValueError("a compound file that is damaged") from fault


def module_texts(found: OleFile, listed: bytes) -> Iterator[bytes]:
    """The text of each module that the project's list names."""
    streams = {one.name.casefold(): one for one in found.streams}
    for name, offset in list_modules(listed):
        if name.casefold() in streams:
            yield decompress_container(found.read(streams[name.casefold()])[offset:])


def list_modules(listed: bytes) -> Iterator[tuple[str, int]]:
    """The streams of the modules, and where the packed text begins in each."""
    at, name, number = 0, "", 0
    while at + 6 <= len(listed) and number < MODULES:
        kind, size = struct.unpack_from("<HI", listed, at)
        data = listed[at + 6 : at + 6 + size]
        if kind == STREAM_NAME:
            name = data.decode("cp1252", "replace")
        elif kind == STREAM_OFFSET and name and size == 4:
            number += 1
            yield name, struct.unpack("<I", data)[0]
        at += 6 + (6 if kind == VERSION else size)


def decompress_container(packed: bytes) -> bytes:
    """Decompresses a compressed container, up to a limit (MS-OVBA, 2.4.1)."""
    if not packed.startswith(b"\x01"):
        raise ValueError("no compressed container")
    text = bytearray()
    at = 1
    while at + 2 <= len(packed) and len(text) < TEXT:
        (header,) = struct.unpack_from("<H", packed, at)
        end = min(at + (header & 0xFFF) + 3, len(packed))
        if header & 0x8000:
            unpack_chunk(packed[at + 2 : end], text)
        else:
            text += packed[at + 2 : end]
        at = end
    return bytes(text)


def unpack_chunk(chunk: bytes, text: bytearray) -> None:
    """Add one chunk of at most 4,096 bytes to the text: letters as they are, and copies of what stood before."""
    begin, at = len(text), 0
    while at < len(chunk) and len(text) - begin < 4096:
        flags = chunk[at]
        at += 1
        for bit in range(8):
            if at >= len(chunk):
                return
            if not flags >> bit & 1:
                text.append(chunk[at])
                at += 1
                continue
            token = int.from_bytes(chunk[at : at + 2], "little")
            at += 2
            bits = max(4, (len(text) - begin - 1).bit_length())
            back, length = (token >> 16 - bits) + 1, (token & 0xFFFF >> bits) + 3
            if back > len(text) - begin:
                raise ValueError("a copy of what is not there")
            for _ in range(min(length, 4096)):
                text.append(text[-back])
