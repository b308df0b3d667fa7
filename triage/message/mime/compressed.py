"""Names in tar, gzip, bzip2, xz, cabinet and ISO files, each read within a limit; Zstandard is closed to us. Pure."""

import bz2
import gzip
import io
import lzma
import re
import struct
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, NamedTuple

UNPACKED = 128 * 1024 * 1024  # bytes of one file that are unpacked
HEAD = 64 * 1024  # bytes that are handed back of what is no archive
MEMBERS = 50_000  # that are read of one file
GZIP, BZIP, XZ, ZSTD, CAB = b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"MSCF\0\0\0\0"
ISO_AT = 0x8001
PACKED_NAME = re.compile(r"\.(?:gz|bz2|xz|lzma|zst)[\s.]*$", re.IGNORECASE)


class TooLarge(ValueError):
    """Raised when a file holds more than is unpacked."""


class Found(NamedTuple):
    """Names in such a file, or the beginning of the one file that is packed in it; and how many bytes were unpacked."""

    names: tuple[str, ...] = ()
    head: bytes | None = None
    unpacked: int = 0


class Unpacking(io.RawIOBase):
    """Unpacks as much as is asked for. TooLarge beyond the limit, ValueError for what cannot be read."""

    def __init__(self, content: bytes, limit: int) -> None:
        if content.startswith(GZIP):
            self.source: gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile = gzip.GzipFile(fileobj=io.BytesIO(content))
        elif content.startswith((BZIP, XZ)):
            self.source = (bz2.BZ2File if content.startswith(BZIP) else lzma.LZMAFile)(io.BytesIO(content))
        else:
            raise ValueError("packed in a way that is not read")
        self.limit, self.count = limit, 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        try:
            found = self.source.read(size if size >= 0 else self.limit + 1)
        except (zlib.error, OSError, EOFError, lzma.LZMAError, MemoryError) as fault:
            raise ValueError("it is damaged") from fault
        self.count += len(found)
        if self.count > self.limit:
            raise TooLarge
        return found


def is_compressed(content: bytes) -> bool:
    """Whether this begins like one of the files that are read here."""
    return content.startswith((GZIP, BZIP, XZ, ZSTD, CAB)) or is_tar(content) or is_iso(content)


def is_tar(content: bytes) -> bool:
    """Whether a tar file of any age begins here. Its first header has a checksum."""
    try:
        return bool(tarfile.TarInfo.frombuf(content[:512], "utf-8", "surrogateescape").name)
    except (tarfile.HeaderError, ValueError):
        return False


def is_iso(content: bytes) -> bool:
    """Whether this is an ISO 9660 image."""
    return content[ISO_AT : ISO_AT + 5] == b"CD001"


def list_names(content: bytes, limit: int) -> Found:
    """The names in such a file. ValueError where it cannot all be read, or unpacks to more bytes than `limit`."""
    if content.startswith(CAB):
        return Found(tuple(names_in_cab(content)))
    if is_iso(content):
        return Found(tuple(names_in_iso(content)))
    if is_tar(content):
        return Found(tuple(names_in_tar(io.BytesIO(content))))
    begin = Unpacking(content, limit)
    head = begin.read(min(HEAD, limit))
    if not is_tar(head):
        return Found((), head, begin.count)
    whole = Unpacking(content, limit)
    return Found(tuple(names_in_tar(whole)), None, whole.count)


def names_in_tar(stream: IO[bytes] | Unpacking) -> Iterator[str]:
    """The names in a tar file, in one pass."""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for number, member in enumerate(archive):
                if number >= MEMBERS:
                    raise TooLarge
                yield member.name
                if member.islnk() or member.issym():
                    yield member.linkname
    except tarfile.TarError as fault:
        raise ValueError("it is damaged") from fault


def names_in_cab(content: bytes) -> Iterator[str]:
    """The names in a cabinet ([MS-CAB] 2.3)."""
    try:
        (at,), (files,) = struct.unpack_from("<I", content, 16), struct.unpack_from("<H", content, 28)
        for _ in range(files):
            end = content.index(b"\0", at + 16, at + 16 + 257)
            yield content[at + 16 : end].decode("utf-8", "replace").replace("\\", "/")
            at = end + 1
    except struct.error as fault:
        raise ValueError("it is damaged") from fault


def names_in_iso(content: bytes) -> Iterator[str]:
    """The names in an ISO 9660 image and its Joliet directory (ECMA-119, 9.1): every record of every folder, each folder once."""
    for at in range(0x8000, min(len(content), 0x8000 + 32 * 2048), 2048):
        kind = content[at]
        if content[at + 1 : at + 6] != b"CD001" or kind == 255:
            return
        if kind in (1, 2):
            letters = "utf-16-be" if kind == 2 and content[at + 88 : at + 90] == b"%/" else "latin-1"
            yield from names_below(content, content[at + 156 : at + 190], letters)


def names_below(content: bytes, root: bytes, letters: str) -> Iterator[str]:
    """The names in this folder and those within it."""
    waiting, number = [root], 0
    seen: set[int] = set()
    while waiting:
        record = waiting.pop()
        (place,), (size,) = struct.unpack_from("<I", record, 2), struct.unpack_from("<I", record, 10)
        if place in seen:
            continue
        seen.add(place)
        folder, at = content[place * 2048 : place * 2048 + size], 0
        while at + 34 <= len(folder):
            length = folder[at]
            if length < 34:
                at = (at // 2048 + 1) * 2048  # records do not cross sectors
                continue
            entry = folder[at : at + length]
            name = entry[33 : 33 + entry[32]].decode(letters, "replace").partition(";")[0]
            number += 1
            if number > MEMBERS:
                raise TooLarge
            if entry[25] & 2:
                waiting += [entry] if entry[32] > 1 else []
            else:
                yield name
            at += length


def inner_name(name: str) -> str:
    """Returns the name of the one file in a packed file: `x.exe` of `x.exe.gz`."""
    shown = PurePosixPath(name).name
    return PACKED_NAME.sub("", shown)
