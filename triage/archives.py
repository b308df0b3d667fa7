"""Archives (ZIP, RAR, 7z) by their bytes: which names they hold, and whether somebody without the password can look inside. Pure.

Nothing is unpacked but the directory of a 7z file, and that within a limit.
"""

import io
import lzma
import struct
import zipfile
from dataclasses import dataclass

ZIP, RAR4, RAR5, SEVEN = b"PK", b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00", b"7z\xbc\xaf\x27\x1c"
AES = b"\x06\xf1\x07\x01"  # 7z's name for encryption
NAMES = 200  # that are kept of one archive
HEADERS = 2_000  # of a RAR file that are read
DIRECTORY = 4 * 1024 * 1024  # bytes of a 7z directory that are unpacked


@dataclass(frozen=True, slots=True)
class Archive:
    """What can be said of an archive without a password. `closed`: it is encrypted, or nobody can tell."""

    names: tuple[str, ...] = ()
    closed: bool = False


def look_into(content: bytes) -> Archive | None:
    """What kind of archive these bytes are and hold; None when they are none."""
    try:
        if content.startswith(ZIP) and content[2:4] in (b"\x03\x04", b"\x05\x06", b"\x07\x08"):
            return zipped(content)
        if content.startswith(RAR5):
            return rar5(content)
        if content.startswith(RAR4):
            return rar4(content)
        return seven(content) if content.startswith(SEVEN) else None
    except (ValueError, IndexError, OverflowError, NotImplementedError, EOFError, struct.error, zipfile.BadZipFile, lzma.LZMAError):
        return Archive(closed=True)


def zipped(content: bytes) -> Archive:
    """A ZIP file by its central directory."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
    return Archive(tuple(entry.filename for entry in entries[:NAMES]), any(entry.flag_bits & 1 for entry in entries))


def rar4(content: bytes) -> Archive:
    """A RAR file of versions 1.5 to 4 by its headers (technote.txt of WinRAR)."""
    names: list[str] = []
    position, closed = len(RAR4), False
    for _ in range(HEADERS):
        if position + 7 > len(content):
            break
        kind, flags, size = struct.unpack_from("<BHH", content, position + 2)
        if size < 7:
            raise ValueError("a header without a size")
        more = struct.unpack_from("<I", content, position + 7)[0] if flags & 0x8000 or kind == 0x74 else 0
        if kind == 0x73 and flags & 0x80:  # the headers that follow are encrypted
            return Archive(tuple(names), True)
        if kind == 0x74:
            closed = closed or bool(flags & 0x04)
            length = struct.unpack_from("<H", content, position + 26)[0]
            begin = position + (40 if flags & 0x100 else 32)
            names.append(content[begin : begin + length].partition(b"\0")[0].decode("utf-8", "replace"))
        position += size + more
        if kind == 0x7B:
            break
    return Archive(tuple(names[:NAMES]), closed)


def rar5(content: bytes) -> Archive:
    """A RAR file of version 5 by its headers (rarlab.com, RAR 5.0 archive format)."""
    names: list[str] = []
    position, closed = len(RAR5), False
    for _ in range(HEADERS):
        if position + 7 > len(content):
            break
        size, begin = number(content, position + 4)
        kind, at = number(content, begin)
        flags, at = number(content, at)
        extra, at = number(content, at) if flags & 1 else (0, at)
        data, at = number(content, at) if flags & 2 else (0, at)
        end = begin + size
        if kind == 4:  # the headers that follow are encrypted
            return Archive(tuple(names), True)
        if kind == 2:
            names.append(name_in_rar5(content, at))
            closed = closed or is_encrypted_in_rar5(content, end - extra, end)
        if kind == 5:
            break
        position = end + data
    return Archive(tuple(names[:NAMES]), closed)


def name_in_rar5(content: bytes, at: int) -> str:
    """The name in a file header, after its own flags, size, attributes, time, checksum, method and system."""
    flags, at = number(content, at)
    _, at = number(content, at)
    _, at = number(content, at)
    at += (4 if flags & 2 else 0) + (4 if flags & 4 else 0)
    _, at = number(content, at)
    _, at = number(content, at)
    length, at = number(content, at)
    return content[at : at + length].decode("utf-8", "replace")


def is_encrypted_in_rar5(content: bytes, at: int, end: int) -> bool:
    """Is there an encryption record in the extra area of a file header?"""
    while at < end:
        size, begin = number(content, at)
        kind, _ = number(content, begin)
        if kind == 1:
            return True
        at = begin + size
    return False


def number(content: bytes, at: int) -> tuple[int, int]:
    """A variable length integer of RAR 5, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if not byte & 0x80:
            return value, at
    raise ValueError("a number without an end")


def seven(content: bytes) -> Archive:
    """A 7z file by its directory (7zFormat.txt): as it stands, packed, or encrypted itself."""
    offset, size = struct.unpack_from("<QQ", content, 12)
    head = content[32 + offset : 32 + offset + size]
    if len(head) != size:
        raise ValueError("its directory is not there")
    if head[:1] == b"\x17":  # packed
        if AES in head:
            return Archive(closed=True)
        head = unpacked(content, head)
    return Archive(names_in_seven(head), AES in head)


def unpacked(content: bytes, head: bytes) -> bytes:
    """The directory of a 7z file that LZMA or LZMA2 has packed, as all 7z programs do."""
    offset, at = seven_number(head, 2)  # behind 17 06
    _, at = seven_number(head, at)
    size, at = seven_number(head, at + 1)  # behind 09
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[packing(head, at)])
    return decoder.decompress(content[32 + offset : 32 + offset + size], DIRECTORY)


def packing(head: bytes, at: int) -> dict[str, int]:
    """How the directory is packed."""
    if (begin := head.find(b"\x21\x21\x01", at)) >= 0:
        return {"id": lzma.FILTER_LZMA2, "dict_size": DIRECTORY}
    begin = head.index(b"\x23\x03\x01\x01\x05", at) + 5
    code = head[begin]
    return {"id": lzma.FILTER_LZMA1, "lc": code % 9, "lp": code // 9 % 5, "pb": code // 45, "dict_size": DIRECTORY}


def names_in_seven(head: bytes) -> tuple[str, ...]:
    """The names in a 7z directory: the property 11 holds them in UTF-16, each with a zero at its end."""
    found = []
    at = head.find(b"\x11")
    while at >= 0:
        try:
            size, begin = seven_number(head, at + 1)
            text = head[begin + 1 : begin + size]
            if head[begin : begin + 1] == b"\0" and text.endswith(b"\0\0") and len(text) == size - 1 and size % 2:
                found = [name for name in text.decode("utf-16-le").split("\0") if name]
                if found and all(name.isprintable() for name in found):
                    break
        except (IndexError, UnicodeDecodeError):
            found = []
        at = head.find(b"\x11", at + 1)
    return tuple(found[:NAMES])


def seven_number(head: bytes, at: int) -> tuple[int, int]:
    """A number of the 7z format, whose first byte says how many follow; and where it ends."""
    first = head[at]
    more = next((count for count in range(8) if not first & 0x80 >> count), 8)
    low = int.from_bytes(head[at + 1 : at + 1 + more], "little")
    high = first & (0x7F >> more) if more < 8 else 0
    return low | high << 8 * more, at + 1 + more
