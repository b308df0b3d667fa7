"""Letting in several senders at once: the sheet names each with its proof, whoever is unticked stays out, and exactly the rest is done."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlmodel import col, select

from tests.triage.arriving import ALIGNED, DMARC_FAIL, NO_DMARC
from tests.webui.access import faults
from tests.webui.site import JOE, MARA, Site
from triage.ids import parse_id
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule


def in_force(site: Site, domain: str) -> set[tuple[str, str, str]]:
    """The allow rules about senders there: value, scope and proof."""
    with db.read_transaction(site.engine) as session:
        found = session.scalars(select(Rule).where(col(Rule.value).endswith(domain), col(Rule.removed_at).is_(None)))
        return {(rule.value, rule.scope, rule.proof) for rule in found}


def states(site: Site, *ids: str) -> list[str]:
    with db.read_transaction(site.engine) as session:
        return [session.get_one(Delivery, parse_id(one)).state for one in ids]


def row(page: Page, subject: str) -> Locator:
    return page.get_by_role("option").filter(has_text=subject)


def approve_all(site: Site, page: Page, words: str) -> Locator:
    """Select all hits of a search and allow their senders; the sheet that opens."""
    site.open_console(page, path=f"/?q={words}")
    expect(page.get_by_role("option").first).to_be_visible()
    page.locator("#content").focus()
    for key in ("*", "a", "a"):
        page.keyboard.press(key)
    return page.get_by_role("dialog")


def ticked(sheet: Locator) -> dict[str, bool]:
    return {one.get_attribute("aria-label") or "": one.is_checked() for one in sheet.get_by_role("checkbox").all()}


def test_each_sender_is_named_and_who_fails_or_is_unticked_stays_held(site: Site, page: Page) -> None:
    good = [site.come(JOE, author="good@a.named.example", subject=f"Tender one {n}")[0] for n in (1, 2)]
    (news,) = site.come(MARA, author="news@b.named.example", subject="Tender two", dmarc=ALIGNED)
    (bill,) = site.come(JOE, author="bill@c.named.example", subject="Tender three", dmarc=DMARC_FAIL)
    (plain,) = site.come(JOE, author="plain@d.named.example", subject="Tender four", dmarc=NO_DMARC)
    sheet = approve_all(site, page, "from:named.example")
    expect(sheet.get_by_role("heading")).to_have_text("Release 3 messages and allow 2 senders?")
    lines = sheet.get_by_role("table", name="Senders").get_by_role("row")
    for sender, proof, count in (
        ("good@a.named.example", "Genuine", "2"),
        ("news@b.named.example", "Genuine", "1"),
        ("bill@c.named.example", "Failed", "1"),
        ("plain@d.named.example", "Not proven", "1"),
    ):
        expect(lines.filter(has_text=sender)).to_contain_text(re.compile(rf"{proof}\s*(\w+\s*)?{count}$"))
    assert ticked(sheet) == {
        f"{name}.named.example": on for name, on in (("good@a", True), ("news@b", True), ("bill@c", False), ("plain@d", False))
    }
    expect(sheet.get_by_text("Not included: 2 senders. Their messages stay held.")).to_be_visible()
    expect(sheet.get_by_role("radio", name="the 2 recipients")).to_be_checked()
    assert faults(page) == []
    sheet.get_by_role("checkbox", name="news@b.named.example").uncheck()
    expect(sheet.get_by_role("heading")).to_have_text("Release 2 messages and allow 1 sender?")
    expect(sheet.get_by_role("radio", name="Joe Fern")).to_be_visible()
    sheet.get_by_role("radio", name="the whole company").check()
    act = sheet.get_by_role("button", name="Release 2, allow 1")
    expect(act).not_to_have_attribute("aria-disabled", "true")
    act.press("Enter")
    toast = page.get_by_role("status").filter(has_text="Released 2 messages")
    expect(toast).to_contain_text("1 sender is allowed for the whole company from now on, with proof. 3 messages stay held.")
    assert in_force(site, "named.example") == {("good@a.named.example", "company", "dmarc")}
    assert states(site, *good, news, bill, plain) == ["queued", "queued", "held", "held", "held"]
    expect(row(page, "Tender one")).to_contain_text("Released")
    expect(row(page, "Tender two")).not_to_contain_text("Released")
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="Undone.")).to_be_visible()
    assert (in_force(site, "named.example"), states(site, *good)) == (set(), ["held", "held"])


@pytest.mark.long
def test_one_verified_sender_is_one_key_and_of_several_messages_a_second_one(site: Site, page: Page) -> None:
    site.come(JOE, author="one@single.example", subject="Single one")
    site.open_console(page, path="/?q=from:single.example")
    row(page, "Single one").click()
    page.keyboard.press("a")
    expect(page.get_by_role("status").filter(has_text="Released “Single one”.")).to_be_visible()
    assert in_force(site, "single.example") == {("one@single.example", "person:joe.fern", "dmarc")}
    for number in (1, 2):
        site.come(JOE, author="two@pair.example", subject=f"Pair {number}")
    page.goto(f"{site.url}/?q=from:pair.example")
    row(page, "Pair").click()
    page.keyboard.press("a")
    bar = page.get_by_role("group", name="Release 2 messages and allow two@pair.example for Joe Fern?")
    expect(bar).to_contain_text("No warnings")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Released 2 messages")).to_be_visible()
    assert in_force(site, "pair.example") == {("two@pair.example", "person:joe.fern", "dmarc")}


@pytest.mark.long
def test_a_row_that_changed_while_the_sheet_is_open_makes_nothing_and_says_so(site: Site, page: Page, other_page: Page) -> None:
    ids = [site.come(JOE, author=f"{name}@{name}.changed.example", subject=f"Changed {name}")[0] for name in ("x", "y")]
    sheet = approve_all(site, page, "from:changed.example")
    expect(sheet.get_by_role("heading")).to_have_text("Release 2 messages and allow 2 senders?")
    site.open_console(other_page, "ana", "/?q=from:x.changed.example")
    row(other_page, "Changed x").click()
    other_page.keyboard.press("r")
    expect(other_page.get_by_role("status").filter(has_text="Released")).to_be_visible()
    sheet.get_by_role("button", name="Release 2, allow 2").press("Enter")
    expect(page.get_by_role("alert").filter(has_text="The queue has changed.")).to_be_visible()
    assert (in_force(site, "changed.example"), states(site, *ids)) == (set(), ["queued", "held"])


@pytest.mark.long
def test_a_tick_after_the_row_has_changed_says_so_and_cannot_be_sent(site: Site, page: Page) -> None:
    ids = [site.come(JOE, author=f"{name}@{name}.grown.example", subject=f"Grown {name}")[0] for name in ("x", "y", "v")]
    sheet = approve_all(site, page, "from:grown.example")
    expect(sheet.get_by_role("heading")).to_have_text("Release 3 messages and allow 3 senders?")
    with db.transaction(site.engine) as session:
        session.get_one(Delivery, parse_id(ids[0])).state = "purged"
    sheet.get_by_role("checkbox", name="y@y.grown.example").uncheck()
    expect(sheet.get_by_role("alert")).to_contain_text("These messages have changed.")
    sheet.get_by_role("button", name=re.compile("^Release ")).press("Enter")
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    assert (in_force(site, "grown.example"), states(site, *ids[1:])) == (set(), ["held", "held"])


@pytest.mark.long
def test_a_double_press_makes_no_second_rule_and_releases_nothing_else(site: Site, page: Page) -> None:
    ids = [site.come(JOE, author=f"{name}@{name}.double.example", subject=f"Double {name}")[0] for name in ("x", "y")]
    (other,) = site.come(JOE, author="z@elsewhere.example", subject="Double of another")
    sheet = approve_all(site, page, "from:double.example")
    act = sheet.get_by_role("button", name="Release 2, allow 2")
    expect(act).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Released 2 messages")).to_be_visible()
    assert len(in_force(site, "double.example")) == 2
    assert states(site, *ids, other) == ["queued", "queued", "held"]


@pytest.mark.long
def test_where_nothing_proves_the_sender_the_button_says_why_and_what_to_do(site: Site, page: Page) -> None:
    (mail,) = site.come(JOE, author="who@unproven.example", subject="Unproven offer", dmarc=NO_DMARC)
    site.open_console(page, path="/?q=from:unproven.example")
    row(page, "Unproven offer").click()
    button = page.get_by_role("group", name="Decide").get_by_role("button", name="Release and always allow")
    expect(button).to_have_attribute("title", re.compile("^Nothing proves that they sent it. Release it without a rule."))
    expect(button).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("a")
    expect(page.get_by_role("status").filter(has_text="“Always allow” is not available. Nothing proves")).to_be_visible()
    assert (in_force(site, "unproven.example"), states(site, mail)) == (set(), ["held"])
