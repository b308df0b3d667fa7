"""Attachments that hold a message, as a table."""

from dataclasses import replace

import pytest

from triage.config.settings import Policy
from triage.message.signals.attachments import attachment_danger, find_danger, first_danger, named_danger
from triage.message.summary import Attachment

ENDINGS = Policy().dangerous_attachments


def attachment(name: str, media_type: str = "application/octet-stream", **inside: object) -> Attachment:
    return Attachment(1, name, media_type, 10, "", **inside)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (attachment("setup.exe"), "can run a program"),
        (attachment("Setup.EXE . "), "can run a program"),
        (attachment("invoice.pdf.exe"), "can run a program"),
        (attachment("Budget.XLSM"), "can run a program"),
        (attachment("template.dotm"), "can run a program"),
        (attachment("invoice.pdf.html"), "is disguised as another kind of file"),
        (attachment("photo.jpg  .htm"), "is disguised as another kind of file"),
        (attachment("invoice.zip", closed=True), "is encrypted and cannot be scanned"),
        (attachment("invoice.zip", names=("read me.txt", "Invoice.js")), "contains Invoice.js, which can run a program"),
        (attachment("invoice.zip", names=("Invoice.pdf.html",)), "contains Invoice.pdf.html, which can run a program"),
        (attachment("letter.docx", names=("word/document.xml", "word/vbaProject.bin")), "contains macros"),
        (attachment("letter.docx", names=("word/document.xml",)), ""),
        (attachment("letter.pdf", also=("letter.txt", "letter.exe")), "letter.exe can run a program"),
        (attachment("letter.pdf", also=("brief.pdf",)), ""),
        (attachment("a.zip", names=("b.js",), also=("c.exe",)), "the attachment a.zip contains b.js, which can run a program"),
        (attachment(f"invoice.pdf{'. ' * 100}.html"), "is disguised as another kind of file"),
        (attachment("letter.docx.pdf"), ""),
        (attachment("letter.pdf"), ""),
        (attachment("sources.tar.gz"), ""),
        (attachment("letter.pdf.zip"), ""),
        (attachment("photos.zip", names=("one.jpg", "two.jpg")), ""),
        (attachment("smime.p7m", "application/pkcs7-mime"), ""),
        (attachment("smime.p7s", "application/pkcs7-signature"), ""),
        (attachment("encrypted.asc", "application/octet-stream"), ""),
        (attachment("letter.pdf.gpg", "application/pgp-encrypted"), ""),
        (attachment("", "message/rfc822"), ""),
        (attachment(r"invoice.exe\u200b"), "can run a program"),
        (attachment(r"invoice.ex\xade"), "can run a program"),
        (attachment(r"invoice.exe\x00.txt"), "can run a program"),
        (attachment(r"invoice.pdf\u200e.html"), "is disguised as another kind of file"),
        (attachment("invoice.zip", names=(r"invoice.js\u200f",)), "can run a program"),
        (attachment(r"Stra\xadße.pdf"), ""),
        (attachment("", "application/hta"), "the attachment application/hta can run a program"),
        (attachment("setup", "application/x-msdownload"), "can run a program"),
        (attachment("letter.pdf", "application/x-msdownload"), ""),
        (attachment("desk.rdp"), "can run a program"),
        (attachment("invoice.msc"), "can run a program"),
        (attachment("pictures.library-ms"), "can run a program"),
    ],
)
def test_dangers(given: Attachment, says: str) -> None:
    told = named_danger(given, ENDINGS)
    assert bool(told) is bool(says)
    assert says in told


@pytest.mark.parametrize("ending", sorted(ENDINGS))
def test_what_holds_a_message_is_told_of_where_it_does_not(ending: str) -> None:
    said = attachment_danger(attachment(f"file{ending}"))
    assert said
    assert said.name in ("attachment-runs", "attachment-macros")


def test_many_names_within_of_an_attachment_of_many_names() -> None:
    """Comparing each name with each, at each of its dots, would take minutes."""
    names, also = tuple(f".pdf{'.' * 240}!{number:03}" for number in range(200)), tuple(f"{number}.zip" for number in range(20))
    assert first_danger([attachment("papers.zip", names=names, also=also)] * 1_000, ENDINGS) == ""


@pytest.mark.parametrize(
    ("given", "passes"),
    [
        (attachment("plans.zip", names=("plan.pdf", "site.dwg")), True),
        (attachment("offer.docx"), True),
        (attachment("plans.zip", names=("plan.pdf", "setup.exe")), False),
        (attachment("plans.zip", names=(r"setup.exe\u200b",)), False),
        (attachment("plans.zip", names=("photo.jpg.html",)), False),
        *((attachment("plans.zip", names=(name,)), False) for name in ("more.7z", "page.htm", "letter.doc", "table.xlsb", "disk.iso")),
        (attachment("offer.doc"), False),  # macros may be in it
        (attachment("offer.docx", also=("offer.doc",)), False),
        (attachment("offer.exe", names=("plan.pdf",)), False),
        (attachment("plans.zip", names=("plan.pdf",), finding="runs"), False),
    ],
)
def test_what_passes_for_who_has_the_password(given: Attachment, passes: bool) -> None:
    encrypted = replace(given, closed=True, locked=True)
    found = find_danger([encrypted], ENDINGS)
    assert (bool(found.reason), not found.beside_encrypted) == (True, passes)
    assert find_danger([replace(encrypted, locked=False)], ENDINGS).beside_encrypted, "it cannot be read for another reason"
    assert find_danger([encrypted, attachment("setup.exe")], ENDINGS).beside_encrypted
