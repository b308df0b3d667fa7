"""Detects file types by first bytes, whatever the name says: programs, disk images, pages with script, macros, encrypted messages. Pure."""

import io
import lzma
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from triage.message.mime import compressed
from triage.message.mime.archives import ZIP, Archive, of_each_ending, read_archive
from triage.message.mime.excel4_macros import has_macro_sheet, names_auto_open
from triage.message.mime.ole_macros import OLE, Locked, find_macros
from triage.message.mime.zip_members import Room, has_two_sizes, open_zip, read_members

RUNS, SCRIPT, MACROS, MACROS_RUN, TEMPLATE, PARTIAL, ENCRYPTED, MISLABELLED = (
    *("runs", "script", "macros", "macros-run", "remote-template", "partial", "encrypted-mail", "mislabelled"),
)
IN_ARCHIVES = frozenset({RUNS, SCRIPT, MACROS, MACROS_RUN, TEMPLATE})  # what counts of the files in an archive
EMBEDDED = IN_ARCHIVES - {SCRIPT}  # and of the parts of an Office document, which runs no script
PROGRAMS = (  # first bytes of what Windows, macOS and Linux run, mount or open with something that runs
    b"\x7fELF",
    b"\xca\xfe\xba\xbe",  # Mach-O for several processors, Java
    *(b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"),  # Mach-O
    b"#!",
    bytes.fromhex("4c0000000114020000000000c000000000000046"),  # a shortcut ([MS-SHLLINK] 2.1)
    bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3"),  # OneNote ([MS-ONESTORE] 2.3.1)
    b"ITSF",  # compiled help
    *(b"vhdxfile", b"conectix", b"MSWIM\0\0\0", b"QFI\xfb", b"KDMV"),  # disk images
    b"[InternetShortcut]",
)
VHD_FOOTER = 512  # bytes at the end of a fixed disk image, whose first eight are its mark
PAGE_START = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,500}?-->\s*){0,3}<(?:!doctype\s+(?:html|svg)|html|head|svg|script)\b",
    re.IGNORECASE | re.DOTALL,
)
PAGE_NAME = re.compile(r"\.(?:html?|shtml|xhtml|xht|svgz?)[\s.]*$", re.IGNORECASE)
PAGES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})
HAS_SCRIPT = re.compile(
    rb"<(?:\w{1,10}:)?script\b|(?:java|vb)script\s*:|<[a-z][^<>]{0,2000}[\s\"'/]on[a-z]{3,30}\s*=|\bsrcdoc\s*=|<meta[^<>]{0,500}http-equiv[^<>]{0,20}refresh",
    re.IGNORECASE,
)
SEARCHED = 2 * 1024 * 1024  # bytes of a page in which script is looked for
PART = 8 * 1024 * 1024  # bytes of one part of an Office document that are unpacked
VBA_TYPE = re.compile(rb"""<(?:Override|Default)\b[^>]*vnd\.ms-office\.vbaProject[^>]*>""", re.IGNORECASE)
PART_NAME = re.compile(rb"""(?:PartName\s*=\s*["']/|Extension\s*=\s*["'])([^"']{1,500})""", re.IGNORECASE)
RELATION = re.compile(rb"<Relationship\b[^>]{0,4000}>", re.IGNORECASE)
TEMPLATES = re.compile(rb"""Type\s*=\s*["'][^"']*/(?:attachedTemplate|oleObject|subDocument|frame)["']""", re.IGNORECASE)
OUTSIDE = re.compile(rb"""Target\s*=\s*["'](?:https?:|ftp:|mhtml:|\\\\|//|file:(?:/{2}|\\\\)[^/\\])""", re.IGNORECASE)
TARGET = re.compile(rb"""\bTarget\s*=\s*["']([^"']{1,500})""", re.IGNORECASE)
DOCUMENT_NAME = re.compile(r"\.(?:do[ct][xm]|xl[st][xm]|xlsb|xlam|p(?:pt|ot|ps)[xm]|ppam|sld[xm])[\s.]*$", re.IGNORECASE)
PARTS = ("word/", "xl/", "ppt/")  # the folders in which an Office document has its parts
WORKBOOK = re.compile(r"(?:^|/)workbook\.(?:xml|bin)$")
RELATIONS = 200  # lists of relations that are read of one document
ENVELOPED = (bytes.fromhex("06092a864886f70d010703"), bytes.fromhex("060b2a864886f70d0109100117"))  # RFC 5652, 6.1; RFC 5083, 2.1
CMS_NAME = re.compile(r"\.p7[mscz][\s.]*$", re.IGNORECASE)
PGP_NAME = re.compile(r"\.(?:pgp|gpg)[\s.]*$", re.IGNORECASE)
PGP_MESSAGE = b"-----BEGIN PGP MESSAGE-----"
TEXT_OF_DER = re.compile(rb"\s*(?:-----BEGIN |M[A-Za-z0-9+/])")
CALLED = re.compile(r"\.(?:tar|tgz|tbz2?|txz|gz|bz2|xz|zst|cab)[\s.]*$", re.IGNORECASE)

