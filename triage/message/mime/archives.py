"""Archives (ZIP, RAR, 7z, Outlook's winmail.dat) by their bytes: which names they hold, and whether they are closed to us. Pure.

Nothing is unpacked but the directory of a 7z file, and that within a limit.
"""

import lzma
import re
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from triage.message.mime.zip_members import LOCAL, open_zip

ZIP, RAR4, RAR5, SEVEN = b"PK", b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00", b"7z\xbc\xaf\x27\x1c"
AES = b"\x06\xf1\x07\x01"  # 7z's name for encryption
TNEF, TITLE, PROPERTIES = b"\x78\x9f\x3e\x22", 0x18010, 0x69005
LONG_NAMES = ((b"\x1e\0\x07\x37", "cp1252"), (b"\x1f\0\x07\x37", "utf-16-le"))  # the property 3707 in its two types
END = b"PK\x05\x06"  # what stands behind all files of a ZIP
METHODS = frozenset({*range(21), *range(93, 100)})  # by which a file in a ZIP is packed or encrypted (APPNOTE.TXT, 4.4.5)
LONGEST = 500  # bytes of a name that are read, its last ones: names can lie in each other
NAMES = 200  # that are kept of one archive
OPENED = re.compile(r"(?=.*[^\W\d])[^\s.]{1,20}")  # by such endings files are opened: not by numbers, dates and digests
BEFORE = re.compile(r"\.[a-z]\w{1,4}$")  # the first ending of a name that ends twice
SEARCHED = 1024 * 1024  # bytes in which an archive may begin: programs pass over what stands before it
CALLED = re.compile(r"\.(?:zip|rar|7z)[\s.]*$", re.IGNORECASE)  # the names of those that are read here
HEADERS = 50_000  # of a RAR file that are read
DIRECTORY = 1024 * 1024  # bytes of a 7z directory that are unpacked
LISTED = 20_000  # names in it that are read
ROOM = 2 * DIRECTORY  # bytes of it that are looked through at all places where names may begin
PLACE = 64  # what such a place takes by itself, in bytes that could be looked through


@dataclass(frozen=True, slots=True)
class Archive:
    """Names in an archive, as far as they can be read without a password. `locked`: a password protects some of it; `unread`: its names
    are hidden, or nobody can tell for another reason."""

    names: tuple[str, ...] = ()
    unread: bool = False
    locked: bool = False

    @property
    def closed(self) -> bool:
        """Whether nobody can tell all that it holds, for whatever reason."""
        return self.unread or self.locked


def read_archive(content: bytes, *, called: Iterable[str] = ()) -> Archive | None:
    """Lists the names in these bytes, for every kind of archive that programs could take them for; None when they are no archive.

    `called`: their file names. A file named like an archive is opened as one, and is closed where any of it cannot be read.
    """
    sure = any(map(CALLED.search, called)) and bool(content)
    seen = [
        one for place, is_one, read in archive_beginnings(content) if (one := attempt_reader(read, content[place:], sure=sure or is_one))
    ]
    names = dict.fromkeys(name for one in seen for name in one.names)
    if seen:
        return of_each_ending(names, unread=any(one.unread for one in seen), locked=any(one.locked for one in seen))
    return Archive(unread=True) if sure else None


def archive_beginnings(content: bytes) -> Iterator[tuple[int, bool, Callable[[bytes], Archive]]]:
    """Yields each place where an archive may begin, whether it is one for sure, and its reader. A ZIP file is known by its end, too."""
    if content.startswith(ZIP) and content[2:4] in (b"\x03\x04", b"\x05\x06", b"\x07\x08"):
        yield 0, True, read_zip
    elif content.rfind(END, max(0, len(content) - 66_000)) >= 0:
        yield 0, False, read_zip
    if content.startswith(TNEF):
        yield 0, True, read_tnef
    for mark, read in ((RAR5, read_rar5), (RAR4, read_rar4), (SEVEN, read_7z)):
        if (place := content.find(mark, 0, SEARCHED)) >= 0:
            yield place, not place, read


def attempt_reader(read: Callable[[bytes], Archive], content: bytes, *, sure: bool) -> Archive | None:
    """Returns what a reader finds; where it fails, a closed archive if these bytes are an archive for `sure`, else None."""
    try:
        return read(content)
    except (ValueError, IndexError, OverflowError, NotImplementedError, EOFError, struct.error, zipfile.BadZipFile, lzma.LZMAError):
        return Archive(unread=True) if sure else None


def of_each_ending(names: Iterable[str], *, unread: bool, locked: bool) -> Archive:
    """Keeps NAMES names, the first of each ending before others, so that none hides; unread where there are more endings than that."""
    endings: dict[str, str] = {}
    for name in names:
        endings.setdefault(ending_of(name), name)
    kept = tuple(dict.fromkeys([*endings.values(), *names]))[:NAMES]
    return Archive(kept, unread or len(endings) > NAMES, locked)


