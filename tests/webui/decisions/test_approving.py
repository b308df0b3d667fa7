"""Approving a sender: one key lets it in as narrowly as makes sense, and one key each widens, narrows or undoes that."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import col, select

from tests.webui.site import JOE, MARA, Site
from triage.store import db
from triage.store.models.rules import Rule
from triage.store.models.staff import StaffMember

HANNA = "hanna@supplier.example"


def in_force(site: Site, value: str) -> list[tuple[str, str, str]]:
    """The rules about this sender or domain."""
    with db.read_transaction(site.engine) as session:
        found = session.scalars(select(Rule).where(col(Rule.value) == value, col(Rule.removed_at).is_(None)))
        return [(rule.match, rule.scope, rule.proof) for rule in found]


def row(page: Page, subject: str):  # type: ignore[no-untyped-def]
    return page.get_by_role("option").filter(has_text=subject)


def test_one_key_makes_the_narrowest_rule_and_one_key_each_widens_narrows_and_undoes_it(site: Site, page: Page) -> None:
    site.come(JOE, author=HANNA, subject="The offer of Hanna")
    site.come(JOE, author="else@supplier.example", subject="Somebody else there")
    site.open_console(page)
    row(page, "The offer of Hanna").click()
    page.keyboard.press("a")
    toast = page.get_by_role("status").filter(has_text="Released “The offer of Hanna”")
    expect(toast).to_contain_text(f"{HANNA} is allowed for Joe Fern from now on")
    expect(toast).to_contain_text("In the last 30 days the rule would have released 1 message to 1 person.")
    assert in_force(site, HANNA) == [("address", "person:joe.fern", "dmarc")]
    page.keyboard.press("+")
    expect(toast).to_contain_text("is allowed for IT")
    assert in_force(site, HANNA) == [("address", "department:it", "dmarc")]
    page.keyboard.press("+")
    expect(toast).to_contain_text("is allowed for the whole company")
    page.keyboard.press("+")
    expect(toast).to_contain_text("Anyone at supplier.example is allowed for the whole company")
    expect(toast).to_contain_text("the rule would have released 2 messages")
    assert in_force(site, HANNA) == []
    assert in_force(site, "supplier.example") == [("domain", "company", "dmarc")]
    page.keyboard.press("-")
    expect(toast).to_contain_text(f"{HANNA} is allowed for the whole company")
    assert in_force(site, "supplier.example") == []
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="Undone.")).to_be_visible()
    assert in_force(site, HANNA) == []
    expect(row(page, "The offer of Hanna")).not_to_contain_text("Released")


@pytest.mark.long
def test_narrowed_to_the_end_it_is_a_release_without_a_rule(site: Site, page: Page) -> None:
    site.come(MARA, author="once@supplier.example", subject="Only this once")
    site.open_console(page)
    row(page, "Only this once").click()
    page.keyboard.press("a")
    page.get_by_role("button", name="Only this once").click()
    expect(page.get_by_role("status").filter(has_text="No rule was made.")).to_be_visible()
    assert in_force(site, "once@supplier.example") == []


@pytest.mark.long
def test_a_rule_that_was_there_before_is_never_taken_back(site: Site, page: Page) -> None:
    first, again = "known@supplier.example", "Known already"
    site.come(JOE, author=first, subject=again)
    site.open_console(page)
    row(page, again).click()
    with page.expect_response("**/api/v1/decisions"):
        page.keyboard.press("a")
    site.come(MARA, author=first, subject="To somebody else too")
    row(page, "To somebody else too").click()
    page.keyboard.press("a")
    expect(page.get_by_role("status").filter(has_text="is allowed for Mara Berg")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="Undone.")).to_be_visible()
    assert in_force(site, first) == [("address", "person:joe.fern", "dmarc")]


@pytest.mark.long
def test_an_assistant_of_two_approves_one_row_for_both(site: Site, page: Page) -> None:
    agent = "agent@travel.example"
    with db.transaction(site.engine) as session:
        session.get_one(StaffMember, "eva").scope = ["person:joe.fern", "person:mara.berg"]
    for to in (JOE, MARA):
        site.come(to, author=agent, subject="Your flights")
    site.open_console(page, "eva", "/?q=from:travel.example")
    page.get_by_role("group", name="Group by").get_by_role("button", name="Sender").click()
    row(page, "2 people").click()
    page.keyboard.press("a")
    expect(page.get_by_text(f"Release 2 messages and allow {agent} for Joe Fern and Mara Berg?")).to_be_visible()
    page.keyboard.press("Enter")
    toast = page.get_by_role("status").filter(has_text="Released 2 messages")
    expect(toast).to_contain_text(f"{agent} is allowed for Joe Fern and Mara Berg from now on, with proof.")
    assert sorted(in_force(site, agent)) == [("address", f"person:{one}", "dmarc") for one in ("joe.fern", "mara.berg")]
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="Undone.")).to_be_visible()
    assert in_force(site, agent) == []


@pytest.mark.long  # test_consent.py says why nothing can be allowed, test_late.py what was refused
def test_where_no_rule_can_be_made_nothing_is_released_and_the_reason_is_said(site: Site, page: Page) -> None:
    raw = b"To: Joe Fern <joe.fern@company.example>\r\nSubject: From nobody\r\n\r\nHello\r\n"
    site.come(JOE, author="", subject="From nobody", raw=raw)
    page.route(re.compile(r"/api/v1/messages/"), lambda route: None)  # once it is read, the console knows by itself
    site.open_console(page)
    row(page, "From nobody").click()
    page.keyboard.press("a")
    expect(page.get_by_role("alert").filter(has_text="was not released")).to_contain_text("senders")
    expect(row(page, "From nobody")).not_to_contain_text("Released")
