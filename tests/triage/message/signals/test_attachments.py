"""Attachments that run, hold programs, or look like something else."""

import pytest
from hypothesis import given, strategies as st

from tests.triage.message.signals.seeing import looked_at, named, seen
from triage.message.signals.attachments import DOUBLE_ENDING, PACKED_AGAIN, RUNS_WHEN_OPENED, ends_twice, has_ending
from triage.message.summary import Attachment

PIECES = [
    ".",
    ". ",
    "..",
    " ",
    "_",
    "-",
    "\u00a0",
    "\u3000",
    "\n",
    "pdf",
    "DOCX",
    "exe",
    "\u017fcr",
    "library-ms",
    "7z",
    "\u212a",
    "a",
    "!",
]


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("invoice.pdf.exe", "attachment-disguised"),
        ("invoice.pdf   .scr", "attachment-disguised"),
        ("invoice.PDF.html", "attachment-disguised"),
        (f"invoice.pdf{' _.-' * 60}.exe", "attachment-disguised"),
        (f"invoice.pdf{'.' * 200}!.txt", None),
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


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_the_end_of_a_name_tells_what_the_whole_of_it_does(name: str) -> None:
    assert ends_twice(name) is (DOUBLE_ENDING.search(name) is not None)
    for ending in (RUNS_WHEN_OPENED, PACKED_AGAIN):
        assert has_ending(ending, name) is (ending.search(name) is not None)


@pytest.mark.parametrize("filling", ["." * 246 + " ", ".pdf" + "." * 240 + "!"])
def test_many_names_within_of_an_attachment_of_many_names(filling: str) -> None:
    """Comparing each name with each, at each of its dots, would take minutes."""
    names, also = tuple(f"{filling}{number:03}" for number in range(200)), tuple(f"{number}.zip" for number in range(20))
    archives = tuple(Attachment(number, "papers.zip", "application/zip", 1, "", names, also=also) for number in range(300))
    assert set(seen(attachments=archives)) == {"attachment-packed"}