def ending_of(name: str) -> str:
    """Returns the ending of a file name, folded, with any ending-like part before it."""
    stem, dot, last = name.rstrip(" .")[-100:].casefold().rpartition(".")
    before = BEFORE.search(stem.rstrip(" ._-"))
    return f"{before[0] if before else ''}.{last if dot and OPENED.fullmatch(last) else ''}"


def end_of_name(content: bytes, begin: int, length: int) -> bytes:
    """A name, or the end of a long one."""
    end = min(begin + length, len(content))
    return content[max(begin, end - LONGEST) : end]


def read_zip(content: bytes) -> Archive:
    """A ZIP file by its central directory and by what stands before each file: programs go by either, and the two may differ."""
    with open_zip(content) as archive:
        entries = [(entry.filename, entry.flag_bits) for entry in archive.infolist()]
    entries += local_entries(content)
    return Archive(tuple(dict.fromkeys(name for name, _ in entries)), locked=any(flags & 1 for _, flags in entries))


def local_entries(content: bytes) -> Iterator[tuple[str, int]]:
    """Name and flags of each file, also of those in a ZIP file that lies unpacked in this one (APPNOTE.TXT, 4.3.7)."""
    place = content.find(LOCAL)
    while 0 <= place <= len(content) - 30:
        flags, method = struct.unpack_from("<HH", content, place + 6)
        name = end_of_name(content, place + 30, struct.unpack_from("<H", content, place + 26)[0])
        if method in METHODS:  # else these four bytes are there by chance
            yield name.decode("utf-8" if flags & 0x800 else "cp437", "replace"), flags
        place = content.find(LOCAL, place + 30)


def read_rar4(content: bytes) -> Archive:
    """A RAR file of versions 1.5 to 4 by its headers (technote.txt of WinRAR)."""
    names: list[str] = []
    position, unread, locked = len(RAR4), False, False
    for header in range(HEADERS):
        unread = header == HEADERS - 1  # what comes then is not read
        if position + 7 > len(content):
            break
        kind, flags, size = struct.unpack_from("<BHH", content, position + 2)
        if size < 7:
            raise ValueError("a header without a size")
        more = struct.unpack_from("<I", content, position + 7)[0] if flags & 0x8000 or kind == 0x74 else 0
        if kind == 0x73 and flags & 0x80:  # the headers that follow are encrypted
            return Archive(tuple(names), unread=True, locked=True)
        if kind == 0x74:
            locked = locked or bool(flags & 0x04)
            length = struct.unpack_from("<H", content, position + 26)[0]
            begin = position + (40 if flags & 0x100 else 32)
            end = content.find(b"\0", begin, begin + length)
            names.append(end_of_name(content, begin, length if end < 0 else end - begin).decode("utf-8", "replace"))
        position += size + more
        if kind == 0x7B:
            break
    return Archive(tuple(names), unread, locked)


def read_rar5(content: bytes) -> Archive:
    """A RAR file of version 5 by its headers (rarlab.com, RAR 5.0 archive format)."""
    names: list[str] = []
    position, unread, locked = len(RAR5), False, False
    for header in range(HEADERS):
        unread = unread or header == HEADERS - 1  # what comes then is not read
        if position + 7 > len(content):
            break
        size, begin = read_vint(content, position + 4)
        kind, at = read_vint(content, begin)
        flags, at = read_vint(content, at)
        extra, at = read_vint(content, at) if flags & 1 else (0, at)
        data, at = read_vint(content, at) if flags & 2 else (0, at)
        end = begin + size
        if kind == 4:  # the headers that follow are encrypted
            return Archive(tuple(names), unread=True, locked=True)
        if kind == 2:
            names.append(name_in_rar5(content, at))
            unread = unread or extra > size
            locked = locked or (extra <= size and is_encrypted_in_rar5(content, end - extra, end))
        if kind == 5:
            break
        position = end + data
    return Archive(tuple(names), unread, locked)


def name_in_rar5(content: bytes, at: int) -> str:
    """The name in a file header, after its own flags, size, attributes, time, checksum, method and system."""
    flags, at = read_vint(content, at)
    _, at = read_vint(content, at)
    _, at = read_vint(content, at)
    at += (4 if flags & 2 else 0) + (4 if flags & 4 else 0)
    _, at = read_vint(content, at)
    _, at = read_vint(content, at)
    length, at = read_vint(content, at)
    return end_of_name(content, at, length).decode("utf-8", "replace")


