"""The page of rules: tried out before they are made, what stands in their way, where mail goes; and the alarm of an open door."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import House, choose, sign_in
from tests.peers import company as company_peer
from tests.peers.company import DOMAIN, Company
from tests.peers.outside import Letter

ADA, BILLS = f"ada.byron@{DOMAIN}", "bills@stranger.example"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Company]:
    """A company on SQLite."""
    with company_peer.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"maildir:{tmp_path}/mailboxes", undo_seconds=0) as running:
        yield running


@pytest.mark.peers
def test_rules_say_what_they_do_before_and_after_they_are_made(site: Company, page: Page) -> None:
    site.take(Letter(BILLS, ADA, "Invoice"))
    site.take(Letter("hello@stranger.example", ADA, "Hello", text="Shall we meet for lunch on Thursday? I am in town.\r\n"))
    with site.signed_in() as desk:
        desk.wait_for(2, state="held")
    sign_in(page, House(site, None))
    expect(page.get_by_text("Invoice").first).to_be_visible()
    page.get_by_text("What else matched").first.click()
    expect(page.get_by_text("Nothing else matched.")).to_be_visible()
    choose(page, "Hello")
    page.keyboard.press("a")
    expect(page.get_by_text("In the last 30 days it would have let in 1 mail to 1 person")).to_be_visible()
    page.get_by_role("link", name="Rules").click()
    form = page.get_by_role("form", name="New rule")
    form.get_by_label("Value").fill(BILLS)
    form.get_by_role("button", name="Try it out").click()
    expect(form.get_by_text("it would have let in nothing more; 1 mail came from there")).to_be_visible()
    expect(form.get_by_text("could prove itself by dmarc")).to_be_visible()
    form.get_by_role("button", name="Add rule").click()
    table = page.get_by_role("table", name="Rules")
    expect(table.get_by_text("could prove itself by dmarc").first).to_be_visible()
    form.locator("select").nth(0).select_option("block")
    form.get_by_label("Value").fill(BILLS)
    form.get_by_role("button", name="Add rule").click()
    expect(table.get_by_text("Never takes effect.")).to_be_visible()
    form.locator("select").nth(0).select_option("redirect")
    form.locator("select").nth(1).select_option("recipient")
    form.get_by_label("Value").fill(ADA)
    form.get_by_label("Goes to").fill("nobody.here")
    form.get_by_role("button", name="Add rule").click()
    expect(form.get_by_role("alert")).to_contain_text("is nobody here")
    expect(table.get_by_text("mail to this address")).to_have_count(0)


@pytest.mark.peers
def test_everybody_sees_that_the_door_stands_open(site: Company, page: Page) -> None:
    sign_in(page, House(site, None))
    expect(page.get_by_role("link", name="Rules")).to_be_visible()
    site.run("open", "--until", "2h", "--reason", "the office is flooded", check=True)
    expect(page.get_by_text("The door stands open")).to_be_visible()
    expect(page.get_by_text("the office is flooded")).to_be_visible()
    site.run("open", "--close", check=True)
    expect(page.get_by_text("The door stands open")).to_have_count(0)