DAMAGED = (  # what reading a ZIP file or a document raises where it is damaged, packed in a way that is not read, or encrypted
    *(ValueError, IndexError, OverflowError, NotImplementedError, EOFError, RuntimeError, OSError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile, struct.error),
)


@dataclass(frozen=True, slots=True)
class Content:
    """Content of a file. `finding`: one of the words above, "" where nothing is found."""

    archive: Archive
    finding: str = ""


def examine_content(content: bytes, names: tuple[str, ...], media_type: str, room: Room, *, within: bool = False) -> Content:
    """Examines the content of a file. `names`: the file's own; `room`: what may still be read of archives for this message, and shrinks.

    `within`: it is in an archive itself, and archives in it are not opened.
    """
    inside = read_archive(content, called=names) or Archive()
    finding = find_kind(content, names, media_type)
    if content.startswith(OLE):
        return examine_office(content, inside, finding)
    if zipfile.is_zipfile(io.BytesIO(content)):
        return examine_zip(content, names, examine_office(content, inside, finding), room, within=within)
    if not compressed.is_compressed(content):
        return Content(replace(inside, unread=inside.unread or (bool(content) and any(map(CALLED.search, names)))), finding)
    try:
        found = compressed.list_names(content, room.unpacked)
    except (ValueError, IndexError, OverflowError):
        room.unpacked = 0 if room.unpacked < compressed.UNPACKED else room.unpacked
        return Content(Archive(inside.names, unread=True), finding)
    room.unpacked -= found.unpacked
    inner = () if found.head is None else tuple(filter(None, map(compressed.inner_name, names)))
    finding = finding or (find_kind(found.head, inner, "") if found.head is not None else "")
    unread = inside.unread or (found.head is not None and is_archive(found.head))  # an archive in what is packed is not looked into
    return Content(of_each_ending((*inside.names, *found.names, *inner), unread=unread, locked=inside.locked), finding)


def examine_zip(content: bytes, names: tuple[str, ...], found: Content, room: Room, *, within: bool) -> Content:
    """The same of a ZIP file with what its files are by their bytes; `found`: what it is as a document."""
    try:
        if not within:
            room.admit_files(content)
        return judge_members(content, names, found, room, within=within)
    except compressed.TooLarge:
        return replace(found, archive=replace(found.archive, unread=True))
    except DAMAGED:
        sure = content.startswith(ZIP)  # else it may be another file in which a ZIP file lies
        return replace(found, archive=replace(found.archive, unread=found.archive.unread or sure))


def judge_members(content: bytes, names: tuple[str, ...], found: Content, room: Room, *, within: bool) -> Content:
    """Examines the files in a ZIP file. The parts of an Office document may be closed: many hold other documents."""
    inside, finding = [*found.archive.names], found.finding
    with open_zip(content) as package:
        unread, locked = found.archive.unread or has_two_sizes(package, content), found.archive.locked
        parts = document_parts(package) if all(map(DOCUMENT_NAME.search, names)) else frozenset()
        for name, data, whole in read_members(package, room, wants_more=needs_all):
            member, is_part = examine_member(name, data, room, whole=whole, within=within), name.casefold() in parts
            inside += member.archive.names
            unread = unread or (member.archive.unread and not is_part)
            locked = locked or (member.archive.locked and not is_part)
            finding = finding or (member.finding if member.finding in (EMBEDDED if is_part else IN_ARCHIVES) else "")
    return Content(of_each_ending(dict.fromkeys(inside), unread=unread, locked=locked), finding)


def examine_member(name: str, data: bytes, room: Room, *, whole: bool, within: bool) -> Content:
    """Examines one file in a ZIP file. Archives are closed two levels down, and where they are not `whole`."""
    room.admit_files(data)
    if not is_archive(data):
        return Content(Archive(), find_kind(data, (name,), ""))
    readable = whole and (data.startswith(OLE) or not within)
    return examine_content(data, (name,), "", room, within=True) if readable else Content(Archive(unread=True))


def document_parts(package: zipfile.ZipFile) -> frozenset[str]:
    """The parts of an Office document that its lists of relations name, folded."""
    relations = [one for one in package.infolist() if one.filename.casefold().endswith(".rels")][:RELATIONS]
    named = (part_path(one.filename, target) for one in relations for target in TARGET.findall(read_part(package, one)))
    return frozenset(path for path in named if path.startswith(PARTS))


def part_path(relations: str, target: bytes) -> str:
    """The part that a list of relations means: its place is told from the folder above that list's (ECMA-376-2, 6.5.3)."""
    folder = posixpath.dirname(posixpath.dirname(relations))
    return posixpath.normpath(posixpath.join("/", folder, target.decode("utf-8", "replace"))).lstrip("/").casefold()