def is_encrypted_in_rar5(content: bytes, at: int, end: int) -> bool:
    """Whether there is an encryption record in the extra area of a file header."""
    while at < end:
        size, begin = read_vint(content, at)
        kind, _ = read_vint(content, begin)
        if kind == 1:
            return True
        at = begin + size
    return False


def read_vint(content: bytes, at: int) -> tuple[int, int]:
    """A variable length integer of RAR 5, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if not byte & 0x80:
            return value, at
    raise ValueError("a number without an end")


def read_tnef(content: bytes) -> Archive:
    """Lists the attachments in Outlook's own form of a message (MS-OXTNEF), by the title and the long name of each."""
    names: list[str] = []
    at = 6  # behind the mark and a key
    while at + 9 <= len(content):
        attribute, size = struct.unpack_from("<II", content, at + 1)
        data = content[at + 9 : at + 9 + size]
        names += [data.decode("cp1252", "replace")] if attribute == TITLE else long_names(data) if attribute == PROPERTIES else []
        at += 9 + size + 2  # with its checksum
    return Archive(tuple(name.partition("\0")[0] for name in names))


def long_names(properties: bytes) -> Iterator[str]:
    """The long file names among the properties of an attachment, behind their count and length."""
    for mark, encoding in LONG_NAMES:
        if (place := properties.find(mark)) >= 0:
            size = struct.unpack_from("<I", properties, place + 8)[0]
            yield properties[place + 12 : place + 12 + size].decode(encoding, "replace")


def read_7z(content: bytes) -> Archive:
    """A 7z file by its directory (7zFormat.txt): as it stands, packed, or encrypted itself."""
    offset, size = struct.unpack_from("<QQ", content, 12)
    head = content[32 + offset : 32 + offset + size]
    if len(head) != size:
        raise ValueError("its directory is not there")
    if head[:1] == b"\x17":  # packed
        if AES in head:
            return Archive(unread=True, locked=True)
        head = unpack_directory(content, head)
    names = names_in_seven(head)
    return Archive(names, unread=bool(head and not names), locked=AES in head)


def unpack_directory(content: bytes, head: bytes) -> bytes:
    """The directory of a 7z file that LZMA or LZMA2 has packed, as all 7z programs do."""
    offset, at = seven_number(head, 2)  # behind 17 06
    _, at = seven_number(head, at)
    size, at = seven_number(head, at + 1)  # behind 09
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[read_packing(head, at)])
    return decoder.decompress(content[32 + offset : 32 + offset + size], DIRECTORY)


def read_packing(head: bytes, at: int) -> dict[str, int]:
    """Reads the compression filter of a 7z archive's directory."""
    if (begin := head.find(b"\x21\x21\x01", at)) >= 0:
        return {"id": lzma.FILTER_LZMA2, "dict_size": DIRECTORY}
    begin = head.index(b"\x23\x03\x01\x01\x05", at) + 5
    code = head[begin]
    return {"id": lzma.FILTER_LZMA1, "lc": code % 9, "lp": code // 9 % 5, "pb": code // 45, "dict_size": DIRECTORY}


def names_in_seven(head: bytes) -> tuple[str, ...]:
    """The names in a 7z directory: all that look like one where the property 11 may begin, since programs pass over what they do not know.

    None where too much of it looks like that, and nobody can tell.
    """
    names: dict[str, None] = {}
    room = ROOM
    for place in re.finditer(b"\x11", head):
        text = text_in_seven(head, place.end())
        room -= PLACE + len(text)
        if room < 0 or text.count(b"\0\0") > LISTED:
            return ()
        names.update(dict.fromkeys(filter(is_name, text.decode("utf-16-le", "replace").split("\0"))))
    return tuple(names)


def is_name(text: str) -> bool:
    """Whether this is somebody's name of a file, and not what bytes are by chance."""
    return bool(text) and (text.isprintable() or ending_of(text) != ".")


def text_in_seven(head: bytes, at: int) -> bytes:
    """Returns the names property with its length at `at`: a zero byte, and UTF-16 with a zero at the end of each; b"" where it is none."""
    try:
        size, begin = seven_number(head, at)
    except IndexError:
        return b""
    fits = size % 2 and begin + size <= len(head) and not head[begin] and head.endswith(b"\0\0", begin + 1, begin + size)
    return head[begin + 1 : begin + size] if fits else b""


def seven_number(head: bytes, at: int) -> tuple[int, int]:
    """A number of the 7z format, whose first byte says how many follow; and where it ends."""
    first = head[at]
    more = next((count for count in range(8) if not first & 0x80 >> count), 8)
    low = int.from_bytes(head[at + 1 : at + 1 + more], "little")
    high = first & (0x7F >> more) if more < 8 else 0
    return low | high << 8 * more, at + 1 + more
