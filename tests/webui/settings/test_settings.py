"""Personal settings: effective at once, on every machine, for this account alone."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.peers.browsers import browser as browser_peer
from tests.webui.access import faults
from tests.webui.site import JOE, Site


def command(page: Page, says: str) -> Locator:
    """The line of a command in the table of keys."""
    return page.get_by_role("listitem").filter(has=page.get_by_text(says, exact=True))


def choose(page: Page, label: str) -> None:
    """Choose it, and wait until the server has it."""
    with page.expect_response("**/api/v1/preferences") as answer:
        page.get_by_label(label).check()
    assert answer.value.ok


@pytest.mark.long
def test_looks_follow_the_account_to_another_machine(site: Site, page: Page, other_page: Page) -> None:
    site.come(JOE, subject="A mail to look at")
    root, theirs = page.locator("html"), other_page.locator("html")
    site.open_console(page, "ana", "/settings")
    choose(page, "dark")
    choose(page, "two lines")
    choose(page, "Sender")
    expect(root).to_have_attribute("data-theme", "dark")
    site.open_console(other_page, "ana")
    expect(theirs).to_have_attribute("data-theme", "dark")
    row = other_page.get_by_role("option").filter(has_text="A mail to look at")
    expect(row).to_have_css("height", "50px")
    expect(other_page.get_by_role("button", name="Sender", exact=True)).to_have_attribute("aria-pressed", "true")
    assert faults(other_page) == []
    other_page.context.clear_cookies()
    site.open_console(other_page, "ida")
    expect(theirs).not_to_have_attribute("data-theme", "dark")


@pytest.mark.long
def test_what_cannot_be_kept_is_as_it_was(site: Site, page: Page) -> None:
    site.open_console(page, "sam", "/settings")
    browser_peer.intercept(page, "**/api/v1/preferences", lambda route: route.fulfill(status=429, json={"detail": "Too fast."}))
    page.get_by_label("dark").click()
    expect(page.get_by_role("alert").filter(has_text="Not saved. Too fast.")).to_be_visible()
    expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")


@pytest.mark.long
def test_the_time_to_undo(site: Site, page: Page) -> None:
    site.open_console(page, "sam", "/settings")
    page.get_by_label("Send what I release or reject after").select_option("30 seconds")
    expect(page.get_by_text("Currently 30 seconds.")).to_be_visible()


@pytest.mark.long
def test_other_keys(site: Site, page: Page) -> None:
    site.come(JOE, author="sales@keys.example", subject="Held under other keys")
    site.open_console(page, "hana", "/settings")
    keep = command(page, "Skip")
    keep.get_by_role("button", name="Change").click()
    page.keyboard.press("w")
    expect(page.get_by_role("status").filter(has_text="Changed the shortcut for “Skip”.")).to_be_visible()
    expect(keep.get_by_role("button", name="Reset")).to_be_visible()
    assert faults(page) == []
    page.keyboard.press("g")
    page.keyboard.press("q")
    row = page.get_by_role("option").filter(has_text="Held under other keys")
    row.click()
    expect(page.locator("button[aria-keyshortcuts=w]")).to_contain_text("Skip")
    page.keyboard.press("e")
    page.keyboard.press("w")
    expect(row).to_contain_text("Skipped")


@pytest.mark.long
def test_a_key_that_another_command_has(site: Site, page: Page) -> None:
    site.open_console(page, "eva", "/settings")
    purge, hand = command(page, "Remove everywhere"), command(page, "Assign to a colleague, with a note")
    hand.get_by_role("button", name="Change").click()
    page.keyboard.press("p")
    expect(hand.get_by_role("alert")).to_contain_text("p is already used for Remove everywhere.")
    assert faults(page) == []
    hand.get_by_role("button", name="Reassign").click()
    expect(purge).to_contain_text("no shortcut")
    page.get_by_role("button", name="Reset all shortcuts").click()
    expect(purge).not_to_contain_text("no shortcut")
    hand.get_by_role("button", name="Change").click()
    page.keyboard.press("g")
    expect(hand).to_contain_text("g, then …")
    page.keyboard.press("z")
    expect(hand.get_by_role("button", name="Reset")).to_be_visible()
    hand.get_by_role("button", name="Change").click()
    page.keyboard.press("Tab")
    expect(hand.get_by_role("status")).to_contain_text("reserved")
    page.keyboard.press("Escape")
    expect(hand.get_by_role("status")).to_have_count(0)


@pytest.mark.long
def test_the_second_of_two_keys_is_never_a_verb(site: Site, page: Page) -> None:
    site.come(JOE, author="sales@slow.example", subject="Not by a slow hand")
    site.open_console(page, "ana")
    row = page.get_by_role("option").filter(has_text="Not by a slow hand")
    row.click()
    hint = page.get_by_role("status").filter(has_text="then")
    page.keyboard.press("g")
    expect(hint).to_contain_text("Go to rules")
    assert faults(page) == []
    page.keyboard.press("x")  # no second keystroke: it selects nothing
    expect(hint).to_have_count(0)
    expect(row).to_have_attribute("aria-selected", "false")
    page.keyboard.press("g")
    expect(hint).to_be_visible()
    page.keyboard.press("Escape")
    expect(hint).to_have_count(0)
    page.keyboard.press("x")
    expect(row).to_have_attribute("aria-selected", "true")


def test_signing_out_is_two_clicks_away_and_ends_the_session(site: Site, page: Page) -> None:
    site.open_console(page, "ana", "/decisions")
    page.get_by_role("button", name="Account of Ana Roth").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto(f"{site.url}/decisions")
    expect(page.get_by_label("Password")).to_be_visible()