def needs_all(name: str, head: bytes) -> bool:
    """Whether more than its first bytes is needed to judge this file."""
    return is_archive(head) or PAGE_START.match(head[:2048]) is not None or PAGE_NAME.search(name) is not None


def is_archive(content: bytes) -> bool:
    """Whether an archive, or an Office document, begins here."""
    return compressed.is_compressed(content) or content.startswith(OLE) or read_archive(content) is not None


def find_kind(content: bytes, names: tuple[str, ...], media_type: str) -> str:
    """Finds the kind of a file by its first bytes, its names and its media type; "" for nothing noteworthy."""
    if media_type == "message/partial":
        return PARTIAL
    if is_program(content):
        return RUNS
    if PAGE_START.match(content[:2048]) or media_type in PAGES or any(map(PAGE_NAME.search, names)):
        return SCRIPT if HAS_SCRIPT.search(plain_letters(content[:SEARCHED])) else ""
    return find_encryption(content, names, media_type)


def is_program(content: bytes) -> bool:
    """Whether a program, a shortcut, a disk image or a notebook begins here."""
    if content.startswith(b"MZ") and len(content) >= 64:
        return True
    return content.startswith(PROGRAMS) or content[-VHD_FOOTER:].startswith(b"conectix") or compressed.is_iso(content)


def plain_letters(content: bytes) -> bytes:
    """A page as its letters are searched: UTF-16 as bytes of ASCII."""
    wide = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(content[:2])
    return content.decode(wide, "replace").encode("ascii", "replace") if wide else content


def find_encryption(content: bytes, names: tuple[str, ...], media_type: str) -> str:
    """Whether it is encrypted mail, or called signed or encrypted mail without being any."""
    if media_type == "application/pgp-encrypted" or content[:200].lstrip().startswith(PGP_MESSAGE):
        return ENCRYPTED
    if any(map(PGP_NAME.search, names)) and content[:1] >= b"\x80":  # RFC 9580, 4.2: the first bit is set
        return ENCRYPTED
    if any(one in content[:64] for one in ENVELOPED) and content[:1] == b"\x30":
        return ENCRYPTED
    called = media_type in ("application/pkcs7-mime", "application/x-pkcs7-mime") or any(map(CMS_NAME.search, names))
    return MISLABELLED if called and content and content[:1] != b"\x30" and not TEXT_OF_DER.match(content[:100]) else ""


def examine_office(content: bytes, inside: Archive, finding: str) -> Content:
    """Finds macros and outside templates in an Office document; a damaged one is closed to us."""
    try:
        found = find_macros(content) if content.startswith(OLE) else find_in_package(content)
    except Locked:
        return Content(replace(inside, locked=True), finding)
    except DAMAGED:
        return Content(replace(inside, unread=True), finding)
    return Content(inside, finding or found)


def find_in_package(content: bytes) -> str:
    """Finds macros or an outside template in an Office document in a ZIP file; "" for other ZIP files."""
    try:
        opened = open_zip(content)
    except compressed.TooLarge:
        raise
    except (ValueError, NotImplementedError, zipfile.BadZipFile):
        return ""  # what cannot be listed is closed already
    with opened as package:
        parts = {one.filename.casefold(): one for one in package.infolist()}
        types = parts.get("[content_types].xml")
        if types is None or types.flag_bits & 1:
            return ""
        relations = [read_part(package, one) for one in [one for name, one in parts.items() if name.endswith(".rels")][:RELATIONS]]
        if has_macro_sheet((read_part(package, types), *relations)):
            workbooks = (one for name, one in parts.items() if WORKBOOK.search(name))
            return MACROS_RUN if any(names_auto_open(read_part(package, one)) for one in workbooks) else MACROS
        projects = [parts[name] for name in named_projects(read_part(package, types), parts)]
        found = {find_macros(read_part(package, one)) or MACROS for one in projects}
        if found:
            return MACROS_RUN if MACROS_RUN in found else MACROS
        return TEMPLATE if any(map(loads_from_outside, relations)) else ""


def named_projects(types: bytes, parts: dict[str, zipfile.ZipInfo]) -> Iterator[str]:
    """The parts that are macros by their name or by the document's own list of kinds."""
    yield from (name for name in parts if name.endswith("vbaproject.bin"))
    for one in VBA_TYPE.findall(types):
        ending = named[1].decode("utf-8", "replace").casefold() if (named := PART_NAME.search(one)) else "\0"
        yield from (name for name in parts if name.endswith(ending))


def read_part(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    """A part of the document. ValueError beyond the limit."""
    with package.open(part) as opened:
        found = opened.read(PART + 1)
    if len(found) > PART:
        raise ValueError("a part too large to be read")
    return found


def loads_from_outside(relations: bytes) -> bool:
    """Whether the document loads a template or an object from another machine when it is opened."""
    return any(TEMPLATES.search(one) and OUTSIDE.search(one) for one in RELATION.findall(relations))
