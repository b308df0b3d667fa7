"""The queue's last section: a key and a button release what is held for an assistant only, and nothing that looks suspicious."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update
from sqlmodel import col

from tests.triage.arriving import IDA, NOW, add_rules
from tests.webui.access import faults
from tests.webui.site import JOE, Site
from triage import ids
from triage.directory import enforcement
from triage.policy.rules.rule_request import RuleOrder
from triage.store import db
from triage.store.models.deliveries import Delivery

LANE = [f"Order {number}" for number in range(3)]


@pytest.fixture
def held(site: Site) -> dict[str, str]:
    """Messages of a known supplier to Joe, one of which looks suspicious, and a stranger's; their ids by subject."""
    add_rules(site.engine, site.settings, RuleOrder("allow", "domain", "supplier.example", "company", "dmarc"))
    with db.transaction(site.engine) as session:
        enforcement.set_step(session, "person:joe.fern", enforcement.EVERYTHING, by=IDA, reason="", now=NOW)
    made = {subject: site.come(JOE, author=f"{place}@supplier.example", subject=subject)[0] for place, subject in enumerate(LANE)}
    made["Odd"] = site.come(JOE, author="odd@supplier.example", subject="Odd")[0]
    made["Stranger"] = site.come(JOE, author="new@else.example", subject="Stranger")[0]
    with db.transaction(site.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == ids.parse_id(made["Odd"])).values(severity=2, weight=60))
    return made


def states(site: Site, held: dict[str, str]) -> dict[str, str]:
    with db.read_transaction(site.engine) as session:
        return {subject: session.get_one(Delivery, ids.parse_id(one)).state for subject, one in held.items()}


def test_a_key_or_the_button_releases_the_section_and_nothing_else(site: Site, page: Page, held: dict[str, str]) -> None:
    site.open_console(page)
    expect(page.locator(".all .head").last).to_contain_text("From known senders: 3")
    button, dialog = page.get_by_role("button", name="Release all From known senders"), page.get_by_role("dialog")
    expect(button).to_be_visible()
    assert faults(page) == []
    page.locator("#content").focus()
    page.keyboard.press("*")
    page.keyboard.press("r")
    expect(dialog).to_contain_text("Release 3 messages from known senders?")
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    button.click()
    expect(dialog).to_contain_text("Release 3 messages from known senders?")
    site.come(JOE, author="late@supplier.example", subject="Order 9")  # the fence: nobody has seen that it comes along
    dialog.get_by_role("button", name="Release 3").click()
    expect(page.get_by_role("alert")).to_contain_text("was not released")
    assert set(states(site, held).values()) == {"held"}
    page.keyboard.press("*")
    page.keyboard.press("r")
    dialog.get_by_role("button", name="Release 4").click()
    expect(page.get_by_role("status").filter(has_text="Released 4 messages")).to_be_visible()
    assert states(site, held) == dict.fromkeys(LANE, "queued") | {"Odd": "held", "Stranger": "held"}
    expect(page.locator(".all .head")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".all .head").last).to_contain_text("From known senders: 4")
    assert set(states(site, held).values()) == {"held"}
