"""Deciding beside others and about many: stamps come live, nothing moves, and the sheet says all that speaks against it."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import ANA, DMARC_FAIL, add_rules
from tests.webui.access import faults
from tests.webui.site import JOE, MARA, Site, undo_by_name
from triage.ids import parse_id
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db, ledger
from triage.store.delivery_state import Event
from triage.times import utcnow


def row(page: Page, subject: str) -> Locator:
    return page.get_by_role("option").filter(has_text=subject)


def top(one: Locator) -> float:
    """Top edge on the screen."""
    box = one.bounding_box()
    assert box is not None
    return box["y"]


@pytest.mark.long
def test_what_others_do_is_stamped_where_it_stands(site: Site, page: Page, other_page: Page) -> None:
    for name in ("one", "two", "three"):
        site.come(MARA, author=f"{name}@live.example", subject=f"Letter {name}")
    site.open_console(page, "ana")
    site.open_console(other_page, "ben")
    row(page, "Letter two").click()
    places = [top(row(page, f"Letter {name}")) for name in ("one", "two", "three")]
    row(other_page, "Letter two").click()
    other_page.keyboard.press("r")
    expect(row(page, "Letter two")).to_contain_text("Released · BO")
    site.come(MARA, author="four@live.example", subject="Letter four")
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    assert [top(row(page, f"Letter {name}")) for name in ("one", "two", "three")] == places
    expect(page.locator(".row.at")).to_contain_text("Letter two")
    expect(page.locator(".view h2")).to_have_text("Letter two")
    other_page.keyboard.press("z")
    expect(row(page, "Letter two")).not_to_contain_text("Released")
    page.keyboard.press(".")
    expect(row(page, "Letter four")).to_be_visible()
    expect(page.locator(".row.at")).to_contain_text("Letter two")


def test_everything_listed_is_decided_at_once_and_a_group_as_its_messages(site: Site, page: Page) -> None:
    for to in (JOE, MARA):
        site.come(to, author="pair@many.example", subject="Two of a kind")
    site.come(JOE, author="single@many.example", subject="One alone")
    site.open_console(page, path="/?q=from:many.example")
    page.get_by_role("group", name="Group by").get_by_role("button", name="Sender").click()
    expect(page.get_by_role("option")).to_have_count(2)
    page.locator("#content").focus()
    page.keyboard.press("*")
    page.keyboard.press("a")
    expect(page.get_by_role("status").filter(has_text="2 selected")).to_be_visible()
    page.keyboard.press("r")
    expect(page.get_by_text("Release 3 messages?")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    row(page, "Two of a kind").click()
    page.keyboard.press("ArrowRight")
    members = page.get_by_role("option").filter(has_text="to ").filter(has_text="Two of a kind").filter(has_not_text="2 people")
    expect(members).to_have_count(2)
    members.first.click()
    page.keyboard.press("p")
    page.get_by_role("dialog").get_by_role("button", name="Remove 1 message").press("Enter")
    expect(members.filter(has_text="Removed")).to_have_count(1)
    row(page, "2 people").click()
    page.keyboard.press("a")  # one of them is left: nobody is asked whether all are meant
    expect(page.get_by_role("status").filter(has_text="Released “Two of a kind”.")).to_be_visible()


@pytest.mark.long
def test_a_large_group_and_a_single_mail_are_decided_together_and_what_comes_in_meanwhile_is_left(site: Site, page: Page) -> None:
    for number in range(60):
        site.come(MARA, author="wave@large.example", subject=f"Offer {number}")
    site.come(JOE, author="single@large.example", subject="One alone")
    site.open_console(page, path="/?q=from:large.example")
    page.get_by_role("group", name="Group by").get_by_role("button", name="Sender").click()
    expect(page.get_by_role("option")).to_have_count(2)
    browser_peer.intercept(page, "**/api/v1/triage?*", lambda route: route.fulfill(status=404, json={"title": "not now"}))
    site.come(MARA, author="wave@large.example", subject="Offer of afterwards")  # nobody has heard of it yet
    page.locator("#content").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("p")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("61 messages")
    sheet.get_by_role("button", name="Remove 61 messages").press("Enter")
    expect(page.get_by_role("status").filter(has_text="Removed 61 messages")).to_be_visible()
    page.unroute_all()
    page.reload()
    expect(page.get_by_role("option")).to_have_count(1)
    expect(row(page, "Offer of afterwards")).to_be_visible()


@pytest.mark.long
def test_what_comes_in_takes_no_question_away(site: Site, page: Page) -> None:
    for to in (JOE, MARA):
        site.come(to, author="pair@asked.example", subject="Asked about")
    site.open_console(page, path="/?q=from:asked.example")
    page.get_by_role("group", name="Group by").get_by_role("button", name="Sender").click()
    row(page, "Asked about").click()
    page.keyboard.press("r")
    expect(page.get_by_text("Release 2 messages?")).to_be_visible()
    site.come(JOE, author="late@asked.example", subject="Meanwhile")
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Released 2 messages")).to_be_visible()


@pytest.mark.long
def test_the_sheet_says_what_speaks_against_it(site: Site, page: Page) -> None:
    author = "known@against.example"
    add_rules(site.engine, site.settings, RuleOrder("allow", "address", author, "company", note="our printer"))
    for number, to in enumerate((MARA, MARA, JOE)):
        site.come(to, author=author, subject=f"Invoice {number}", dmarc=DMARC_FAIL)
    (leaving,) = site.come(MARA, author=author, subject="Invoice 3", dmarc=DMARC_FAIL)
    with db.transaction(site.engine) as session:
        ledger.record_event(session, parse_id(leaving), Event.RELEASE, by=ANA, now=utcnow(), due_at=utcnow() + timedelta(hours=1))
    site.open_console(page, "ben", f"/?q=from:{author}")
    row(page, "Invoice").first.click()
    page.keyboard.press("p")
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("radio", name="This sender").check()
    for says in ("2 held", "1 released"):
        expect(sheet.get_by_role("listitem").filter(has_text=re.compile(says.replace(" ", r"\s*")))).to_have_count(1)
    expect(sheet.get_by_text("1 more is outside your scope and stays.")).to_be_visible()
    expect(sheet.get_by_text("Conflicts with rules")).to_contain_text(f"allow {author}")
    sheet.get_by_role("button", name="Remove 3 messages").press("Enter")
    done = page.get_by_role("status").filter(has_text="Removed and blocked 3 messages")
    expect(done).to_be_visible()
    done.get_by_role("link", name="Show each outcome").click()
    expect(page.get_by_role("table", name="Outcome of each message").get_by_role("row")).to_have_count(4)
    expect(page.get_by_text("1 outside your scope")).to_be_visible()
    page.reload()
    undo_by_name(page)
    page.get_by_role("dialog", name="Undo? This would release the message.").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("It was undone.")).to_be_visible()


@pytest.mark.long
def test_what_was_kept_is_taken_back_before_the_decision_before_it(site: Site, page: Page) -> None:
    for name in ("first", "second", "third"):
        site.come(JOE, author=f"{name}@kept.example", subject=f"Offer {name}")
    site.open_console(page, path="/?q=from:kept.example")
    expect(page.get_by_role("option")).to_have_count(3)
    page.keyboard.press("Home")
    first, second = (page.get_by_role("option").nth(place) for place in (0, 1))
    for key in ("r", "e"):
        page.keyboard.press(key)
    said = page.get_by_role("status")
    expect(said.filter(has_text="Skipped “Offer")).to_be_visible()
    expect(first).to_contain_text("Released")
    expect(second).to_contain_text("Skipped")
    page.keyboard.press("z")
    expect(second).not_to_contain_text("Skipped")
    expect(page.locator("#content")).to_be_focused()
    expect(page.locator(".row.at")).to_have_text(second.inner_text(), use_inner_text=True)
    expect(first).to_contain_text("Released")
    page.keyboard.press("z")
    expect(said.filter(has_text="is back")).to_be_visible()
    expect(first).not_to_contain_text("Released")


@pytest.mark.long
def test_a_mail_is_restored_by_itself_and_its_decision_undone_as_a_whole(site: Site, page: Page) -> None:
    wave = ((JOE, "one"), (MARA, "two"), (MARA, "three"))
    found = [site.come(to, author="wave@whole.example", subject=f"Wave {name}")[0] for to, name in wave]
    with db.transaction(site.engine) as session:
        selected = Selection.of(ids=tuple(parse_id(one) for one in found))
        decisions.decide_messages(session, DecisionRequest(selected, Verb.PURGE), by=ANA, now=utcnow(), settings=site.settings)
    site.open_console(page, path="/?tab=decided&q=from:whole.example")
    row(page, "Wave one").click()
    decided = page.get_by_role("group", name="Decided")
    decided.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("status").filter(has_text="Restored “Wave one”.")).to_be_visible()
    page.keyboard.press(".")
    expect(row(page, "Wave one")).to_have_count(0)
    row(page, "Wave two").click()
    decided.get_by_role("button", name="Undo all of it").click()
    sheet = page.get_by_role("dialog", name="Undo the decision about 3 messages?")
    expect(sheet).to_contain_text("This undoes the decision for all of them, not only for the message you see.")
    assert faults(page) == []
    sheet.get_by_role("button", name="Undo all of it").click()
    expect(page.get_by_role("status").filter(has_text="messages are back")).to_be_visible()


@pytest.mark.long
def test_what_is_kept_is_not_asked_about_any_more(site: Site, page: Page) -> None:
    for _ in range(2):
        site.come(JOE, author="pair@asked.example", subject="Asked about")
    site.open_console(page, path="/?q=from:pair@asked.example")
    page.get_by_role("group", name="Group by").get_by_role("button", name="Sender").click()
    expect(page.get_by_role("option")).to_have_count(1)
    page.locator("#content").focus()
    page.keyboard.press("r")
    asked = page.get_by_text("Release 2 messages?")
    expect(asked).to_be_visible()
    page.keyboard.press("e")
    expect(row(page, "Asked about")).to_contain_text("Skipped")
    expect(asked).to_be_hidden()
    expect(page.locator("#content")).to_be_focused()
