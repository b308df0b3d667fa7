"""The page of rules: tried out before they are made, what stands in their way, where mail goes, and changed where they stand."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests import effort
from tests.triage.arriving import IDA, NO_DMARC, NOW, add_rules
from tests.webui.site import JOE, Site
from triage import ids
from triage.policy import emergency
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import decide
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.rules import rule_confirmation
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.rules import Rule
from triage.times import utcnow

BILLS = "bills@stranger.example"


def rule_of(site: Site, number: int) -> Rule:
    with db.read_transaction(site.engine) as session:
        return session.get_one(Rule, number)


def test_rules_say_what_they_do_before_and_after_they_are_made(site: Site, page: Page) -> None:
    site.come(JOE, author=BILLS, subject="Invoice", dmarc=NO_DMARC)
    site.open_console(page)
    page.get_by_role("option").filter(has_text="Invoice").click()
    page.get_by_role("button", name="All reasons").click()
    page.get_by_text("Other matching rules").click()
    expect(page.get_by_text("No other rule matched.")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("r")
    form = page.get_by_role("form", name="New rule")
    form.get_by_label("Value").fill(BILLS)
    form.get_by_role("button", name="Preview effect").click()
    expect(form.get_by_text("the rule would have released nothing more (1 message from this sender)")).to_be_visible()
    expect(form.get_by_text("fails dmarc")).to_be_visible()
    form.get_by_role("button", name="Add rule").click()
    table = page.get_by_role("table", name="Rules")
    expect(table.get_by_text("fails dmarc").first).to_be_visible()
    form.get_by_role("combobox", name="Action", exact=True).select_option("block")
    form.get_by_label("Value").fill(BILLS)
    form.get_by_role("button", name="Add rule").click()
    expect(table.get_by_text("Never takes effect.")).to_be_visible()
    form.get_by_role("combobox", name="Action", exact=True).select_option("redirect")
    form.get_by_role("combobox", name="Applies to").select_option("recipient")
    form.get_by_label("Value").fill("joe.fern@company.example")
    form.get_by_label("Redirect to").fill("nobody.here")
    form.get_by_role("button", name="Add rule").click()
    expect(form.get_by_role("alert")).to_contain_text("The directory has no")
    expect(table.get_by_text("messages to this address")).to_have_count(0)


@pytest.mark.long
def test_a_rule_on_content_is_tried_made_and_paused(site: Site, page: Page) -> None:
    site.come(JOE, author="new@elsewhere.example", subject="New bank details", text="Our bank details have changed.", dmarc=NO_DMARC)
    site.open_console(page, path="/rules")
    page.get_by_text("New rule on content").click()
    form = page.get_by_role("form", name="New rule on content")
    form.get_by_role("combobox", name="Action", exact=True).select_option("mark")
    form.get_by_label("Name").fill("new-account")
    form.get_by_label("Note").fill("a wave of fraud")
    form.get_by_label("Values").fill("bank-detail")
    form.get_by_role("button", name="Preview effect").click()
    expect(form.get_by_role("alert")).to_contain_text("did you mean “bank-details”?")
    form.get_by_label("Values").fill("bank-details")
    form.get_by_role("button", name="Preview effect").click()
    expect(form.get_by_role("status")).to_contain_text("the rule would have marked 1 message to 1 person")
    form.get_by_role("button", name="Add rule").click()
    row = page.get_by_role("row").filter(has_text="new-account")
    expect(row).to_contain_text("wording: bank-details")
    row.get_by_role("button", name="Pause the rule new-account").click()
    expect(row).to_contain_text("paused")


@pytest.mark.long
def test_a_rule_is_changed_where_it_stands(site: Site, page: Page) -> None:
    (number,) = add_rules(site.engine, site.settings, RuleOrder("allow", "domain", "changed.example", "company"))
    site.open_console(page, path="/rules")
    page.get_by_role("button", name="Change the rule for changed.example").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Note").fill("asked by the lawyers")
    sheet.get_by_role("combobox", name="Required proof").select_option("dkim")
    sheet.get_by_role("textbox", name="Domain").fill("mailer.example")
    sheet.get_by_role("combobox", name="Expires").select_option("lapse")
    sheet.get_by_label("Days after the last message").fill("30")
    sheet.get_by_label("allow risky attachments too").check()
    sheet.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text="changed.example")
    expect(row).to_contain_text("asked by the lawyers")
    expect(row).to_contain_text("signed by mailer.example (DKIM)")
    expect(row).to_contain_text("30 days after the last message")
    expect(row).to_contain_text("including risky attachments")
    changed = rule_of(site, number)
    assert (changed.proof, changed.lapse_days, changed.risky) == ("dkim:mailer.example", 30, True)
    page.get_by_role("button", name="Change the rule for changed.example").click()
    sheet.get_by_role("combobox", name="Expires").select_option("never")
    sheet.get_by_role("button", name="Save").click()
    expect(row).not_to_contain_text("after the last message")
    assert rule_of(site, number).until is None


@pytest.mark.long
def test_another_scope_is_another_rule_in_place_of_this_one(site: Site, page: Page) -> None:
    (number,) = add_rules(site.engine, site.settings, RuleOrder("allow", "domain", "moved.example", "company", note="kept"))
    site.open_console(page, path="/rules")
    page.get_by_role("button", name="Change the rule for moved.example").click()
    page.get_by_role("dialog").get_by_role("combobox", name="For", exact=True).select_option("department:legal")
    page.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text="moved.example")
    expect(row.filter(has_text="Legal")).to_contain_text("kept")
    expect(row).to_have_count(1)
    assert rule_of(site, number).removed_at is not None


@pytest.mark.long
@pytest.mark.parametrize(("answer", "kept"), [("Keep that version", "theirs"), effort.long("Save", "mine")])
def test_whoever_changes_it_second_is_told_what_the_first_one_wrote(site: Site, page: Page, answer: str, kept: str) -> None:
    value = f"{kept}.example"
    (number,) = add_rules(site.engine, site.settings, RuleOrder("allow", "domain", value, "company"))
    site.open_console(page, path="/rules")
    with page.expect_response(f"**/rules/{ids.format_id(number)}"):
        page.get_by_role("button", name=f"Change the rule for {value}").click()
    with db.transaction(site.engine) as session:
        rule_confirmation.change_rule(session, number, {"note": "theirs"}, by=IDA, now=NOW, settings=site.settings)
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Note").fill("mine")
    sheet.get_by_role("button", name="Save").click()
    expect(sheet.get_by_role("alert")).to_contain_text(
        "This rule has changed since you opened it. It is now: DMARC; does not expire; “theirs”"
    )
    assert rule_of(site, number).note == "theirs"
    sheet.get_by_role("button", name=answer).click()
    expect(sheet).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text=value)).to_contain_text(kept)
    assert rule_of(site, number).note == kept


@pytest.mark.long
def test_everybody_sees_that_the_door_stands_open(site: Site, page: Page) -> None:
    site.open_console(page, path="/rules")
    with db.transaction(site.engine) as session:
        emergency.open_emergency(session, utcnow() + timedelta(hours=2), reason="the office is flooded", by=IDA, now=utcnow())
    expect(page.get_by_text("All messages are being delivered")).to_be_visible()
    expect(page.get_by_text("the office is flooded")).to_be_visible()
    with db.transaction(site.engine) as session:
        emergency.close_emergency(session, by=IDA, now=utcnow())
    expect(page.get_by_text("All messages are being delivered")).to_have_count(0)


@pytest.mark.long
@pytest.mark.parametrize(("young", "button", "after"), [(True, "Release", "released"), effort.long(False, "Restore", "held")])
def test_what_a_block_stopped_is_listed_with_it_and_given_back(site: Site, page: Page, young: bool, button: str, after: str) -> None:
    domain = f"{button.lower()}d.example"
    holds_until = utcnow() + timedelta(days=1) if young else None
    add_rules(site.engine, site.settings, RuleOrder("block", "domain", domain, "company", holds_until=holds_until))
    site.come(JOE, author=f"a@{domain}", subject="The first of them")
    site.come(JOE, author=f"b@{domain}", subject="The second of them")
    site.open_console(page, path="/rules")
    page.get_by_role("button", name=f"Messages stopped by the block of {domain}").click()
    sheet = page.get_by_role("dialog", name="Messages stopped by this block")
    expect(sheet.get_by_text("this block only holds")).to_have_count(1 if young else 0)
    stopped = sheet.get_by_role("list", name="Stopped messages").get_by_role("listitem")
    expect(stopped).to_have_count(2)
    sheet.get_by_role("button", name=f"{button} The first of them").click()
    expect(stopped.filter(has_text="The first of them")).to_contain_text(after)
    expect(stopped.filter(has_text="The second of them")).to_contain_text("held" if young else "removed")


def test_pasted_lines_are_looked_at_then_made_and_removed_together(site: Site, page: Page) -> None:
    site.open_console(page, "ida", "/rules")
    page.get_by_text("Paste or import rules").click()
    form = page.get_by_role("form", name="Paste or import rules")
    lines = form.get_by_label("One rule or sender per line")
    lines.fill("many1.example\nalow many2.example")
    form.get_by_role("button", name="Check lines").click()
    expect(form.get_by_role("alert")).to_contain_text("Line 2: a rule allows, blocks, redirects or holds, not “alow”")
    lines.fill("many1.example\nblock many2.example note=junk")
    form.get_by_role("button", name="Check lines").click()
    expect(form.get_by_role("status")).to_contain_text("2 new rules, 0 in force already. Nothing has been added yet.")
    form.get_by_role("button", name="Add 2 rules").click()
    table = page.get_by_role("table", name="Rules", exact=True)
    for value in ("many1.example", "many2.example"):
        table.get_by_label(f"Select the rule for {value}").check()
    page.get_by_role("button", name="Remove …").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove 2 rules").click()
    expect(table.get_by_text("many1.example")).to_have_count(0)
    page.get_by_role("button", name="Undo").first.click()
    expect(table.get_by_text("many1.example")).to_be_visible()
    expect(table.get_by_text("junk")).to_be_visible()


@pytest.mark.long
def test_the_first_day_says_when_the_queue_is_done(site: Site, page: Page) -> None:
    """By the decisions of the last hour and the rows that wait; another day than today is named."""
    made = [site.come(JOE, author=f"x{number}@pace{number}.example", dmarc=NO_DMARC)[0] for number in range(6)]
    site.open_console(page, "ida", "/first-day")
    forecast = page.locator(".backlog")
    expect(forecast).to_contain_text("After five decisions within an hour this page says when the queue is done.")
    for one in made[:5]:
        with db.transaction(site.engine) as session:
            request = DecisionRequest(Selection.of(ids=(ids.parse_id(one),)), Verb.PURGE)
            decide.decide_messages(session, request, by=IDA, now=utcnow(), settings=site.settings)
    page.reload()
    expect(forecast).to_contain_text(re.compile(r"At the pace of the last hour \(\d+ decisions an hour\) the queue is done at about "))
    counts = {"items": [], "rows": 6_000, "assigned_rows": 0, "known_rows": 40}
    page.route("**/api/v1/departments?*", lambda route: route.fulfill(json=counts))
    page.reload()
    expect(forecast).to_contain_text(re.compile(r"5,960 rows wait .* done at about .*(Mon|Tue|Wed|Thu|Fri|Sat|Sun|20\d\d)"))
    expect(forecast).to_contain_text("Not counted: 40 rows from known senders that are held for an assistant.")
