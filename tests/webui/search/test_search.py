"""The search: it completes what can be asked for, finds in every state, and says what it cannot mean."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import NO_DMARC
from tests.webui.access import faults
from tests.webui.queue.test_campaigns import PRIZE
from tests.webui.site import JOE, MARA, Site

ASKED = "Search messages"
PAGE = 50  # rows that are read at once


@pytest.fixture(scope="module")
def full(site: Site) -> Site:
    """A message with an attachment for Joe, one without for Mara."""
    raw = (
        b"From: DHL <post@dhl.example>\r\nSubject: Your parcel\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\nContent-Type: application/pdf; name=bill.pdf\r\n"
        b"Content-Disposition: attachment; filename=bill.pdf\r\n\r\n%PDF-1.4\r\n--b--\r\n"
    )
    site.come(JOE, author="post@dhl.example", subject="Your parcel", raw=raw)
    site.come(MARA, author="kim@law.example", subject="The contract")
    return site


def test_it_completes_itself_by_keyboard(full: Site, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    full.open_console(page)
    expect(page.get_by_role("listbox", name="Held messages").get_by_role("option")).to_have_count(2)
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name=ASKED)
    expect(field).to_be_focused()
    field.press_sequentially("ha")
    offers = page.get_by_role("listbox", name="Search suggestions")
    expect(offers.get_by_role("option")).to_have_text(["has: attachment or link", "hash: SHA-256 of an attachment"])
    page.keyboard.press("ArrowDown")
    expect(offers.get_by_role("option", selected=True)).to_have_count(1)
    assert faults(page) == []
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value("has:attachment ")
    expect(offers).to_have_count(0)
    expect(page.get_by_role("listbox", name="Held messages").get_by_role("option")).to_have_count(1)
    field.press_sequentially("to:mara")
    page.keyboard.press("Escape")  # first what is offered, then the search
    expect(page.get_by_text("No messages match")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox", name="Held messages").get_by_role("option")).to_have_count(2)
    expect(page.locator("#content")).to_be_focused()


@pytest.mark.long
def test_a_name_with_spaces_is_quoted(full: Site, page: Page) -> None:
    full.open_console(page)
    field = page.get_by_role("combobox", name=ASKED)
    field.fill("to:joe")
    page.get_by_role("listbox", name="Search suggestions").get_by_role("option").filter(has_text="Joe Fern").click()
    expect(field).to_have_value("to:joe.fern ")
    field.fill('from:"dhl" ')
    rows = page.get_by_role("listbox", name="Held messages").get_by_role("option")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Your parcel")


@pytest.mark.long
def test_what_is_not_held_any_more_is_found_in_all_mail(full: Site, page: Page) -> None:
    full.come(MARA, author="win@prize.example", subject="A prize")
    full.open_console(page)
    page.get_by_role("option").filter(has_text="A prize").click()
    with page.expect_response("**/api/v1/decisions"):
        page.keyboard.press("p")
        page.get_by_role("dialog").get_by_role("button", name="Remove 1 message").click()
    page.get_by_role("combobox", name=ASKED).fill("from:prize.example")
    expect(page.get_by_text("No messages match")).to_be_visible()
    page.get_by_role("link", name="search all messages, decided ones too").click()
    rows = page.get_by_role("listbox", name="All messages").get_by_role("option")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Removed")
    page.get_by_role("combobox", name=ASKED).fill("state:held")
    expect(rows).to_have_count(2)


@pytest.mark.long
def test_what_cannot_be_meant_is_said(full: Site, page: Page) -> None:
    full.open_console(page)
    page.get_by_role("combobox", name=ASKED).fill("before:soon")
    told = page.get_by_role("alert").filter(has_text="This search cannot be understood.")
    expect(told).to_contain_text("takes a day like 2026-11-24")
    page.get_by_role("combobox", name=ASKED).fill("sender:dhl")
    expect(told).to_contain_text("There is no field sender:, but from:")
    expect(told.get_by_role("button")).to_have_count(0)


@pytest.mark.long
def test_campaigns_links_and_who_decided_are_offered_from_what_is_there(full: Site, page: Page) -> None:
    for number, to in enumerate((JOE, MARA)):
        text = PRIZE.format(number, number)
        full.come(to, author=f"luck@host{number}.example", subject="You have won", text=text, dmarc=NO_DMARC)
    full.come(JOE, author="shop@pointing.example", subject="There it is", text="See https://leads.example/there for all of it.")
    full.open_console(page)
    rows = page.get_by_role("listbox", name="Held messages").get_by_role("option")
    rows.filter(has_text="There it is").click()
    page.get_by_role("button", name="1 link").click()
    expect(page.get_by_role("region", name="Links and attachments")).to_contain_text("leads.example")
    field = page.get_by_role("combobox", name=ASKED)
    offers = page.get_by_role("listbox", name="Search suggestions").get_by_role("option")
    field.fill("link:")
    browser_peer.settle(page, 600)  # longer than it takes to begin a search
    expect(offers).to_have_count(1)
    offers.click()
    expect(field).to_have_value("link:leads.example ")
    expect(rows).to_have_count(1)
    field.fill("")
    expect(rows.filter(has_text="You have won")).to_have_count(1)
    field.fill("campaign:won")
    offers.filter(has_text="You have won").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("2 people")
    field.fill("by:an")
    expect(offers.filter(has_text="Ana Roth")).to_have_count(1)


@pytest.mark.long
def test_back_leads_over_what_was_typed_at_a_time(full: Site, page: Page) -> None:
    full.open_console(page)
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name=ASKED)
    for letters in ("d", "h", "l"):
        field.press_sequentially(letters)
        expect(page).to_have_url(re.compile(f"q=[dh]*{letters}$"))  # after each pause it is looked for
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    field.fill("contract")
    expect(page).to_have_url(re.compile("q=contract$"))
    page.go_back()
    expect(page).to_have_url(re.compile("q=dhl$"))
    expect(field).to_have_value("dhl")
    page.go_back()
    expect(page).to_have_url(f"{full.url}/")


@pytest.mark.long
def test_much_that_is_found_is_not_counted(full: Site, page: Page) -> None:
    for number in range(PAGE + 5):
        full.come(JOE, author="shop@lots.example", subject=f"Lot {number}")
    full.open_console(page, path="/?tab=all&q=lo")  # two letters: nothing is looked up
    expect(page.get_by_text(f"{PAGE}+", exact=True)).to_be_visible()
    full.open_console(page, path="/?tab=all&q=lots.example")
    expect(page.get_by_text(str(PAGE + 5), exact=True)).to_be_visible()
