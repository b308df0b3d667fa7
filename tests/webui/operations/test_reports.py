"""Reports at the desk: sentences before drawings, each with its numbers and as CSV; and what decisions take is measured."""

import re

from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlmodel import col

from tests.webui.site import JOE, MARA, Site
from triage.store import db
from triage.store.models.decisions import Decision

SMALLEST_LABEL = """() => Math.min(...[...document.querySelectorAll('figure *')]
  .map((one) => parseFloat(getComputedStyle(one).fontSize)))"""
SUBJECTS = ("The first one", "The second one")


def test_what_was_decided_is_told_and_drawn(site: Site, page: Page) -> None:
    for number, subject in enumerate(SUBJECTS):
        site.come((JOE, MARA)[number], author=f"one{number}@far.example", subject=subject)
    site.open_console(page)
    page.get_by_role("option").filter(has_text=SUBJECTS[0]).click()
    expect(page.get_by_role("heading", name=SUBJECTS[0])).to_be_visible()
    page.keyboard.press("Shift")  # no key by itself
    page.keyboard.press("2")
    page.keyboard.press("r")
    expect(page.get_by_role("status").filter(has_text="Released")).to_be_visible()
    with db.read_transaction(site.engine) as session:
        (effort,) = session.execute(select(col(Decision.keys), col(Decision.milliseconds))).all()
    assert effort.keys == 2
    assert 0 < effort.milliseconds < 600_000
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.get_by_text("2 messages were held. Staff released 1 and removed 0. Compared with")).to_be_visible()
    held = page.locator("dl > div").filter(has_text="Held")
    expect(held).to_have_text(re.compile(r"Held\s*2\s*↑ 2 more"))
    oldest = page.get_by_role("link", name="Open the message")
    expect(oldest).to_have_attribute("href", re.compile("/deliveries/"))
    harm = page.get_by_role("region", name="Harm")
    expect(harm.get_by_text("0 of 1 wanted messages waited more than 30 minutes (0 %).")).to_be_visible()
    expect(harm.get_by_text("Nothing in this period.")).to_be_visible()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(SMALLEST_LABEL) >= 12
    page.set_viewport_size({"width": 1280, "height": 800})
    waiting = page.get_by_role("region", name="Waiting time of wanted messages")
    expect(waiting.get_by_text("Too few to draw.").first).to_be_visible()
    waiting.get_by_text("Show the numbers").first.click()
    expect(waiting.get_by_role("row", name="IT it 1 – – –")).to_be_visible()
    rules = page.get_by_role("region", name="What the rules did")
    rules.get_by_text("Show the numbers").first.click()
    expect(rules.get_by_role("row", name="the first message from this sender first-contact 2 100 %")).to_be_visible()
    with page.expect_download() as loaded:
        rules.get_by_role("link", name="Download CSV").first.click()
    assert loaded.value.path().read_text().splitlines() == [
        '"rule","name","messages","share"',
        '"the first message from this sender","first-contact","2","1.0"',
    ]
    page.get_by_role("link", name="1 week").click()
    expect(page.get_by_role("link", name="1 week")).to_have_attribute("aria-current", "true")
    page.get_by_label("From").fill("2026-01-05")
    page.get_by_label("to", exact=True).fill("2026-01-06")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("5 Jan 2026")).to_be_visible()
    expect(page.get_by_text("No message arrived.")).to_be_visible()
    page.get_by_label("to", exact=True).fill("2026-01-01")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("alert").filter(has_text="must begin before it ends")).to_be_visible()
