"""A campaign's page: its timeline, and telling those who had opened a copy, exactly as the sheet shows it."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlmodel import col

from tests.triage.arriving import NO_DMARC
from tests.webui.site import JOE, MARA, Site
from triage.ids import format_id, new_id, parse_id
from triage.store import db
from triage.store.models.campaigns import Campaign
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import Recalled
from triage.times import utcnow


@pytest.fixture
def campaign(site: Site) -> str:
    """Two copies that were removed from mailboxes; Joe had read his."""
    copies = [parse_id(one) for to in (JOE, MARA) for one in site.come(to, author="x@wave.example", subject="Pay now", dmarc=NO_DMARC)]
    number = new_id()
    with db.transaction(site.engine) as session:
        session.add(Campaign(id=number, begun_at=utcnow(), made_by="system:judge"))
        for one, flags in zip(copies, (["\\Seen"], []), strict=True):
            delivery = session.get_one(Delivery, one)
            delivery.campaign_id, delivery.state, delivery.settled_at = number, "purged", utcnow()
            session.add(Recalled(delivery_id=one, found_at=utcnow(), flags=flags))
    return format_id(number)


@pytest.mark.long
def test_who_had_opened_it_gets_the_letter_that_was_shown(site: Site, page: Page, campaign: str) -> None:
    site.open_console(page, path=f"/campaigns/{campaign}")
    timeline = page.locator("section").filter(has=page.get_by_role("heading", name="Timeline"))
    expect(timeline.get_by_role("listitem")).to_have_count(3)
    expect(timeline.get_by_role("listitem").nth(2)).to_contain_text("2 copies removed from their mailboxes.")
    expect(page.get_by_text("1 person had opened a copy that was removed; 0 were notified.")).to_be_visible()
    page.get_by_role("button", name="Notify those who opened it").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("radio")).to_have_count(1)
    notice = sheet.get_by_role("region", name="The notice")
    expect(notice).to_contain_text("The message “Pay now” from x@wave.example was harmful.")
    text = notice.locator("p").inner_text()
    sheet.get_by_role("button", name="Send 1 notice").click()
    expect(page.get_by_text("Notified 1 person who had opened it.")).to_be_visible()
    expect(page.get_by_text("1 was notified.")).to_be_visible()
    expect(timeline.get_by_role("listitem").last).to_contain_text("Ana Roth notified 1 person who had opened it.")
    with db.read_transaction(site.engine) as session:
        (made,) = session.scalars(select(Delivery).where(col(Delivery.rule) == "opened-notice"))
        assert (made.recipient, made.state) == ("joe.fern@company.example", "queued")
    assert text.count("\n") >= 4
    page.get_by_role("button", name="Notify those who opened it").click()
    expect(sheet.get_by_role("button", name="Send 0 notices")).to_be_disabled()
    sheet.get_by_role("checkbox", name="Also the 1 person who was notified before").check()
    expect(sheet.get_by_role("button", name="Send 1 notice")).to_be_enabled()
