"""Excel 4 macros (XLM): macro sheets in Excel's binary files (MS-XLS) and packages, and whether one runs on opening. Pure."""

import html
import re
import struct
from collections.abc import Collection, Iterator

STREAMS = ("workbook", "book")  # as the stream is called since Excel 97, and before
RECORDS = 200_000  # of a workbook that are read
START, END, NAME, PASSWORD, SHEET = 0x0809, 0x000A, 0x0018, 0x002F, 0x0085  # kinds of records (MS-XLS, 2.3.2)
MACRO_SHEET = 1  # the kind of a sheet (MS-XLS, 2.4.28)
BUILT_IN, AUTO_OPEN, AUTO_ACTIVATE = 0x20, 1, 10  # of names that Excel knows itself (MS-XLS, 2.5.66)
NEWER = 0x0600  # the version since which a name begins with how it is encoded
SHEET_TYPE = re.compile(rb"vnd\.ms-excel\.(?:intl)?macrosheet|relationships/xl(?:intl)?macrosheet", re.IGNORECASE)
RUNS_ON_OPENING = re.compile(r"_xlnm\.auto_(?:open|activate)", re.IGNORECASE)


def find_in_workbook(stream: bytes) -> str:
    """`macros` where a workbook has a macro sheet, `macros-run` where it runs on opening, "" none. ValueError where it has a password."""
    sheet, runs, newer = False, False, True
    for kind, data in list_records(stream):
        if kind == PASSWORD:
            raise ValueError("a workbook with a password")
        if kind == START and len(data) >= 2:
            newer = struct.unpack_from("<H", data)[0] >= NEWER
        sheet = sheet or (kind == SHEET and data[5:6] == bytes([MACRO_SHEET]))
        runs = runs or (kind == NAME and runs_on_opening(data, newer=newer))
    return ("macros-run" if runs else "macros") if sheet else ""


def list_records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """The records about the workbook as a whole. ValueError where they do not end."""
    at = 0
    for _ in range(RECORDS):
        if at + 4 > len(stream):
            return
        kind, size = struct.unpack_from("<HH", stream, at)
        if kind == END:
            return
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size
    raise ValueError("too many records")


def runs_on_opening(data: bytes, *, newer: bool) -> bool:
    """Says whether this is the name of a macro that Excel runs when the workbook is opened (MS-XLS, 2.4.150)."""
    name = data[15 if newer else 14 :][: data[3] if len(data) > 3 else 0]
    if data[:1] and data[0] & BUILT_IN:
        return name[:1] in (bytes([AUTO_OPEN]), bytes([AUTO_ACTIVATE]))
    return name.lower().startswith((b"auto_open", b"auto_activate"))


def has_macro_sheet(lists: Collection[bytes]) -> bool:
    """Whether a package names a macro sheet in its lists of kinds and relations."""
    return any(SHEET_TYPE.search(plain_xml(one)) for one in lists)


def names_auto_open(workbook: bytes) -> bool:
    """Whether the part about the workbook, in XML or binary, names what runs on opening."""
    texts = (
        plain_xml(workbook).decode("utf-8", "replace"),
        workbook.decode("utf-16-le", "replace"),
        workbook[1:].decode("utf-16-le", "replace"),
    )
    return any(map(RUNS_ON_OPENING.search, texts))


def plain_xml(part: bytes) -> bytes:
    """XML as it is searched: UTF-8, and without letters that are written as numbers."""
    wide = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(part[:2])
    text = part.decode(wide, "replace").encode("utf-8", "replace") if wide else part
    return html.unescape(text.decode("utf-8", "replace")).encode("utf-8", "replace") if b"&#" in text else text
