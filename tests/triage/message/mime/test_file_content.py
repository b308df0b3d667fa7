"""File types by content: each kind that docs/how-to/rules.md promises to hold, as a file made here."""

import base64
import bz2
import functools
import gzip
import io
import lzma
import random
import re
import tarfile
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from tests.triage.message.mime.office_files import (
    cabinet,
    excel4_package,
    excel4_workbook,
    iso_image,
    office_document,
    ole_file,
    packed,
    vba_project,
)
from triage.config.settings import Policy
from triage.message.mime import compressed, file_content, ole_macros
from triage.message.mime.zip_members import CENTRAL, LOCAL, Room
from triage.message.signals.attachments import first_danger
from triage.message.summary import make_summary

ENDINGS = Policy().dangerous_attachments
EXE = b"MZ" + bytes(200)
LNK = bytes.fromhex("4c0000000114020000000000c000000000000046") + bytes(60)
ONENOTE = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3") + bytes(60)
LETTER = b"Dear Sir or Madam, nothing runs here. " * 20
SCRIPT = b"<!DOCTYPE html><html><body><script>location='https://x.example'</script></body></html>"
PAGE = b"<!DOCTYPE html><html><body><p>Your newsletter</p></body></html>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
ENVELOPED = bytes.fromhex("308006092a864886f70d010703a080") + bytes(80)
SIGNED = bytes.fromhex("308006092a864886f70d010702a080") + bytes(80)
ENCRYPTED_OFFICE = ole_file({"EncryptedPackage": bytes(5000), "EncryptionInfo": bytes(300)})
INSTALLER = ole_file({"x": b"y"}, kind=bytes.fromhex("84100c0000000000c000000000000046"))


