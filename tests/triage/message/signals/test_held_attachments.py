"""Attachments that hold a message, as a table."""

import pytest

from triage.config.settings import Policy
from triage.message.signals.attachments import attachment_danger, first_danger, named_danger
from triage.message.summary import Attachment

ENDINGS = Policy().dangerous_attachments


def attachment(name: str, media_type: str = "application/octet-stream", **inside: object) -> Attachment:
    return Attachment(1, name, media_type, 10, "", **inside)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (attachment("setup.exe"), "could run a program"),
        (attachment("Setup.EXE . "), "could run a program"),
        (attachment("invoice.pdf.exe"), "could run a program"),
        (attachment("Budget.XLSM"), "could run a program"),
        (attachment("template.dotm"), "could run a program"),
        (attachment("invoice.pdf.html"), "pretends to be another kind of file"),
        (attachment("photo.jpg  .htm"), "pretends to be another kind of file"),
        (attachment("invoice.zip", closed=True), "is encrypted, so that nobody can look inside"),
        (attachment("invoice.zip", names=("read me.txt", "Invoice.js")), "holds Invoice.js, which could run a program"),
        (attachment("invoice.zip", names=("Invoice.pdf.html",)), "holds Invoice.pdf.html, which could run a program"),
        (attachment("letter.docx", names=("word/document.xml", "word/vbaProject.bin")), "holds macros, which are programs"),
        (attachment("letter.docx", names=("word/document.xml",)), ""),
        (attachment("letter.pdf", also=("letter.txt", "letter.exe")), "letter.exe could run a program"),
        (attachment("letter.pdf", also=("brief.pdf",)), ""),
        (attachment("a.zip", names=("b.js",), also=("c.exe",)), "the attachment a.zip holds b.js, which could run a program"),
        (attachment(f"invoice.pdf{'. ' * 100}.html"), "pretends to be another kind of file"),
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
        (attachment(r"invoice.exe\u200b"), "could run a program"),
        (attachment(r"invoice.ex\xade"), "could run a program"),
        (attachment(r"invoice.exe\x00.txt"), "could run a program"),
        (attachment(r"invoice.pdf\u200e.html"), "pretends to be another kind of file"),
        (attachment("invoice.zip", names=(r"invoice.js\u200f",)), "could run a program"),
        (attachment(r"Stra\xadße.pdf"), ""),
        (attachment("", "application/hta"), "the attachment application/hta could run a program"),
        (attachment("setup", "application/x-msdownload"), "could run a program"),
        (attachment("letter.pdf", "application/x-msdownload"), ""),
        (attachment("desk.rdp"), "could run a program"),
        (attachment("invoice.msc"), "could run a program"),
        (attachment("pictures.library-ms"), "could run a program"),
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
    """Where each is looked at for each, and at each of its dots, this takes minutes."""
    names, also = tuple(f".pdf{'.' * 240}!{number:03}" for number in range(200)), tuple(f"{number}.zip" for number in range(20))
    assert first_danger([attachment("papers.zip", names=names, also=also)] * 1_000, ENDINGS) == ""
