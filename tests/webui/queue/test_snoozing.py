"""Snooze: a row is out of one person's queue until a time, marked in everybody else's, and back by hand or with a new copy."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.triage.arriving import NO_DMARC
from tests.webui.access import faults
from tests.webui.site import MARA, Site

CODE = "Your Portal sign-in code is 481 922. It is valid for 50 minutes."
WAVE = (
    "Dear colleague {}, your mailbox is nearly full. Open the page of the help desk today"
    " and confirm your address, so that nothing is lost."
)
SEEN = "new Promise((seen) => requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(() => setTimeout(seen)))))"
IN_TWO_HOURS = "() => { const then = new Date(Date.now() + 7_200_000); return then.toTimeString().slice(0, 5) }"


@pytest.fixture(scope="module")
def busy(site: Site) -> Site:
    """Two offers, a sign-in code, and two copies of one wave."""
    for name in ("First", "Second"):
        site.come(MARA, author=f"{name.lower()}@supplier.example", subject=f"{name} offer")
    site.come(MARA, author="no-reply@portal.example", subject="Sign in", text=CODE)
    copy(site, "one")
    copy(site, "two")
    return site


def copy(site: Site, name: str) -> None:
    site.come(MARA, author=f"desk@{name}.example", subject="Your mailbox is full", text=WAVE.format(name), dmarc=NO_DMARC)


def row(page: Page, subject: str) -> Locator:
    return page.get_by_role("option").filter(has_text=subject)


def said(page: Page, text: str) -> Locator:
    return page.get_by_role("status").filter(has_text=text)


def ask_to_snooze(page: Page, subject: str) -> Locator:
    """The sheet, once it has been seen: it takes no key before."""
    row(page, subject).click()
    page.keyboard.press("Z")
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("radio", name="1 hour")).to_be_focused()
    page.evaluate(SEEN)
    return sheet


@pytest.mark.long
def test_a_row_is_out_of_one_queue_until_a_time_and_marked_in_the_others(busy: Site, page: Page, other_page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    busy.open_console(page, "ben")
    busy.open_console(other_page, "ana")
    sheet = ask_to_snooze(page, "First offer")
    until = page.evaluate(IN_TWO_HOURS)
    sheet.get_by_label("Time", exact=True).fill(until)
    expect(sheet.get_by_role("radio", name=re.compile("^Until"))).to_be_checked()
    assert faults(page) == []
    page.keyboard.press("Enter")
    expect(said(page, "Snoozed “First offer” until")).to_contain_text(until)
    expect(row(page, "First offer")).to_have_count(0)
    expect(page.locator(".row.at")).to_have_count(1)
    asleep = page.get_by_role("link", name="1 snoozed")
    expect(asleep).to_be_visible()
    expect(row(other_page, "First offer")).to_contain_text(re.compile(f"snoozed by Ben Okafor until .*{until}"))
    row(other_page, "First offer").click()
    expect(other_page.get_by_role("region", name="Message", exact=True)).to_contain_text(re.compile(f"by Ben Okafor until .*{until}"))
    expect(other_page.get_by_role("button", name="bring back")).to_have_count(0)

    asleep.click()
    expect(page.get_by_text("Only rows that you have snoozed")).to_be_visible()
    expect(page.locator(".row")).to_have_count(1)  # the filters have options too
    expect(row(page, "First offer")).to_contain_text(re.compile(f"snoozed until .*{until}"))
    expect(page.get_by_role("region", name="Message", exact=True)).to_contain_text(re.compile(f"by you until .*{until}"))
    assert faults(page) == []
    page.locator("#content").focus()
    page.keyboard.press("Z")
    expect(said(page, "Back in your queue.")).to_be_visible()
    expect(page.get_by_text("You have snoozed no rows here.")).to_be_visible()
    page.get_by_role("link", name="Show all rows").click()
    expect(row(page, "First offer")).to_be_visible()
    expect(page.get_by_role("link", name="1 snoozed")).to_have_count(0)
    expect(row(other_page, "First offer")).not_to_contain_text("snoozed")


def test_one_key_undoes_it(busy: Site, page: Page) -> None:
    busy.open_console(page, "ben")
    ask_to_snooze(page, "Second offer").get_by_role("radio", name="2 hours").check()
    page.keyboard.press("Enter")
    expect(row(page, "Second offer")).to_have_count(0)
    page.keyboard.press("z")
    expect(said(page, "Back in your queue.")).to_be_visible()
    expect(row(page, "Second offer")).to_be_visible()


@pytest.mark.long
def test_a_time_limited_row_is_refused_and_stays(busy: Site, page: Page) -> None:
    busy.open_console(page, "ben")
    sheet = ask_to_snooze(page, "Sign in")
    page.keyboard.press("Enter")
    expect(sheet.get_by_role("alert")).to_contain_text("time-limited messages cannot be snoozed")
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(row(page, "Sign in")).to_be_visible()


@pytest.mark.long
def test_a_new_copy_brings_a_wave_back(busy: Site, page: Page) -> None:
    busy.open_console(page, "ben")
    ask_to_snooze(page, "Your mailbox is full")
    page.keyboard.press("Enter")
    expect(said(page, "Snoozed 2 messages until")).to_be_visible()
    expect(row(page, "Your mailbox is full")).to_have_count(0)
    expect(page.get_by_role("link", name="1 snoozed")).to_be_visible()
    copy(busy, "three")
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    page.keyboard.press(".")
    expect(row(page, "Your mailbox is full")).to_contain_text("3")
    expect(page.get_by_role("link", name="1 snoozed")).to_have_count(0)
