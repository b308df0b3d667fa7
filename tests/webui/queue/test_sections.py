"""The sections of the queue on screen: headings that stay in sight, what their rows say, and rows that keep their place under the hand."""

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update
from sqlmodel import col

from tests.webui.access import faults
from tests.webui.site import JOE, MARA, Site
from triage import ids
from triage.actor import Actor
from triage.store import ledger
from triage.store.db import transaction
from triage.store.delivery_state import Event
from triage.store.models.deliveries import Delivery
from triage.times import utcnow

CODE = "Your Bank sign-in code is 481 922. It is valid for {}."
RELAY = Actor.system("relay")


def change(site: Site, *messages: str, **values: Any) -> None:
    with transaction(site.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id).in_([ids.parse_id(one) for one in messages])).values(**values))


def wave(site: Site, number: int, delivered: int) -> None:
    """Copies of a suspicious campaign, some of which are in mailboxes."""
    copies = [site.come(JOE if place % 2 else MARA, author="crook@evil.example", subject="Renew now")[0] for place in range(number)]
    change(site, *copies, campaign_id=77, is_copy=True, severity=2, weight=50)
    for one in copies[:delivered]:
        for event in (Event.RELEASE, Event.CLAIM, Event.DELIVER):
            with transaction(site.engine) as session:
                ledger.record_event(session, ids.parse_id(one), event, by=RELAY, now=utcnow())


@pytest.mark.long
def test_an_expired_code_says_so_and_keeps_its_place_until_the_cursor_has_left_it(site: Site, page: Page) -> None:
    (code,) = site.come(JOE, author="no-reply@bank.example", subject="Your code", text=CODE.format("20 minutes"))
    offers = [site.come(JOE, author=f"ann{number}@sender.example", subject=f"Offer {number}")[0] for number in range(3)]
    change(site, code, urgency=55)
    change(site, offers[2], urgency=70)
    change(site, *offers[:2], urgency=40)
    site.open_console(page)
    rows, heads = page.get_by_role("option"), page.locator(".all .head")
    expect(rows.nth(0)).to_contain_text("Your code")
    expect(heads).to_have_count(2)
    place = rows.nth(0).bounding_box()
    change(site, code, time_limited_until=utcnow() - timedelta(minutes=2))
    site.come(MARA, author="new@sender.example", subject="News")  # the console hears of it
    expect(rows.nth(0)).to_contain_text(re.compile("Your code.*expired [23] min ago"))
    expect(page.get_by_role("region", name="Why it was held")).to_contain_text(re.compile("Expired [23] min ago"))
    assert rows.nth(0).bounding_box() == place
    expect(heads).to_have_count(2)
    page.locator("#content").focus()
    page.keyboard.press("j")
    expect(page.locator(".row.at")).to_contain_text("Offer 2")
    expect(rows.nth(0)).to_contain_text("Offer 2")
    expect(rows.nth(1)).to_contain_text("Your code")
    expect(heads).to_have_count(0)  # all is the rest


@pytest.mark.long
def test_the_sections_stand_one_below_the_other(site: Site, page: Page) -> None:
    for number in range(30):
        site.come(JOE, author=f"ann{number}@sender.example", subject=f"Offer {number}")
    site.come(JOE, author="no-reply@bank.example", subject="Your code", text=CODE.format("one minute"))
    site.come(MARA, author="b@bank.example", subject="Other code", text="Your Bank sign-in code is 481 922.")
    wave(site, 5, 3)
    site.open_console(page)
    heads, rows = page.locator(".all .head"), page.get_by_role("option")
    expect(heads).to_have_text(["Act now: 1", re.compile("Time-limited: 2, first in 1 min"), "To decide"])
    expect(rows.nth(0)).to_contain_text("3 delivered")
    expect(rows.nth(1)).to_contain_text("valid for 1 min")
    expect(rows.nth(2)).to_contain_text("usually valid for 10 minutes")
    assert faults(page) == []
    stuck = page.locator(".stuck")
    expect(stuck).to_have_count(0)
    page.locator("#content").focus()
    page.keyboard.press("End")
    expect(stuck).to_have_text("To decide")
    page.keyboard.press("Home")
    expect(stuck).to_have_count(0)
    expect(page.locator(".row.at")).to_contain_text("Renew now")
