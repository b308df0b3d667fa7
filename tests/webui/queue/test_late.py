"""Late answers of the server change nothing that staff chose, typed or opened since."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import ANA, add_rules
from tests.webui.decisions.test_acting import row, states
from tests.webui.held import Held
from tests.webui.site import JOE, MARA, Site
from triage import ids
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.times import utcnow

CODE = "Your Called sign-in code is 481 922. It is valid for 20 minutes."


def too_much(route: Route) -> None:
    route.fulfill(status=429, json={"detail": "Too much at once."})


def purged(site: Site, *messages: str) -> None:
    """Each by a decision of its own."""
    for mail in messages:
        with db.transaction(site.engine) as session:
            selected = Selection.of(ids=(ids.parse_id(mail),))
            decisions.decide_messages(session, DecisionRequest(selected, Verb.PURGE), by=ANA, now=utcnow(), settings=site.settings)


def test_an_undo_is_for_the_mail_for_which_it_was_asked(site: Site, page: Page) -> None:
    messages = [site.come(JOE, author=f"{number}@undone.example", subject=f"Undone {number}")[0] for number in range(2)]
    purged(site, *messages)
    site.open_console(page, path="/?tab=decided&q=from:undone.example")
    row(page, "Undone 1").click()
    held = Held(page, re.compile("/api/v1/decisions/[^/?]+$"))
    page.get_by_role("button", name="Undo all of it").click()
    held.wait(1)
    page.keyboard.press("j")
    expect(page.locator(".row.at")).to_contain_text("Undone 0")
    held.go()
    page.get_by_role("dialog").get_by_role("button", name="Undo all of it").click()
    expect(page.get_by_role("status").filter(has_text="Undone. “Undone")).to_be_visible()
    assert states(site, *messages) == ["purged", "held"]


@pytest.mark.long
def test_a_double_click_restores_one_mail(site: Site, page: Page) -> None:
    messages = [site.come(JOE, author=f"{number}@restored.example", subject=f"Restored {number}")[0] for number in range(2)]
    purged(site, *messages)
    site.open_console(page, path="/?tab=decided&q=from:restored.example")
    row(page, "Restored 1").click()
    posted: list[str] = []
    page.on("request", lambda one: posted.append(one.url) if one.method == "POST" and "/viewed" not in one.url else None)
    page.get_by_role("button", name="Restore", exact=True).dblclick()
    expect(page.get_by_role("status").filter(has_text="“Restored")).to_be_visible()
    browser_peer.settle(page, 300)
    assert len(posted) == 1, posted
    assert states(site, *messages) == ["purged", "held"]


@pytest.mark.long
def test_whom_one_chose_is_whom_it_goes_to_whatever_is_answered_later(site: Site, page: Page) -> None:
    site.come(JOE, author="one@whom.example", subject="To somebody else")
    site.open_console(page, path="/?q=from:whom.example")
    row(page, "To somebody else").click()
    page.keyboard.press("m")
    sheet = page.get_by_role("dialog")
    whom, second = sheet.get_by_role("combobox", name="Recipient"), sheet.get_by_role("option").nth(1)
    expect(second).to_be_visible()
    held = Held(page, re.compile("/recipients[?]q=e"))
    for number, text in enumerate(("e", "er", "e", "e ")):
        whom.fill(text)
        if number < 3:
            held.wait(number + 1)
    browser_peer.settle(page, 300)
    held.go(2)
    expect(sheet.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(second).to_have_attribute("aria-selected", "true")
    for late in held[3:]:
        held.go(held.index(late))
    held.go(0, too_much)
    expect(second).to_have_attribute("aria-selected", "true")
    expect(sheet.get_by_role("alert")).to_have_count(0)


@pytest.mark.long
def test_a_handing_over_that_is_answered_late_moves_nothing(site: Site, page: Page) -> None:
    for number in range(3):
        site.come(MARA, author=f"{number}@handed.example", subject=f"Handed {number}")
    site.open_console(page, path="/?q=from:handed.example")
    row(page, "Handed").first.click()
    page.keyboard.press("c")
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("button", name="Assign")).to_be_enabled()
    held = Held(page, "**/assignments", "POST")
    page.keyboard.press("Enter")
    held.wait(1)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    here = page.locator(".row.at").inner_text()
    page.keyboard.press("p")
    expect(sheet.get_by_role("heading", name="Remove “Handed")).to_be_visible()
    held.go()
    expect(page.get_by_text("Assigned “Handed")).to_be_attached()
    expect(sheet.get_by_role("heading", name="Remove “Handed")).to_be_visible()
    expect(page.locator(".row.at")).to_have_text(here, use_inner_text=True)


@pytest.mark.long
def test_a_rule_that_is_saved_late_closes_no_other(site: Site, page: Page) -> None:
    for name in ("one", "two"):
        add_rules(site.engine, site.settings, RuleOrder("block", "address", f"{name}@saved.example", "company"))
    site.open_console(page, path="/senders/saved.example")
    page.get_by_role("button", name="Change the rule for one@saved.example").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("button", name="Save")).to_be_enabled()
    held = Held(page, "**/rules/*", "PATCH")
    sheet.get_by_role("button", name="Save").click()
    held.wait(1)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Change the rule for two@saved.example").click()
    sheet.get_by_label("Note").fill("half of it")
    held.go()
    expect(page.get_by_text("Changed the rule for one@saved.example.")).to_be_attached()
    expect(sheet.get_by_label("Note")).to_have_value("half of it")


@pytest.mark.long
def test_a_search_that_is_kept_late_closes_no_other_sheet(site: Site, page: Page) -> None:
    site.open_console(page, path="/?q=from:searched.example")
    page.keyboard.press("S")
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Name").fill("Searched")
    held = Held(page, "**/searches", "POST")
    page.keyboard.press("Enter")
    held.wait(1)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    help_sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(help_sheet).to_be_visible()
    held.go()
    expect(page.get_by_text("Saved “Searched” to the sidebar.")).to_be_attached()
    expect(help_sheet).to_be_visible()


@pytest.mark.long
def test_purged_copies_are_held_again_once(site: Site, page: Page) -> None:
    purged(site, *site.come(JOE, author="one@again.example", subject="Held again"))
    site.open_console(page, path="/senders/one@again.example")
    held = Held(page, "**/api/v1/decisions", "POST")
    page.get_by_role("button", name="Hold 1 removed copy again").dblclick()
    held.wait(1)
    browser_peer.settle(page, 200)
    assert len(held) == 1


@pytest.mark.long
def test_no_rule_is_said_to_be_missing_before_that_is_known(site: Site, page: Page) -> None:
    site.open_console(page, path="/rules")
    field = page.get_by_label("Filter")
    field.fill("nothing-like-it.example")
    none = page.get_by_text("No rule matches")
    expect(none).to_have_text("No rule matches “nothing-like-it.example”.")
    held = Held(page, re.compile("/rules[?]q=else"))
    field.fill("elsewhere.example")
    held.wait(1)
    expect(none).to_have_count(0)
    held.go()
    expect(none).to_have_text("No rule matches “elsewhere.example”.")


@pytest.mark.long
def test_a_step_is_set_with_its_own_reason_and_taken_back(site: Site, page: Page) -> None:
    site.open_console(page, "ida", "/enforcement")
    held = Held(page, "**/api/v1/enforcement", "PUT")
    page.get_by_role("button", name="Change Whole company").click()
    form = page.get_by_role("form", name="Change the step of Whole company")
    form.get_by_label("Record only").check()
    form.get_by_label("Reason (for the audit log)").fill("of the first")
    form.get_by_role("button", name="Set “Record only”").click()
    held.wait(1)
    held.go()
    expect(page.get_by_role("status").filter(has_text="Whole company: Record only")).to_be_attached()
    expect(form).to_have_count(0)
    expect(page.get_by_role("row", name="Whole company").first).to_contain_text("of the first")
    page.get_by_role("button", name="Change Whole company").click()
    expect(form.get_by_label("Reason (for the audit log)")).to_have_value("")
    form.get_by_role("button", name="Use the settings").click()
    held.wait(2)
    held.go(1)
    expect(page.get_by_role("status").filter(has_text="Whole company: Hold unknown senders")).to_be_attached()


@pytest.mark.long
def test_who_stands_in_is_named_as_it_was_asked(site: Site, page: Page) -> None:
    site.open_console(page, "ida", "/staff")
    form = page.get_by_role("form", name="New substitute")
    form.get_by_label("Absent").select_option("ben")
    form.get_by_label("Substitute").select_option("ana")
    form.get_by_label("Last day").fill((utcnow() + timedelta(days=3)).date().isoformat())
    held = Held(page, "**/substitutes", "POST")
    form.get_by_role("button", name="Add substitute").click()
    held.wait(1)
    form.get_by_label("Substitute").select_option("hana")
    held.go()
    expect(page.get_by_text("Ana Roth is the substitute of Ben")).to_be_attached()
    expect(form.get_by_label("Substitute")).to_have_value("hana")
    page.get_by_role("table", name="Substitutes").get_by_role("button", name="End Ana Roth as substitute of").click()
    expect(page.get_by_text("No substitutes")).to_be_visible()


@pytest.mark.long
def test_a_history_that_could_not_be_read_is_no_other_messages(site: Site, page: Page) -> None:
    for number in range(2):
        site.come(JOE, author=f"{number}@told.example", subject=f"Told {number}")
    site.open_console(page, path="/?q=from:told.example")
    row(page, "Told").first.click()
    held = Held(page, re.compile("/api/v1/deliveries/[^/?]+$"))
    page.get_by_role("tab", name="History").click()
    held.wait(1)
    held.go(0, too_much)
    failed = page.get_by_text("Could not load the history.")
    expect(failed).to_be_visible()
    page.keyboard.press("j")
    held.wait(2)
    expect(failed).to_have_count(0)


@pytest.mark.long
def test_a_sender_is_blocked_once(site: Site, page: Page) -> None:
    purged(site, *site.come(JOE, author="one@blocked.example", subject="Gone already"))
    site.open_console(page, path="/senders/one@blocked.example")
    page.get_by_role("button", name="Block", exact=True).click()
    block = page.get_by_role("dialog").get_by_role("button", name="Block", exact=True)
    expect(block).to_be_enabled()
    held = Held(page, "**/api/v1/rules", "POST")
    block.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    held.wait(1)
    browser_peer.settle(page, 200)
    assert len(held) == 1


def test_what_was_refused_is_said_until_somebody_has_seen_it(site: Site, page: Page) -> None:
    for number in range(2):
        site.come(JOE, author=f"{number}@refused.example", subject=f"Refused {number}")
    site.open_console(page, path="/?q=from:refused.example")
    row(page, "Refused").first.click()
    held = Held(page, "**/api/v1/decisions", "POST")
    for number in range(2):
        page.keyboard.press("r")
        held.wait(number + 1)
        browser_peer.settle(page, 300)  # what comes sooner the console takes for a key pressed twice
    held.go(0, too_much)
    told = page.get_by_role("alert").filter(has_text="Too much at once.")
    expect(told).to_be_visible()
    held.go(1)
    browser_peer.settle(page, 300)
    expect(told).to_be_visible()


@pytest.mark.long
def test_a_list_that_comes_late_keeps_what_was_decided_and_selected_since(site: Site, page: Page) -> None:
    for number in range(3):
        site.come(JOE, author=f"{number}@anew.example", subject=f"Anew {number}")
    site.open_console(page, path="/?q=from:anew.example")
    row(page, "Anew").first.click()
    held = Held(page, re.compile("/triage[?].*limit=50"))
    page.keyboard.press(".")
    held.wait(1)
    answer = held[0].fetch()
    page.keyboard.press("r")
    expect(page.get_by_role("status").filter(has_text="Released “Anew")).to_be_visible()
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected", exact=True)).to_be_visible()
    held.go(0, lambda route: route.fulfill(response=answer))
    expect(page.locator(".row.done")).to_have_count(1)
    expect(page.get_by_text("1 selected", exact=True)).to_be_visible()


@pytest.mark.long
def test_who_went_on_meanwhile_is_not_called_back_to_what_expires_soon(site: Site, page: Page) -> None:
    site.come(MARA, author="no-reply@called.example", subject="Your code", text=CODE)
    site.come(JOE, author="one@called.example", subject="Another")
    site.open_console(page, path="/?department=it")
    held = Held(page, re.compile("/triage[?].*limit=50"))
    page.get_by_role("region", name="Time-limited messages").get_by_role("button", name="Your code").click()
    held.wait(1)
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Rules", exact=True)).to_be_visible()
    held.go()
    expect(page).to_have_url(re.compile("/rules$"))


SEARCH_AND_GO = """() => {
  const field = document.getElementById('search')
  field.focus()
  field.value = 'dhl'
  field.dispatchEvent(new InputEvent('input', {bubbles: true}))
  document.querySelector('nav a[href="/rules"]').click()
}"""


@pytest.mark.long
def test_a_search_that_was_left_calls_nobody_back(site: Site, page: Page) -> None:
    site.open_console(page)
    page.evaluate(SEARCH_AND_GO)
    browser_peer.settle(page, 600)
    expect(page).to_have_url(re.compile("/rules$"))


@pytest.mark.long
def test_reports_are_of_the_period_that_was_chosen_last(site: Site, page: Page) -> None:
    site.open_console(page, path="/reports")
    period = page.locator("main > p.dim").first
    begins = period.inner_text().partition(" to ")[0]  # it ends now
    held = Held(page, re.compile("/reports[?]since"))
    page.get_by_role("link", name="1 year").click()
    held.wait(1)
    with page.expect_response("**/api/v1/reports"):
        page.get_by_role("link", name="4 weeks").click()
    held.go()
    expect(period).to_contain_text(begins)


@pytest.mark.long
def test_practice_is_answered_once(site: Site, page: Page) -> None:
    site.open_console(page, path="/training")
    expect(page.get_by_role("button", name="Release")).to_be_visible()
    held = Held(page, "**/training/answers", "POST")
    page.keyboard.press("r")
    page.keyboard.press("r")
    held.wait(1)
    browser_peer.settle(page, 200)
    assert len(held) == 1


@pytest.mark.long
def test_what_else_matched_stays_when_something_comes_in(site: Site, page: Page) -> None:
    site.come(JOE, author="one@else.example", subject="With a reason")
    site.open_console(page, path="/?q=from:else.example")
    row(page, "With a reason").click()
    page.get_by_role("button", name="All reasons").click()
    page.get_by_text("Other matching rules").click()
    told = page.get_by_text("No other rule matched.")
    expect(told).to_be_visible()
    site.come(JOE, author="two@else.example", subject="Another one")
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    browser_peer.settle(page, 300)
    expect(told).to_be_visible()


@pytest.mark.long
def test_a_choice_that_could_not_be_kept_takes_no_later_one_back(site: Site, page: Page) -> None:
    site.open_console(page, path="/settings")
    held = Held(page, "**/preferences", "PATCH")
    page.get_by_label("dark", exact=True).check()
    held.wait(1)
    page.get_by_label("light", exact=True).check()
    held.wait(2)
    held.go(1)
    held.go(0, too_much)
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


@pytest.mark.long
def test_who_chooses_a_time_to_undo_is_not_signed_out_by_a_question_without_answer(site: Site, page: Page) -> None:
    site.open_console(page, path="/settings")
    browser_peer.intercept(page, "**/api/v1/me", too_much)
    page.get_by_label("Send what I release or reject after").select_option("30")
    browser_peer.settle(page, 300)
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


@pytest.mark.long
def test_a_rule_that_is_made_late_takes_nothing_of_the_next_one(site: Site, page: Page) -> None:
    site.open_console(page, path="/rules")
    form = page.get_by_role("form", name="New rule")
    value = form.get_by_role("textbox", name="Value")
    held = Held(page, "**/api/v1/rules", "POST")
    value.fill("first@made.example")
    value.press("Enter")
    value.press("Enter")
    held.wait(1)
    value.fill("second@made.example")
    browser_peer.settle(page, 200)
    assert len(held) == 1
    held.go()
    expect(page.get_by_text("first@made.example is allowed from now on.")).to_be_visible()
    expect(value).to_have_value("second@made.example")
