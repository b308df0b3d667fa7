"""A key or a click does what was asked, about the message that was shown: whatever comes in, moves or is still on its way."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlmodel import col, select

from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import ANA, add_rules
from tests.webui.held import Held
from tests.webui.people.test_reported import report
from tests.webui.singles import singles
from tests.webui.site import JOE, MARA, PASSWORD, Site
from triage import ids
from triage.actor import Actor
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.requests import release_requests
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage.times import utcnow


def row(page: Page, subject: str) -> Locator:
    return page.get_by_role("option").filter(has_text=subject)


def states(site: Site, *deliveries: str) -> list[str]:
    """States of these deliveries."""
    with db.read_transaction(site.engine) as session:
        return [session.get_one(Delivery, ids.parse_id(one)).state for one in deliveries]


@pytest.mark.long
def test_a_name_followed_at_once_by_enter_sends_to_nobody_else(site: Site, page: Page) -> None:
    (mail,) = site.come(JOE, author="one@quick.example", subject="For whom it is")
    site.open_console(page, path="/?q=from:quick.example")
    row(page, "For whom it is").click()
    page.keyboard.press("m")
    whom = page.get_by_role("combobox", name="Recipient")
    expect(page.get_by_role("listbox", name="People, departments and distribution lists").get_by_role("option").first).to_be_visible()
    whom.press("Enter")
    browser_peer.intercept(page, "**/recipients?q=Mara*", lambda route: None)
    whom.fill("Mara")
    whom.press("Enter")
    expect(page.get_by_role("button", name="Redirect to …")).to_be_disabled()
    assert states(site, mail) == ["held"]


@pytest.mark.long
def test_what_comes_into_a_row_is_not_in_the_answer_to_its_question(site: Site, page: Page) -> None:
    author = "pair@grows.example"
    for to in (JOE, MARA):
        site.come(to, author=author, subject="Asked about")
    site.open_console(page, path="/?q=from:grows.example")
    page.get_by_role("group", name="Group by").get_by_role("button", name="Sender").click()
    row(page, "Asked about").click()
    page.keyboard.press("r")
    expect(page.get_by_text("Release 2 messages?")).to_be_visible()
    (late,) = site.come(JOE, author=author, subject="Never looked at")
    expect(row(page, "Never looked at")).to_contain_text("3 messages")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Released 2 messages")).to_be_visible()
    assert states(site, late) == ["held"]


@pytest.mark.long
def test_a_selected_mail_that_is_not_shown_is_named_before_it_is_released(site: Site, page: Page) -> None:
    (first,) = site.come(JOE, author="one@named.example", subject="Selected one")
    site.come(JOE, author="two@named.example", subject="Shown one")
    site.open_console(page, path="/?q=from:named.example")
    row(page, "Selected one").click()
    page.keyboard.press("x")
    row(page, "Shown one").click()
    page.keyboard.press("r")
    expect(page.get_by_text("Release “Selected one”?")).to_be_visible()
    page.keyboard.press("x")
    expect(page.get_by_text("Release “Selected one”?")).to_be_hidden()
    assert states(site, first) == ["held"]


@pytest.mark.long
def test_what_is_selected_elsewhere_than_in_the_queue_is_never_all(site: Site, page: Page) -> None:
    for number in range(2):
        site.come(JOE, author="one@listed.example", subject=f"Listed {number}")
    site.open_console(page, path="/?tab=all&q=from:listed.example")
    row(page, "Listed 0").click()
    page.keyboard.press("x")
    expect(page.get_by_role("button", name="Clear selection")).to_be_visible()
    expect(page.get_by_role("button", name="All 2")).to_be_hidden()


@pytest.mark.long
def test_escape_opens_no_lock(site: Site, page: Page) -> None:
    site.come(JOE, author="one@locked.example", subject="Behind the lock")
    site.open_console(page, path="/?q=from:locked.example")
    row(page, "Behind the lock").click()
    page.context.clear_cookies()
    page.keyboard.press("r")
    lock = page.get_by_role("dialog", name="Locked")
    lock.get_by_label("Password of").fill("anything")
    for _ in range(4):
        page.keyboard.press("Escape")
    expect(lock).to_be_visible()


@pytest.mark.long
def test_what_was_half_typed_is_there_after_the_lock_and_has_the_keyboard(site: Site, page: Page) -> None:
    site.open_console(page, path="/rules")
    value = page.get_by_role("form", name="New rule").get_by_role("textbox", name="Value")
    value.press_sequentially("half@ty")
    page.context.clear_cookies()
    site.come(JOE, author="one@half.example", subject="Something else")
    lock = page.get_by_role("dialog", name="Locked")
    lock.get_by_label("Password of").fill(PASSWORD)
    lock.get_by_role("button", name="Unlock").click()
    expect(lock).to_have_count(0)
    expect(value).to_be_focused()
    page.keyboard.type("ped.example")
    expect(value).to_have_value("half@typed.example")


@pytest.mark.long
def test_own_words_for_a_sender_outlive_the_sheet(site: Site, page: Page) -> None:
    site.come(JOE, author="one@words.example", subject="Answered by hand")
    site.open_console(page, path="/?q=from:words.example")
    row(page, "Answered by hand").click()
    page.keyboard.press("n")
    sheet, said = page.get_by_role("dialog"), "We have all the brass that we need."
    sheet.get_by_label("own text").check()
    sheet.get_by_label("Your text").fill(said)
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(sheet.get_by_label("Your text")).to_have_value(said)


def clicked_twice(page: Page, button: Locator, gone: Locator) -> None:
    """A double click of a person: what the first one does is on the screen before the second."""
    button.click()  # when it stands still
    expect(gone).to_be_hidden()
    with page.expect_event("requestfinished"):  # that the mouse moved something is seen by a question of our own
        page.mouse.down(click_count=2)
        page.mouse.up(click_count=2)
        page.evaluate("fetch('/api/v1/me')")


@pytest.mark.long
def test_the_second_click_of_two_is_not_for_what_moved_under_it(site: Site, page: Page) -> None:
    messages = [site.come(JOE, author="wave@moved.example", subject=f"Moved {number}")[0] for number in range(2)]
    for number, mail in enumerate(messages):
        report(site, mail, f"Moved {number}", "joe")
    site.open_console(page, path="/requests")
    away = page.get_by_role("region", name="Reported as suspicious").get_by_role("button", name="Remove everywhere Moved")
    expect(away).to_have_count(2)
    clicked_twice(page, away.first, away.nth(1))
    assert sorted(states(site, *messages)) == ["held", "purged"]


@pytest.mark.long
def test_a_double_click_removes_one_rule(site: Site, page: Page) -> None:
    for number in range(2):
        add_rules(site.engine, site.settings, RuleOrder("block", "address", f"{number}@removed.example", "company"))
    site.open_console(page, path="/senders/removed.example")
    remove = page.get_by_role("button", name="Remove the rule for")
    expect(remove).to_have_count(2)
    clicked_twice(page, remove.first, remove.nth(1))
    with db.read_transaction(site.engine) as session:
        in_force = select(Rule).where(col(Rule.value).endswith("@removed.example"), col(Rule.removed_at).is_(None))
        assert len(list(session.scalars(in_force))) == 1


@pytest.mark.long
def test_a_double_click_gives_up_nothing_unasked(site: Site, page: Page) -> None:
    (mail,) = site.come(JOE, author="one@leaving.example", subject="On its way")
    with db.transaction(site.engine) as session:
        selected = Selection.of(ids=(ids.parse_id(mail),))
        decisions.decide_messages(session, DecisionRequest(selected, Verb.RELEASE), by=ANA, now=utcnow(), settings=site.settings)
    site.open_console(page, path="/outgoing")
    sure = page.get_by_role("button", name=re.compile("^Give up [0-9]+ messages?$"))
    every = page.get_by_role("button", name="Give up all …")
    clicked_twice(page, every, every)
    expect(sure).to_be_visible()
    assert states(site, mail) == ["queued"]


PRESS_TWICE = """['r', 'r'].forEach((key) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true})))"""


def test_pressed_or_clicked_twice_a_verb_is_for_the_mail_that_was_seen(site: Site, page: Page) -> None:
    messages = [site.come(JOE, author=f"{number}@twice.example", subject=f"Twice {number}")[0] for number in range(4)]
    site.open_console(page, path="/?q=from:twice.example")
    row(page, "Twice").first.click()
    said = page.get_by_role("status").filter(has_text="Released “Twice")
    page.get_by_role("button", name="Release", exact=True).dblclick()
    expect(said).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="is back")).to_be_visible()
    assert states(site, *messages) == ["held"] * 4
    page.evaluate(PRESS_TWICE)
    expect(said).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="is back")).to_be_visible()
    assert states(site, *messages) == ["held"] * 4


@pytest.mark.long
def test_a_sheet_stays_while_words_are_marked_and_when_two_clicks_opened_it(site: Site, page: Page) -> None:
    site.come(JOE, author="one@sheet.example", subject="With a sheet")
    site.open_console(page, path="/?q=from:sheet.example")
    row(page, "With a sheet").click()
    page.get_by_role("button", name="Remove everywhere", exact=True).dblclick()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("button", name="Remove 1 message")).to_be_enabled()
    page.mouse.click(5, 5)
    expect(sheet).to_have_count(0)
    page.keyboard.press("n")
    expect(sheet.get_by_role("radio", checked=True)).to_have_count(1)  # the others are there: they stand above
    sheet.get_by_label("own text").check()
    words = sheet.get_by_label("Your text")
    words.fill("Dear all")
    box = words.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 40, box["y"] + 15)
    page.mouse.down()
    page.mouse.move(5, box["y"] + 15)
    page.mouse.up()
    expect(words).to_have_value("Dear all")


@pytest.mark.long
def test_own_words_stay_when_the_others_come_late(site: Site, page: Page) -> None:
    site.come(JOE, author="one@late.example", subject="With late words")
    site.open_console(page, path="/?q=from:late.example")
    row(page, "With late words").click()
    held = Held(page, "**/rejections/templates")
    page.keyboard.press("n")
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("own text").check()
    words = sheet.get_by_label("Your text")
    words.fill("Dear all")
    held.wait(1)
    held.go()
    expect(sheet.get_by_label("not wanted")).to_be_visible()
    expect(sheet.get_by_label("own text")).to_be_checked()
    expect(words).to_be_focused()
    expect(words).to_have_value("Dear all")


@pytest.mark.long
def test_after_a_click_on_a_verb_the_arrows_are_for_the_list(site: Site, page: Page) -> None:
    for number in range(3):
        site.come(JOE, author=f"{number}@arrows.example", subject=f"Arrows {number}")
    site.open_console(page, path="/?q=from:arrows.example")
    row(page, "Arrows").first.click()
    page.get_by_role("button", name="Remove everywhere", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Remove 1 message").click()
    expect(page.get_by_role("status").filter(has_text="Removed “Arrows")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".row.at")).to_have_text(row(page, "Arrows").nth(2).inner_text(), use_inner_text=True)


@pytest.mark.long
def test_a_list_that_cannot_be_read_anew_stays(site: Site, page: Page) -> None:
    singles(site)
    site.open_console(page, "ida", "/settings")
    for what in ("decisions", "campaigns", "staff"):
        page.goto(f"{site.url}/{what}")
        shown = page.locator("#content :is(ol > li, tbody tr)")
        expect(shown.first).to_be_visible()
        count = shown.count()
        browser_peer.intercept(page, f"**/api/v1/{what}?*", lambda route: route.fulfill(status=429, json={"detail": "Too much at once."}))
        site.come(JOE, author="news@anew.example", subject="Something else")
        told = page.get_by_role("alert").filter(has_text="Too much at once.")
        expect(told).to_contain_text("The list may be out of date.")
        expect(shown).to_have_count(count)
        page.unroute_all()
        told.get_by_role("button", name="Try again").click()
        expect(told).to_have_count(0)
        expect(shown).to_have_count(count)


@pytest.mark.long
def test_what_a_rule_would_have_done_is_said_of_no_other(site: Site, page: Page) -> None:
    site.open_console(page, path="/rules")
    form = page.get_by_role("form", name="New rule")
    form.get_by_role("textbox", name="Value").fill("tried.example")
    form.get_by_role("combobox", name="Applies to").select_option("domain")
    form.get_by_role("button", name="Preview effect").click()
    expect(form.get_by_role("status")).to_be_visible()
    form.get_by_role("textbox", name="Value").fill("other.example")
    expect(form.get_by_role("status")).to_be_hidden()


@pytest.mark.long
def test_a_reading_that_fails_takes_nothing_that_was_typed(site: Site, page: Page) -> None:
    (mail,) = site.come(JOE, author="host@typed.example", subject="A room")
    with db.transaction(site.engine) as session:
        release_requests.request_release(session, ids.parse_id(mail), by=Actor.employee("joe.fern", "Joe Fern"), words="", now=utcnow())
    add_rules(site.engine, site.settings, RuleOrder("block", "address", "some@typed.example", "company"))
    site.open_console(page, path="/requests")
    page.get_by_role("button", name="decline the request of Joe Fern").click()
    typed_and_kept(site, page, page.get_by_label("Reason, shown to Joe Fern"), "requests")
    page.unroute_all()
    page.goto(site.url + "/rules")
    page.get_by_role("button", name="Change the rule for some@typed.example").click()
    typed_and_kept(site, page, page.get_by_role("dialog").get_by_label("Note"), "rules")


def typed_and_kept(site: Site, page: Page, field: Locator, what: str) -> None:
    """Type into a field, then let the list behind it fail to load."""
    field.fill("it is late")
    browser_peer.intercept(page, f"**/api/v1/{what}?*", lambda route: route.fulfill(status=429, json={"detail": "Too much at once."}))
    site.come(JOE, author="news@typed.example", subject="Something else")
    expect(page.get_by_text("Too much at once.")).to_be_attached()
    expect(field).to_have_value("it is late")