def tar(*names: str, form: int = tarfile.PAX_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return made.getvalue()


def large_tar() -> bytes:
    head = tarfile.TarInfo("a")
    head.size = compressed.UNPACKED
    return head.tobuf() + bytes(head.size)


def v7(content: bytes) -> bytes:
    """A tar file of before POSIX: without its mark, the checksum made again."""
    head = bytearray(content[:257] + bytes(255))
    head[148:156] = b"        "
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    return bytes(head) + content[512:]


def zipped(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("_", "."), data)
    return made.getvalue()


def with_password(archive: bytes) -> bytes:
    """As if a password protected each file: by the flag of each (APPNOTE.TXT, 4.4.4)."""
    return re.sub(rb"(PK\x03\x04..|PK\x01\x02....)\0", lambda found: found[1] + b"\1", archive, flags=re.DOTALL)


def packed_zip(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def package(**files: bytes) -> bytes:
    """A ZIP file that says it is an Office document."""
    return zipped(**{"[Content_Types]_xml": b"<Types/>"}, **files)


def embedding(data: bytes) -> bytes:
    """A Word document with this workbook in it."""
    relations = b'<Relationships><Relationship Id="1" Type="x/package" Target="embeddings/Sheet.xlsx"/></Relationships>'
    files = {"[Content_Types].xml": b"<Types/>", "word/_rels/document.xml.rels": relations, "word/embeddings/Sheet.xlsx": data}
    return packed_zip(files)


def sized(content: bytes, mark: bytes, size: int) -> bytes:
    """A ZIP file in which the first file is said to have this size, at one of two places."""
    changed, at = bytearray(content), content.index(mark) + (24 if mark == CENTRAL else 22)
    changed[at : at + 4] = size.to_bytes(4, "little")
    return bytes(changed)


PROGRAM_IN_ZIP = packed_zip({"x.dat": EXE})
HELD: list[tuple[str, bytes, str]] = [
    ("letter.doc", vba_project("Document_Open"), "contains macros that run when it is opened"),
    ("letter.doc", vba_project("Document_Open", small=True), "contains macros that run when it is opened"),
    ("table.xls", vba_project("Helper"), "contains macros"),
    ("table.xls", excel4_workbook(runs=True), "contains macros that run when it is opened"),
    ("table.xls", excel4_workbook(runs=True, name=b"Auto_Open1"), "contains macros that run when it is opened"),
    ("table.xls", excel4_workbook(), "contains macros"),
    ("table.xls", excel4_workbook(password=True), "is encrypted"),
    ("table.xlsx", excel4_package(runs=True), "contains macros that run when it is opened"),
    ("table.xlsx", excel4_package(), "contains macros"),
    ("letter.docx", office_document("AutoOpen"), "contains macros that run when it is opened"),
    ("letter.docx", office_document("Helper", part="harmless.bin"), "contains macros"),
    ("letter.docx", office_document(template="https://x.example/t.dotm"), "contains a template that is loaded from elsewhere"),
    ("letter.docx", office_document(template=r"\\x.example\t\t.dotm"), "contains a template that is loaded from elsewhere"),
    ("letter.docx", ENCRYPTED_OFFICE, "is encrypted"),
    ("x.zip", zipped(notes_pdf=EXE), "contains a program"),
    ("x.zip", zipped(readme_txt=LETTER, letter_docx=office_document("AutoOpen")), "contains macros that run when it is opened"),
    ("x.zip", zipped(invoice_html=SCRIPT), "contains a web page with script"),
    ("x.zip", zipped(more_zip=zipped(x_exe=EXE)), "contains x.exe"),
    ("x.zip", zipped(more_zip=zipped(notes_pdf=EXE)), "contains a program"),
    ("x.zip", zipped(more_zip=zipped(still_zip=zipped(a_txt=LETTER))), "is encrypted and cannot be scanned"),
    ("x.zip", zipped(letter_docx=ENCRYPTED_OFFICE), "is encrypted and cannot be scanned"),
    ("x.docx", zipped(notes_bin=EXE, **{"[Content_Types]_xml": b"<Types/>"}), "contains a program"),
    ("x.zip", package(invoice_doc=vba_project("AutoOpen")), "contains macros that run when it is opened"),
    ("x.zip", package(invoice_docx=office_document("AutoOpen")), "contains macros that run when it is opened"),
    ("x.zip", package(more_dat=zipped(x_exe=EXE)), "contains x.exe"),
    ("x.zip", package(page_html=SCRIPT), "contains a web page with script"),
    ("x.docx", package(page_html=SCRIPT), "contains a web page with script"),
    ("x.docx", embedding(office_document("AutoOpen")), "contains macros that run when it is opened"),
    ("x.zip", embedding(zipped(more_zip=zipped(a_txt=LETTER))), "is encrypted and cannot be scanned"),
    ("x.zip", zipped(page_html=LETTER * 12 + SCRIPT), "contains a web page with script"),
    ("x.zip", sized(PROGRAM_IN_ZIP, CENTRAL, 0), "is encrypted and cannot be scanned"),
    *(("x.zip", sized(sized(PROGRAM_IN_ZIP, CENTRAL, size), LOCAL, size), "contains a program") for size in (0, 9)),
    ("x.zip", zipped(more_zip=zipped(letter_doc=vba_project("AutoOpen"))), "contains macros that run when it is opened"),
    ("x.zip", sized(zipped(a_txt=LETTER), LOCAL, 9), "is encrypted and cannot be scanned"),
    ("x.zip", zipped(names_txt=b"PK\x03\x04" * (compressed.MEMBERS + 1)), "is encrypted and cannot be scanned"),
    ("x.tar.gz", gzip.compress(tar("a.txt", "x.exe")), "contains x.exe"),
    ("x.tgz", gzip.compress(tar("x.exe")), "contains x.exe"),
    ("x.tar", tar("x.exe"), "contains x.exe"),
    ("x.tar", tar("x.exe", form=tarfile.GNU_FORMAT), "contains x.exe"),
    ("x.tar", v7(tar("x.exe", form=tarfile.USTAR_FORMAT)), "contains x.exe"),
    ("x.cab", cabinet("read.txt", "x.exe"), "contains x.exe"),
    ("x.exe.gz", gzip.compress(EXE), "contains x.exe"),
    ("x.gz", gzip.compress(EXE), "contains a program"),
    ("x.gz", gzip.compress(gzip.compress(EXE)), "is encrypted and cannot be scanned"),
    ("x.gz", gzip.compress(zipped(x_exe=EXE)), "is encrypted and cannot be scanned"),
    ("x.exe.bz2", bz2.compress(EXE), "contains x.exe"),
    ("x.tar.bz2", bz2.compress(tar("x.exe")), "contains x.exe"),
    ("x.exe.xz", lzma.compress(EXE), "contains x.exe"),
    ("x.exe.zst", b"\x28\xb5\x2f\xfd" + bytes(40), "is encrypted and cannot be scanned"),
    ("x.tar.gz", gzip.compress(tar("x.exe"))[:60], "is encrypted and cannot be scanned"),
    ("x.gz", b"no gzip at all", "is encrypted and cannot be scanned"),
    ("x.iso", iso_image("x.exe"), "can run a program"),
    ("picture.jpg", iso_image("read.txt"), "contains a program, disk image or shortcut"),
    *((f"x.{ending}", b"", "can run a program") for ending in ("img", "vhd", "py", "ps1xml", "onepkg", "wim", "mht", "exe::$DATA")),
    ("notes.pdf", EXE, "contains a program"),
    ("notes.pdf", LNK, "contains a program"),
    ("notes.pdf", ONENOTE, "contains a program"),
    ("notes.pdf", b"vhdxfile" + bytes(60), "contains a program"),
    ("notes.pdf", bytes(1024) + b"conectix" + bytes(504), "contains a program"),
    ("notes.pdf", b"MSWIM\0\0\0" + bytes(60), "contains a program"),
    ("notes.pdf", b"\x7fELF" + bytes(60), "contains a program"),
    ("notes", b"#!/bin/sh\necho", "contains a program"),
    ("setup.dat", INSTALLER, "contains a program"),
    ("invoice.html", SCRIPT, "contains a web page with script"),
    ("invoice.pdf", SCRIPT, "contains a web page with script"),
    ("invoice.html", "\ufeff".encode("utf-16-le") + SCRIPT.decode().encode("utf-16-le"), "contains a web page with script"),
    ("picture.svg", SVG, "contains a web page with script"),
    ("smime.p7m", EXE, "contains a program"),
    ("smime.p7m", LETTER, "contains something else"),
]
PASS: list[tuple[str, bytes]] = [
    ("letter.doc", ole_file({"WordDocument": LETTER})),
    ("table.xls", excel4_workbook(sheet=False, runs=True)),
    ("letter.docx", office_document()),
    (
        "letters.zip",
        zipped(one_docx=office_document(), two_xls=excel4_workbook(sheet=False), page_html=PAGE, more_zip=zipped(a_txt=LETTER)),
    ),
    ("letter.docx", embedding(zipped(more_zip=zipped(a_txt=LETTER)))),
    ("letters.zip", zipped(one_docx=embedding(office_document()))),
    ("letter.docx", office_document(template="file:///C:/Templates/letter.dotx")),
    ("sources.tar.gz", gzip.compress(tar("a.c", "README"))),
    ("report.xml.gz", gzip.compress(b"<feedback/>")),
    ("x.cab", cabinet("read.txt")),
    ("photos.zip", zipped(one_jpg=LETTER)),
    ("page.html", PAGE),
    ("picture.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'),
    ("smime.p7m", ENVELOPED),
    ("smime.p7m", SIGNED),
    ("smime.p7s", b"MIAGCSqGSIb3DQEHAqCA"),
    ("letter.pdf", b"%PDF-1.7 " + LETTER),
    ("letter.txt", b"MZ is how programs begin"),
]


def message(name: str, content: bytes, kind: str = "application/octet-stream") -> bytes:
    """A message with this attachment, as it comes."""
    body = base64.encodebytes(content).decode()
    return (
        "From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
        f"--B\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n--B\r\nContent-Type: {kind}\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}\r\n--B--\r\n'
    ).encode()


def danger(name: str, content: bytes, kind: str = "application/octet-stream") -> str:
    return first_danger(make_summary(message(name, content, kind)).attachments, ENDINGS)


@pytest.mark.parametrize(("name", "content", "says"), HELD, ids=[name for name, *_ in HELD])  # gzip writes the time
def test_each_kind_is_held(name: str, content: bytes, says: str) -> None:
    assert says in danger(name, content)


@pytest.mark.parametrize(("name", "content"), PASS, ids=[name for name, _ in PASS])
def test_what_is_no_danger_passes(name: str, content: bytes) -> None:
    assert danger(name, content) == ""


def test_a_fragment_of_a_message_is_held() -> None:
    assert "contains a fragment of a message" in danger("", b"From: x\r\n\r\nhalf", 'message/partial; id="x"; number=1; total=2')


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("smime.p7m", ENVELOPED, "application/pkcs7-mime"),
        ("letter.asc", b"-----BEGIN PGP MESSAGE-----\n\nhQ", "application/octet-stream"),
        ("letter.gpg", b"\x85\x01\x0c" + bytes(60), "application/octet-stream"),
    ],
)
def test_encrypted_mail_is_no_danger_and_says_that_it_cannot_be_checked(name: str, content: bytes, kind: str) -> None:
    (attachment,) = make_summary(message(name, content, kind)).attachments
    assert attachment.finding == file_content.ENCRYPTED
    assert first_danger([attachment], ENDINGS) == ""


def test_what_unpacks_to_too_much_is_closed_in_bounded_time() -> None:
    bomb = gzip.compress(bytes(compressed.UNPACKED + compressed.HEAD))
    assert "cannot be scanned" in danger("x.tar.gz", gzip.compress(large_tar(), 1))
    assert danger("x.gz", bomb) == "", "only its beginning is unpacked"


def test_the_files_in_a_zip_file_are_unpacked_within_bounds_of_the_message() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large.html", PAGE + b" " * 40_000_000)
        archive.writestr("larger.html", PAGE + b" " * 40_000_000)
    content = bomb.getvalue()
    room, little = Room(1 << 27), Room(1 << 20)
    file_content.examine_content(content, ("x.zip",), "", room)
    assert 60_000_000 < (1 << 27) - room.unpacked < 70_000_000, "32 MiB of each"
    cut = file_content.examine_content(content, ("x.zip",), "", little)
    assert (cut.archive.closed, little.unpacked) == (True, 0), "nothing is left for the next attachment"


def test_the_files_in_all_zip_files_of_a_message_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """60 ZIP files of 4,900 files each, as small as a picture, took half a minute."""
    looked_at: list[str] = []
    find_kind = file_content.find_kind

    def count(content: bytes, names: tuple[str, ...], media_type: str) -> str:
        looked_at.append(names[0])
        return find_kind(content, names, media_type)

    monkeypatch.setattr(file_content, "find_kind", count)
    many = packed_zip({f"{number}.txt": b"x" for number in range(490)})
    content = packed_zip({f"{number}.zip": many for number in range(60)})
    room = Room(files=1_000)
    assert file_content.examine_content(content, ("x.zip",), "", room).archive.closed
    assert len(looked_at) <= 1_060
    assert room.files < 490
    assert file_content.examine_content(many, ("y.zip",), "", room).archive.closed, "nothing is left for the next attachment"


NAMELESS = b"PK\x01\x02" + bytes(42)  # a file without a name, in the directory of a ZIP file
GZIPS = functools.reduce(lambda inner, _: gzip.compress(inner), range(200), b"MZ" + bytes(100))
ZIPS = functools.reduce(lambda inner, _: packed_zip({"inner.zip": inner}), range(200), packed_zip({"setup.exe": b"MZ"}))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(packed_zip({"a.txt": b"a"}).replace(CENTRAL, NAMELESS * 1_000_000 + CENTRAL), "x.zip", id="a million empty names"),
        pytest.param(tarfile.TarInfo("").tobuf() * 200_000, "x.tar", id="empty names in a tar file"),
        pytest.param(ZIPS, "x.zip", id="ZIP files in each other"),
        pytest.param(GZIPS, "x.gz", id="gzip files in each other"),
    ],
)
def test_what_has_no_end_is_closed_at_once(content: bytes, name: str) -> None:
    """The lists would take a gigabyte, and the inmost file is never seen: such an archive counts as one that cannot be read."""
    room = Room()
    tracemalloc.start()
    begun = time.process_time()
    found = file_content.examine_content(content, (name,), "", room)
    taken, (_, most) = time.process_time() - begun, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.archive is not None
    assert found.archive.closed
    assert (taken < 3, most < 200 * 1024 * 1024) == (True, True), (taken, most)


