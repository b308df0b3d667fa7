"""Attachments that run, hold programs, or look like something else."""

import pytest

from tests.triage.signals.seeing import looked_at, named, seen
from triage.content import Attachment


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("invoice.pdf.exe", "attachment-disguised"),
        ("invoice.pdf   .scr", "attachment-disguised"),
        ("invoice.PDF.html", "attachment-disguised"),
        ("a\\u202efdp.exe", "attachment-disguised"),
        ("setup.exe", "attachment-runs"),
        ("setup.exe. ", "attachment-runs"),
        ("disk.ISO", "attachment-runs"),
        ("plan.xlsm", "attachment-macros"),
        ("page.html", "attachment-page"),
        ("drawing.svg", "attachment-page"),
        ("invoice.pdf", None),
        ("backup.txt.gz", "attachment-packed"),
        ("photos.zip", "attachment-packed"),
        ("letter.doc", "attachment-old-office"),
        ("letter.pdf.asc", None),
        ("v1.2.docx", None),
        ("", None),
    ],
)
def test_attachments(name: str, signal: str | None) -> None:
    assert set(seen(attachments=named(name))) == ({signal} if signal else set())


@pytest.mark.parametrize(
    ("name", "media_type", "signal"),
    [
        ("invoice.pdf", "text/html", "attachment-disguised"),
        ("photo.jpg", "application/x-msdownload", "attachment-disguised"),
        ("", "text/html", "attachment-page"),
        ("tool", "application/x-msdownload", "attachment-runs"),
        ("invoice.pdf", "application/pdf", None),
        ("smime.p7m", "application/pkcs7-mime", None),
        ("encrypted.asc", "application/octet-stream", None),
    ],
)
def test_kinds(name: str, media_type: str, signal: str | None) -> None:
    found = looked_at(attachments=named(name, media_type))
    found.pop("proven")
    assert {one.name: one.evidence for one in found.values()} == ({signal: (name, media_type)} if signal else {})


@pytest.mark.parametrize(
    ("names", "closed", "signal"),
    [
        (("readme.txt", "setup.exe"), False, "attachment-runs"),
        (("invoice.pdf.js",), True, "attachment-runs"),
        (("readme.txt",), True, "attachment-encrypted"),
        (("readme.txt",), False, "attachment-packed"),
    ],
)
def test_what_is_in_an_archive(names: tuple[str, ...], closed: bool, signal: str) -> None:
    archive = (Attachment(1, "papers.zip", "application/zip", 1, "", names, closed),)
    assert set(seen(attachments=archive)) == {signal}
