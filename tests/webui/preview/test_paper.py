"""A message on paper: all that it says, and all that is said of it, to the end."""

import re
import subprocess
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.peers import processes
from tests.triage.arriving import NO_DMARC
from tests.webui.shell.test_budget import until
from tests.webui.site import JOE, Site

PARAGRAPHS = 400


def mail_of(subtype: str) -> bytes:
    """A message that no single sheet holds."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"Long <{subtype}@paper.example>", "joe.fern@company.example", "All of it"
    lines = [f"Paragraph {number} of the offer." for number in range(PARAGRAPHS)]
    message.set_content("\n\n".join(lines) if subtype == "plain" else "".join(f"<p>{line}</p>" for line in lines), subtype)
    return message.as_bytes()


def printed(page: Page, directory: Path) -> tuple[int, str]:
    """Print the page; return the number of sheets and their text."""
    path = directory / "printed.pdf"
    sheets = len(re.findall(rb"/Type\s*/Page\b", page.pdf(path=path, format="A4")))
    program = processes.need("pdftotext", "poppler-utils")
    return sheets, subprocess.run([program, "-layout", path, "-"], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_a_long_mail_goes_to_its_end(site: Site, page: Page, tmp_path: Path, subtype: str) -> None:
    site.come(JOE, author=f"{subtype}@paper.example", raw=mail_of(subtype), dmarc=NO_DMARC)
    site.sit_down(page, path=f"/?q=from:{subtype}@paper.example")
    frame = page.frame_locator("iframe.shown")
    expect(frame.locator("body")).to_contain_text("Paragraph 0 of")
    until(
        page, lambda: page.evaluate("dispatchEvent(new Event('beforeprint')) && !!document.querySelector('.words')")
    )  # what prints is here
    proof = page.locator(".why .proof").inner_text()
    sheets, text = printed(page, tmp_path)
    text = " ".join(text.split())
    assert sheets > 3
    assert [number for number in range(PARAGRAPHS) if f"Paragraph {number} of" not in text] == []
    for said in ("All of it", f"{subtype}@paper.example", proof):
        assert said in text
    assert "Release and always allow" not in text
    expect(page.locator(".words")).to_have_count(0)
    expect(frame.locator("body")).to_be_visible()
