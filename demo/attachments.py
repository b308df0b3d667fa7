"""Files for the demo's mail, made here byte by byte: a PDF page, a picture, a Word document that claims macros."""

import io
import struct
import zipfile
import zlib

FIXED_TIME = (2024, 1, 1, 0, 0, 0)  # so that the same morning has the same bytes


def make_pdf(title: str, lines: list[str]) -> bytes:
    """A4 page of text as a PDF. Letters outside Latin-1 become question marks: the built-in fonts have no others."""
    shown = ["BT", "/F1 20 Tf 72 770 Td", f"({escape_text(title)}) Tj", "/F1 11 Tf 0 -34 Td 16 TL"]
    shown += [f"({escape_text(line)}) Tj T*" for line in lines]
    content = "\n".join([*shown, "ET"]).encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    return pdf_file(objects)


def pdf_file(objects: list[bytes]) -> bytes:
    """The objects with header, cross-reference table and trailer."""
    written, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(written))
    return written + b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (size, table, trailer)


def escape_text(line: str) -> str:
    """Text inside a PDF string."""
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def make_png(width: int, height: int, top: tuple[int, int, int], bottom: tuple[int, int, int]) -> bytes:
    """A picture that runs from one colour at the top to another at the bottom."""
    rows = (b"\0" + bytes(mix_colours(top, bottom, row / max(1, height - 1))) * width for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (make_chunk(b"IHDR", header), make_chunk(b"IDAT", zlib.compress(b"".join(rows), 9)), make_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def mix_colours(top: tuple[int, int, int], bottom: tuple[int, int, int], share: float) -> list[int]:
    """The colour at a share of the way."""
    return [round(above + (below - above) * share) for above, below in zip(top, bottom, strict=True)]


def make_chunk(kind: bytes, data: bytes) -> bytes:
    """PNG chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def make_docm(text: str) -> bytes:
    """A Word document under the name of one with macros. It has none: only the name is dangerous."""
    kinds = "http://schemas.openxmlformats.org/package/2006/content-types"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    words = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    main_type = "application/vnd.ms-word.document.macroEnabled.main+xml"
    files = {
        "[Content_Types].xml": f'<Types xmlns="{kinds}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
        f'relationships+xml"/><Override PartName="/word/document.xml" ContentType="{main_type}"/></Types>',
        "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{office}" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{words}"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>',
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(zipfile.ZipInfo(name, FIXED_TIME), f'<?xml version="1.0" encoding="UTF-8"?>\n{content}')
    return archive.getvalue()
