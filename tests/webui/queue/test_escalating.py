"""Escalate: the duty's number stands there at once, the message stays in view, and the duty confirms it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import col, select

from tests.conftest import settings_in
from tests.peers.browsers import browser as browser_peer
from tests.webui.access import faults
from tests.webui.site import JOE, Site, running
from triage.config.duties import Duty
from triage.config.settings import Escalation as Section
from triage.store import db
from triage.store.models.assignments import Escalation
from triage.store.models.compliance import LegalHold
from triage.store.models.deliveries import Delivery

DUTIES = (Duty("security", "Security", "+49 30 110", ("ben",)), Duty("legal", "Legal", "+49 30 1234", ("ben",)))
THREAT = "We have encrypted your files. Pay 2 bitcoin within 48 hours or we will publish your data."


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    """A company whose settings name two duties."""
    directory = tmp_path_factory.mktemp("guarded")
    with running(directory, sqlite_template, replace(settings_in(directory), escalation=Section(DUTIES))) as site:
        yield site


def test_a_message_is_escalated_confirmed_and_undone(guarded: Site, page: Page, other_page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    guarded.come(JOE, author="court@stranger.example", subject="A paper from the court")
    guarded.come(JOE, author="else@stranger.example", subject="Something else")
    guarded.open_console(page, "ana")
    guarded.open_console(other_page, "ben")
    row = page.get_by_role("option").filter(has_text="A paper from the court")
    row.click()
    page.keyboard.press("!")
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("+49 30 1234")).to_be_visible()
    sheet.get_by_role("radio", name="Legal").check()
    sheet.get_by_label("Reason").fill("A summons for next week")
    assert faults(page) == []
    page.keyboard.press("Enter")
    said = page.get_by_role("status").filter(has_text="Escalated “A paper from the court” to Legal.")
    expect(said).to_contain_text("Call +49 30 1234 now.")
    expect(row).to_contain_text("escalated to Legal")
    head = page.get_by_role("region", name="Message")
    expect(head).to_contain_text("to Legal by Ana Roth")
    expect(head.locator(".button.go.block")).to_have_count(0)
    expect(head).to_contain_text("not confirmed yet: “A summons for next week”")
    expect(head.get_by_text("Call +49 30 1234")).to_be_visible()
    assert faults(page) == []
    with db.read_transaction(guarded.engine) as session:
        assert session.scalars(select(LegalHold).where(col(LegalHold.lifted_at).is_(None))).one().reason.startswith("Escalated to Legal")
        assert session.scalars(select(Delivery.state).where(col(Delivery.subject) == "A paper from the court")).one() == "held"
    bar = other_page.get_by_text("Escalated to Legal by Ana Roth")
    expect(bar).to_be_visible()
    expect(page.get_by_role("button", name="Confirm")).to_have_count(0)  # who escalated it is not who has it
    other_page.get_by_role("button", name="Confirm").first.click()
    expect(other_page.get_by_role("status").filter(has_text="Confirmed by Legal. The legal hold stays.")).to_be_visible()
    expect(bar).to_have_count(0)
    expect(row).not_to_contain_text("escalated to Legal")
    expect(head).to_contain_text("confirmed by Ben Okafor")


@pytest.mark.long
def test_one_key_takes_it_back(guarded: Site, page: Page) -> None:
    guarded.come(JOE, author="mistake@stranger.example", subject="A mistake")
    guarded.open_console(page, "ana")
    row = page.get_by_role("option").filter(has_text="A mistake")
    row.click()
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Escalate", exact=False).click()
    expect(page.get_by_role("dialog").get_by_role("radio", name="Security")).to_be_checked()
    page.get_by_role("dialog").get_by_label("Reason").fill("By mistake")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("escalated to Security")
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="Undone. The escalation and its legal hold have ended.")).to_be_visible()
    expect(row).not_to_contain_text("escalated to")
    with db.read_transaction(guarded.engine) as session:
        assert session.scalars(select(Escalation).where(col(Escalation.reason) == "By mistake")).one().ended_at is not None


@pytest.mark.long
def test_a_threat_is_escalated_and_no_removal_is_filled(guarded: Site, page: Page) -> None:
    guarded.come(JOE, author="ransom@stranger.example", subject="Your files", text=THREAT)
    guarded.open_console(page, "ana")
    page.get_by_role("option").filter(has_text="Your files").click()
    message = page.get_by_role("region", name="Message")
    expect(message.get_by_text("It threatens somebody: do not answer it, and do not remove it.")).to_be_visible()
    expect(message.get_by_text("Security: +49 30 110")).to_be_visible()
    expect(message.locator(".button.go.block")).to_have_count(0)
    page.keyboard.press("p")
    expect(page.get_by_role("dialog").get_by_role("button", name="Remove 1 message")).to_be_visible()
    expect(page.get_by_role("dialog").locator(".button.go")).to_have_count(0)
    expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    browser_peer.wait_for_paint(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("option").filter(has_text="Your files")).not_to_contain_text("Removed")
    message.get_by_role("button", name="Escalate to Security").click()
    expect(page.get_by_role("dialog").get_by_role("radio", name="Security")).to_be_checked()
    assert faults(page) == []
