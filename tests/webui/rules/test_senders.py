"""The page of a sender: all that is known about an address or its domain, and deciding about it from there."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import col, select

from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import NO_DMARC, NOW, SYNC
from tests.webui.access import faults
from tests.webui.site import JOE, MARA, Site
from triage.policy.contacts.contact_evidence import Sent
from triage.policy.learning import learn_contacts
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule

SALES = "sales@supplier.example"


@pytest.fixture(scope="module")
def known(site: Site) -> Site:
    """A sender with some history: two messages to two people, one that proves nothing, a colleague of theirs, and a letter from here."""
    site.come(JOE, MARA, author=SALES, subject="The offer")
    site.come(JOE, author=SALES, subject="The invoice", dmarc=NO_DMARC)
    site.come(MARA, author="post@supplier.example", subject="The brochure")
    with db.transaction(site.engine) as session:
        sent = Sent("joe.fern@company.example", (SALES,), "joe.fern@company.example", NOW, message_id="1@company.example")
        learn_contacts.learn_many(session, [sent], how="outbound", settings=site.settings, by=SYNC, now=NOW)
    return site


def states(site: Site, author: str) -> list[str]:
    """States of the messages of an address, the oldest first."""
    with db.read_transaction(site.engine) as session:
        return [
            str(one) for one in session.scalars(select(Delivery.state).where(col(Delivery.author) == author).order_by(col(Delivery.id)))
        ]


def in_force(site: Site) -> list[tuple[str, str, str]]:
    """The rules there are."""
    with db.read_transaction(site.engine) as session:
        rules = session.scalars(select(Rule).where(col(Rule.removed_at).is_(None)).order_by(col(Rule.id)))
        return [(rule.effect, rule.match, rule.value) for rule in rules]


@pytest.mark.long
def test_a_key_leads_from_a_mail_to_its_sender_and_on_to_the_domain(known: Site, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    known.open_console(page)
    page.get_by_role("option").filter(has_text="The invoice").click()
    page.keyboard.press("s")
    expect(page.get_by_role("heading", level=1, name=SALES)).to_be_visible()
    expect(page.get_by_text("2 messages to 2 people in 2 departments")).to_contain_text("3 need a decision")
    expect(page.get_by_role("listitem").filter(has_text="not proven")).to_contain_text("1")
    expect(page.get_by_role("listitem").filter(has_text="Joe Fern wrote to")).to_contain_text("1 message sent")
    expect(page.get_by_role("table", name="Messages from this sender").get_by_role("row")).to_have_count(4)
    history = page.get_by_role("region", name="The last 90 days")
    expect(history).to_contain_text("2 messages came; 50 % of them really from the sender (DMARC).")
    history.get_by_text("Show the numbers").click()
    expect(history.get_by_role("link", name="Download CSV")).to_have_attribute("href", re.compile("/history[?]format=csv&table=days"))
    assert faults(page) == []
    page.keyboard.press("s")
    expect(page.get_by_role("heading", level=1, name="supplier.example", exact=True)).to_be_visible()
    expect(page.get_by_text("3 messages to 2 people")).to_be_visible()
    page.get_by_role("link", name="post@supplier.example").first.click()
    expect(page.get_by_role("heading", level=1, name="post@supplier.example")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", level=1, name="supplier.example", exact=True)).to_be_visible()


def test_a_sender_is_purged_held_again_released_and_let_in_from_its_page(known: Site, page: Page) -> None:
    known.open_console(page, path=f"/senders/{SALES}")
    expect(page.get_by_role("button", name="Release 3")).to_be_visible()
    page.keyboard.press("p")
    sheet = page.get_by_role("dialog", name=f"Remove all messages from {SALES}")
    sheet.get_by_role("button", name="Remove 3 messages").click()
    expect(page.get_by_role("listitem").filter(has=page.get_by_role("button", name="removed", exact=True))).to_contain_text("3")
    assert states(known, SALES) == ["purged"] * 3
    page.get_by_role("button", name="Hold 3 removed copies again").click()
    expect(page.get_by_role("button", name="Release 3")).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_role("dialog")).to_contain_text("Not proven")  # one of the three
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("a")
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("checkbox", name=SALES).check()
    sheet.get_by_role("button", name="Release 3, allow 1").click()
    expect(page.get_by_role("status").filter(has_text="Released 3 messages")).to_be_visible()
    expect(page.get_by_role("button", name="Release 3")).to_have_count(0)
    assert ("allow", "address", SALES) in in_force(known)
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="Undone. 3 messages are back.")).to_be_visible()
    expect(page.get_by_role("button", name="Release 3")).to_be_visible()
    assert ("allow", "address", SALES) not in in_force(known)


@pytest.mark.long
def test_a_whole_domain_is_blocked_from_its_page(known: Site, page: Page) -> None:
    known.come(JOE, author="win@prize.example", subject="A prize", dmarc=NO_DMARC)
    known.open_console(page, path="/senders/prize.example")
    expect(page.get_by_text("1 needs a decision")).to_be_visible()
    page.keyboard.press("b")
    sheet = page.get_by_role("dialog", name="Block prize.example")
    sheet.get_by_role("button", name="Block and remove 1 message").click()
    expect(page.get_by_role("table", name="Rules")).to_contain_text("prize.example")
    assert states(known, "win@prize.example") == ["purged"]
    page.keyboard.press("z")
    expect(page.get_by_text("1 needs a decision")).to_be_visible()


@pytest.mark.long
def test_of_a_whole_mail_provider_it_is_said_how_many_people_that_is(known: Site, page: Page) -> None:
    for number in range(3):
        known.come(JOE, author=f"somebody{number}@gmail.com", subject=f"Hello {number}")
    said = "gmail.com is a public mail provider: anybody can have an address there. 3 people there wrote to us in the last 30 days"
    known.open_console(page)
    page.get_by_role("option").filter(has_text="Hello 0").click()
    page.keyboard.press("b")
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("heading", name="Block somebody0@gmail.com")).to_be_visible()
    expect(sheet.get_by_role("table")).to_be_visible()
    expect(sheet.get_by_text("public mail provider")).to_have_count(0)
    sheet.get_by_label("Whole domain").check()
    expect(sheet.get_by_text(said)).to_be_visible()
    assert faults(page) == []
    page.keyboard.press("Escape")
    page.goto(known.url + "/rules")
    form = page.get_by_role("form", name="New rule")
    form.get_by_role("combobox", name="Action", exact=True).select_option("block")
    form.get_by_role("combobox", name="Applies to").select_option("domain")
    form.get_by_label("Value").fill("gmail.com")
    form.get_by_role("button", name="Preview effect").click()
    expect(form.get_by_text(said)).to_be_visible()


@pytest.mark.long
def test_a_sender_of_whom_nothing_waits_is_let_in_by_a_rule_alone(known: Site, page: Page) -> None:
    known.come(JOE, author="late@partner.example", subject="Too late")
    known.open_console(page, path="/senders/late@partner.example")
    expect(page.get_by_text("1 needs a decision")).to_be_visible()
    page.keyboard.press("p")
    page.get_by_role("dialog").get_by_role("button", name="Remove 1 message").click()
    expect(page.get_by_role("button", name="Always allow", exact=True)).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_role("status").filter(has_text="late@partner.example is allowed for Joe Fern")).to_be_visible()
    assert ("allow", "address", "late@partner.example") in in_force(known)
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="Undone. The rule for late@partner.example was removed.")).to_be_visible()
    assert ("allow", "address", "late@partner.example") not in in_force(known)


@pytest.mark.long
def test_of_a_sender_outside_ones_scope_nothing_is_told(known: Site, page: Page) -> None:
    known.come(JOE, author="only@it.example", subject="For IT")
    known.open_console(page, "ben", path="/senders/only@it.example")
    expect(page.get_by_text("No messages from this sender in your scope.")).to_be_visible()
    page.keyboard.press("p")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.long
def test_what_was_not_done_is_said_on_its_page_too(known: Site, page: Page) -> None:
    known.come(JOE, author="late@refusing.example", subject="Somebody else is at it", dmarc=NO_DMARC)
    known.open_console(page, path="/senders/late@refusing.example")
    expect(page.get_by_text("1 needs a decision")).to_be_visible()
    browser_peer.intercept(page, "**/api/v1/decisions", lambda route: route.fulfill(status=412, json={"detail": "it is 2 messages by now"}))
    page.keyboard.press("p")
    page.get_by_role("dialog").get_by_role("button", name="Remove 1 message").click()
    told = page.get_by_role("alert").filter(has_text="The queue has changed.")
    expect(told).to_contain_text("It is 2 messages by now.")
    assert faults(page) == []
    page.get_by_role("button", name="OK").click()
    expect(told).to_have_count(0)
    assert states(known, "late@refusing.example") == ["held"]
