"""On paper: a message with all that it says and all that is said of it, a decision with each outcome, a campaign with its timeline."""

import re
import subprocess
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update
from sqlmodel import col

from tests.peers import processes
from tests.triage import arriving
from tests.triage.arriving import NO_DMARC
from tests.webui.shell.test_budget import until
from tests.webui.site import JOE, Site
from triage.ids import format_id, new_id, parse_id
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.campaigns import Campaign
from triage.store.models.deliveries import Delivery
from triage.times import utcnow

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
    site.open_console(page, path=f"/?q=from:{subtype}@paper.example")
    frame = page.frame_locator("iframe.shown")
    expect(frame.locator("body")).to_contain_text("Paragraph 0 of")
    until(
        page, lambda: page.evaluate("dispatchEvent(new Event('beforeprint')) && !!document.querySelector('.words')")
    )  # what prints is here
    proof = "paper.example publishes neither SPF, DKIM nor DMARC, so nothing can prove its messages."
    expect(page.locator(".why .proof")).to_have_text(proof)
    sheets, text = printed(page, tmp_path)
    text = " ".join(text.split())
    assert sheets > 3
    assert [number for number in range(PARAGRAPHS) if f"Paragraph {number} of" not in text] == []
    for said in ("All of it", f"{subtype}@paper.example", proof):
        assert said in text
    assert "Release and always allow" not in text
    expect(page.locator(".words")).to_have_count(0)
    expect(frame.locator("body")).to_be_visible()


def test_a_decision_and_a_campaign_are_whole_and_have_nothing_to_press(site: Site, page: Page, tmp_path: Path) -> None:
    number = new_id()
    came = [parse_id(one) for at in range(120) for one in site.come(JOE, author="wave@paper.example", subject=f"Copy {at} end")]
    with db.transaction(site.engine) as session:
        session.add(Campaign(id=number, begun_at=utcnow(), made_by="system:judge"))
        session.execute(update(Delivery).where(col(Delivery.id).in_(came)).values(campaign_id=number))
        request = DecisionRequest(Selection.of(ids=tuple(came)), Verb.PURGE, "a wave")
        made = decisions.decide_messages(session, request, by=arriving.ANA, now=utcnow(), settings=site.settings).id
    site.open_console(page, path=f"/decisions/{format_id(made)}")
    expect(page.get_by_role("table").get_by_text("Copy 0 end")).to_be_visible()
    sheets, text = printed(page, tmp_path)
    assert sheets > 2
    assert [at for at in range(120) if f"Copy {at} end" not in text] == []
    assert "Undo all of it" not in text
    page.goto(f"{site.url}/campaigns/{format_id(number)}")
    expect(page.get_by_text("Ana Roth: remove (120 copies).")).to_be_visible()
    expect(page.get_by_role("table").get_by_text("Copy 119 end")).to_be_visible()
    _, text = printed(page, tmp_path)
    words = " ".join(text.split())
    for said in ("Timeline", "First copy, for it+joe.fern@company.example.", "Copy 119 end", "The incident record has all of them."):
        assert said in words
    for button in ("Remove everywhere", "Merge with another", "Undo all of it", "Show more"):
        assert button not in words