def test_an_ole_file_that_points_at_itself_is_closed() -> None:
    looped = bytearray(vba_project("Helper"))
    looped[68:72] = (0).to_bytes(4, "little")
    fat = 512 * (1 + int.from_bytes(looped[76:80], "little"))
    for at in range(fat, fat + 64, 4):
        looped[at : at + 4] = (0).to_bytes(4, "little")
    with pytest.raises(ValueError, match="without an end"):
        ole_macros.find_macros(bytes(looped))


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_changed_ends_with_an_answer_or_a_value_error(seed: int) -> None:
    chance = random.Random(seed)
    files = [*(content for _, content, _ in HELD if content), *(content for _, content in PASS)]
    for content in files:
        for _ in range(8):
            changed = bytearray(content)
            for _ in range(chance.randint(1, 8)):
                changed[chance.randrange(min(len(changed), 4096))] = chance.randrange(256)
            file_content.examine_content(bytes(changed), ("x.doc",), "", Room(1 << 22))


def test_a_copy_in_a_packed_module_is_unpacked() -> None:
    """The example of MS-OVBA, 3.2.2."""
    example = bytes.fromhex("012fb000236161616263646582660070616768696a013808616b6c00306d6e6f700671027004107273747576107778797a003c")
    assert ole_macros.decompress_container(example).startswith(b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa")
    assert ole_macros.decompress_container(packed(b"abc" * 5_000)) == b"abc" * 5_000


def danger_table() -> str:
    """The table of docs/how-to/rules.md: what is said of files that are held by their bytes; the settings list endings."""
    rows: dict[str, dict[str, None]] = {}
    for name, content, _ in HELD:
        rows.setdefault(danger(name, content).removeprefix(f"the attachment {name} "), {})[f"`{name}`"] = None
    return "| finding | examples |\n|---|---|\n" + "\n".join(
        f"| {why} | {' '.join([*names][:3])} |" for why, names in rows.items() if why.startswith("contains") and "something" not in why
    )


def test_the_docs_list_what_is_held_here() -> None:
    assert danger_table() in (Path(__file__).parents[4] / "docs" / "how-to" / "rules.md").read_text()


@pytest.mark.parametrize(
    ("name", "content", "closed", "locked"),
    [
        ("letter.docx", ENCRYPTED_OFFICE, True, True),
        ("x.zip", zipped(letter_docx=ENCRYPTED_OFFICE), True, True),
        ("x.zip", with_password(zipped(plan_pdf=LETTER)), True, True),
        ("x.zip", zipped(plan_pdf=LETTER), False, False),
        ("x.gz", b"no gzip at all", True, False),
        ("x.zip", zipped(more_zip=zipped(still_zip=zipped(a_txt=LETTER))), True, False),
    ],
)
def test_a_password_is_told_apart_from_what_cannot_be_read(name: str, content: bytes, closed: bool, locked: bool) -> None:
    (attachment,) = make_summary(message(name, content)).attachments
    assert (attachment.closed, attachment.locked) == (closed, locked)
