"""Attachments that hold a message, as a table."""

import pytest

from triage.content import Attachment
from triage.dangers import danger
from triage.settings import Policy

ENDINGS = frozenset(Policy().dangerous_attachments)


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
    ],
)
def test_dangers(given: Attachment, says: str) -> None:
    told = danger(given, ENDINGS)
    assert bool(told) is bool(says)
    assert says in told
