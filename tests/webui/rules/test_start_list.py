"""The start list on the first day: the card shows what its key allows, and one key takes it back."""

from playwright.sync_api import Page, expect

from tests.triage.arriving import IDA, NOW
from tests.webui.site import JOE, Site
from triage.message.authentication import Dmarc, Result
from triage.policy.rules import store as rules
from triage.store import db


def come(site: Site, *domains: str) -> None:
    """Proven messages come in."""
    for domain in domains:
        site.come(JOE, author=f"x@{domain}", dmarc=Dmarc(Result.PASS, domain, domain, "none", ("dkim",)))


def allowed(site: Site) -> set[str]:
    """The domains that are allowed."""
    with db.read_transaction(site.engine) as session:
        return {one.value for one in rules.list_rules(session, NOW, by=IDA)}


def test_a_key_allows_what_the_card_shows_and_a_key_takes_it_back(site: Site, page: Page) -> None:
    come(site, "chase.com", "citi.com", "github.com", "fedex.com")
    site.open_console(page, "ida", "/first-day")
    card = page.get_by_role("article")
    expect(card.get_by_role("heading")).to_have_text("Allow “Banks, cards and insurance”?")
    expect(card.get_by_role("listitem")).to_have_text(
        ["chase.com sign-in codes, notices · 1 message", "citi.com sign-in codes, notices · 1 message"]
    )
    page.keyboard.press("a")
    expect(card.get_by_role("heading")).to_have_text("Allow “Parcels and post”?")
    assert allowed(site) == {"chase.com", "citi.com"}
    page.keyboard.press("e")
    expect(card).to_have_count(0)
    page.keyboard.press("z")
    expect(card.get_by_role("heading")).to_have_text("Allow “Banks, cards and insurance”?")
    assert allowed(site) == set()
    page.get_by_text("Start list: 436 senders of confirmations and sign-in codes").click()
    expect(page.get_by_text("Undone by Ida Lind.")).to_be_visible()
    page.get_by_text("Sign-in codes and accounts").click()
    expect(page.get_by_role("listitem").filter(has_text="github.com")).to_contain_text("Anybody can send messages through it")
