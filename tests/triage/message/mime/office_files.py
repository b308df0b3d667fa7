"""Office files, cabinets and disk images made for tests: as small as programs would open them."""

import io
import struct
import zipfile

OLE = bytes.fromhex("d0cf11e0a1b11ae1")
END, FREE = 0xFFFFFFFE, 0xFFFFFFFF
SECTOR = 512
MODULE = 'Attribute VB_Name = "ThisDocument"\r\nSub {name}()\r\n  MsgBox "hello"\r\nEnd Sub\r\n'


def ole_file(streams: dict[str, bytes], *, kind: bytes = bytes(16), small: bool = False) -> bytes:
    """A compound file of these streams, below a storage "VBA"; `small`: in its mini stream, as short ones are."""
    entries = [("Root Entry", 5, END, 0), *([("VBA", 1, 0, 0)] if "dir" in streams else [])]
    sectors: list[bytes] = []
    fat: list[int] = []

    def add(data: bytes) -> int:
        start, count = len(sectors), max(1, -(-len(data) // SECTOR))
        for number in range(count):
            sectors.append(data[number * SECTOR : (number + 1) * SECTOR].ljust(SECTOR, b"\0"))
            fat.append(start + number + 1 if number + 1 < count else END)
        return start

    mini, mini_fat = b"", list[int]()
    for name, data in streams.items():
        if small:
            start, count = len(mini_fat), max(1, -(-len(data) // 64))
            mini += data.ljust(count * 64, b"\0")
            mini_fat += [start + number + 1 if number + 1 < count else END for number in range(count)]
            entries.append((name, 2, start, len(data)))
        else:
            entries.append((name, 2, add(data), len(data)))
    if small:
        entries[0] = ("Root Entry", 5, add(mini), len(mini))
    mini_start = add(struct.pack(f"<{len(mini_fat)}I", *mini_fat).ljust(SECTOR, b"\xff")) if small else END
    directory = b"".join(
        name.encode("utf-16-le").ljust(64, b"\0")
        + struct.pack(
            "<HBBIII16sIQQIII", len(name) * 2 + 2, what, 1, FREE, FREE, FREE, kind if what == 5 else bytes(16), 0, 0, 0, start, size, 0
        )
        for name, what, start, size in entries
    )
    directory_start = add(directory)
    fat_at = len(sectors)
    fat.append(0xFFFFFFFD)
    sectors.append(struct.pack(f"<{len(fat)}I", *fat).ljust(SECTOR, b"\xff"))
    header = OLE + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6) + struct.pack("<III", 0, 1, directory_start)
    header += struct.pack("<IIIIII", 0, 4096 if small else 0, mini_start, 1 if small else 0, END, 0)
    header += struct.pack("<109I", fat_at, *[FREE] * 108)
    return header + b"".join(sectors)


def packed(text: bytes) -> bytes:
    """A compressed container (MS-OVBA, 2.4.1) of letters as they are."""
    found = b"\x01"
    for begin in range(0, len(text), 3_000):
        part = text[begin : begin + 3_000]
        chunk = b"".join(b"\0" + part[at : at + 8] for at in range(0, len(part), 8))
        found += struct.pack("<H", 0xB000 | len(chunk) - 1) + chunk
    return found


def vba_project(procedure: str = "Helper", *, small: bool = False) -> bytes:
    """A compound file with one module, which has this procedure."""
    listed = record(0x09, b"", 4) + bytes(6) + record(0x1A, b"ThisDocument") + record(0x31, struct.pack("<I", 7))
    text = MODULE.format(name=procedure).encode()
    return ole_file({"dir": packed(listed), "ThisDocument": b"pcode!!" + packed(text), "_VBA_PROJECT": b"\xcc\x61"}, small=small)


def record(kind: int, data: bytes, size: int | None = None) -> bytes:
    """A record of the list of modules."""
    return struct.pack("<HI", kind, len(data) if size is None else size) + data


TYPES = '<Types><Override PartName="/word/{part}" ContentType="application/vnd.ms-office.vbaProject"/></Types>'
RELATIONS = (
    '<Relationships><Relationship Id="1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate" '
    'Target="{target}" TargetMode="External"/></Relationships>'
)


def office_document(procedure: str = "", *, part: str = "vbaProject.bin", template: str = "") -> bytes:
    """A Word document, with macros where a procedure is named, and with a template from there."""
    files: dict[str, bytes] = {"word/document.xml": b"<w:document/>", "[Content_Types].xml": TYPES.format(part=part).encode()}
    if not procedure:
        files["[Content_Types].xml"] = b"<Types/>"
    else:
        files[f"word/{part}"] = vba_project(procedure)
    if template:
        files["word/_rels/settings.xml.rels"] = RELATIONS.format(target=template).encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        for name, data in files.items():
            package.writestr(name, data)
    return made.getvalue()


def excel4_workbook(*, sheet: bool = True, runs: bool = False, password: bool = False, name: bytes = b"") -> bytes:
    """A workbook of Excel 97, with a sheet of Excel 4 macros, and with the name by which it runs on opening."""

    def put(kind: int, data: bytes) -> bytes:
        return struct.pack("<HH", kind, len(data)) + data

    parts = [put(0x0809, struct.pack("<HH", 0x0600, 5) + bytes(12))]
    parts += [put(0x002F, bytes(54))] if password else []
    parts.append(put(0x0085, bytes(5) + (b"\x01" if sheet else b"\x00") + b"\x04\x00Tab1"))
    called, flags = (b"\x01", 0x20) if not name else (name, 0)
    parts += [put(0x0018, struct.pack("<HBBH", flags, 0, len(called), 0) + bytes(8) + b"\0" + called)] if runs else []
    return ole_file({"Workbook": b"".join(parts) + put(0x000A, b"") + bytes(600)})


def excel4_package(*, runs: bool = False) -> bytes:
    """The same as a package."""
    defined = '<definedName name="_xlnm.Auto&#95;Open" hidden="1">Macro1!$A$1</definedName>' if runs else ""
    files = {
        "[Content_Types].xml": '<Types><Override PartName="/xl/m.xml" ContentType="application/vnd.ms-excel.macrosheet+xml"/></Types>',
        "xl/workbook.xml": f"<workbook><definedNames>{defined}</definedNames></workbook>",
        "xl/m.xml": "<xm:macrosheet/>",
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        for name, text in files.items():
            package.writestr(name, text)
    return made.getvalue()


def cabinet(*names: str) -> bytes:
    """A cabinet of empty files."""
    entries = b"".join(struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 0x20) + name.encode() + b"\0" for name in names)
    return b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, 36 + len(entries), 0, 36, 0, 3, 1, 0, len(names), 0, 0, 0) + entries


def iso_image(*names: str) -> bytes:
    """An ISO 9660 image with these files in its root folder."""

    def entry(name: bytes, place: int, size: int, flags: int) -> bytes:
        length = 33 + len(name) + (len(name) + 1) % 2
        made = bytearray(length)
        made[0], made[25], made[32] = length, flags, len(name)
        struct.pack_into("<I", made, 2, place)
        struct.pack_into("<I", made, 10, size)
        made[33 : 33 + len(name)] = name
        return bytes(made)

    root = entry(b"\0", 18, 2048, 2)
    folder = root + entry(b"\1", 18, 2048, 2) + b"".join(entry(f"{name};1".encode(), 19, 0, 0) for name in names)
    volume = (b"\x01CD001\x01".ljust(156, b"\0") + root).ljust(2048, b"\0")
    return bytes(0x8000) + volume + b"\xffCD001\x01".ljust(2048, b"\0") + folder.ljust(2048, b"\0") + bytes(2048)
