"""Walk through the console: help, numbers, names, links, focus order, free keys, and times."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import ANA, NO_DMARC
from tests.webui.site import JOE, MARA, Site
from triage import ids
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.times import utcnow

BROKEN = """[...document.querySelectorAll('.num')].filter((one) => {
    const range = document.createRange()
    range.selectNodeContents(one)
    return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1
}).map((one) => one.textContent)"""
TWICE = """(key) => { for (let time = 0; time < 2; time++)
    document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })) }"""


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A small phone held upright."""
    context = browser.new_context(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True, reduced_motion="reduce")
    context.set_default_timeout(processes.HANG * 1000)
    yield context.new_page()
    context.close()


@pytest.fixture
def new_york(browser: Browser) -> Iterator[Page]:
    """A browser whose clock is New York's."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="en-GB", timezone_id="America/New_York")
    context.set_default_timeout(processes.HANG * 1000)
    yield context.new_page()
    context.close()


def waves(site: Site, name: str, subject: str, count: int, *to: str) -> list[str]:
    """Receives a campaign: a message each from different senders; their first deliveries."""
    said = f"Hurry, your {name} number {{0}} is here, fetch it tonight. Click https://{name}{{0}}.example/fetch now, it waits for nobody!"
    return [
        site.come(*to, author=f"{name}@{name}{number}.example", subject=subject, text=said.format(number), dmarc=NO_DMARC)[0]
        for number in range(count)
    ]


def decide(site: Site, verb: Verb, *messages: str) -> None:
    """Ana does this."""
    with db.transaction(site.engine) as session:
        selected = Selection(ids=tuple(ids.parse_id(one) for one in messages))
        decisions.decide_messages(session, DecisionRequest(selected, verb), by=ANA, now=utcnow(), settings=site.settings)


def test_the_keys_open_at_their_top(site: Site, page: Page) -> None:
    page.set_viewport_size({"width": 1100, "height": 480})
    site.open_console(page)
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet.get_by_role("heading", name="Keyboard shortcuts")).to_be_in_viewport(ratio=1)
    expect(sheet.get_by_text("Next message")).to_be_in_viewport(ratio=1)
    assert sheet.evaluate("sheet => sheet.scrollTop") == 0
    page.keyboard.press("End")  # and it is read by the keyboard
    expect(sheet.get_by_role("link", name="Change shortcuts")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


@pytest.mark.parametrize("width", [360, 760, 980, 1400])
@pytest.mark.long
def test_a_number_stays_in_one_piece(site: Site, page: Page, width: int) -> None:
    long_name = "a-name-of-a-sender-that-takes-all-the-room-there-is-in-a-column-of-the-page"
    for _ in range(11):
        site.come(JOE, author=f"{long_name}@eleven{width}.example", subject="Eleven of them with a long subject that takes the room")
    page.set_viewport_size({"width": width, "height": 900})
    for path, text in ((f"/senders/eleven{width}.example", "11"), ("/campaigns", ""), ("/people", "")):
        site.open_console(page, path=path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        if text:
            expect(page.locator(".page .num").filter(has_text=text).first).to_be_visible()
        browser_peer.load_fonts(page)
        assert page.evaluate(BROKEN) == [], path


@pytest.mark.long
def test_what_is_decided_says_for_whom_it_was(site: Site, page: Page) -> None:
    gone, stays, away = (site.come(JOE, author=f"{name}@whom.example", subject=name)[0] for name in ("gone", "stays", "away"))
    decide(site, Verb.RELEASE, gone)
    decide(site, Verb.PURGE, away)
    for tab, subjects in (("decided", ("gone", "away")), ("all", ("gone", "stays", "away"))):
        site.open_console(page, path=f"/?tab={tab}&q=from:whom.example")
        for subject in subjects:
            row = page.get_by_role("option").filter(has_text=subject)
            expect(row.get_by_text("to Joe Fern")).to_be_visible()
    assert stays


@pytest.mark.long
def test_a_decided_row_of_the_queue_keeps_its_recipient(site: Site, page: Page) -> None:
    for number in range(2):
        site.come(MARA, author=f"row{number}@keeps.example", subject=f"Row {number}")
    site.open_console(page, path="/?q=from:keeps.example")
    expect(page.get_by_role("option")).to_have_count(2)
    first = page.get_by_role("option").first
    expect(first).to_contain_text("to Mara Berg")
    page.keyboard.press("r")
    expect(first.locator(".stamp")).to_contain_text("Released")
    expect(first).to_contain_text("to Mara Berg")


@pytest.mark.long
def test_a_search_is_called_by_its_words(site: Site, page: Page) -> None:
    site.come(JOE, author="words@search.example", subject="Found")
    asked = "from:words@search.example subject:found has:attachment or a link to somewhere"
    page.set_viewport_size({"width": 1024, "height": 800})
    site.open_console(page, path=f"/?q={asked}")
    title = page.locator(".list .name")
    expect(title).to_have_text(f"Results for “{asked}”")
    assert title.evaluate("one => one.scrollWidth <= one.clientWidth && one.scrollHeight <= one.clientHeight + 1"), "it is cut"
    expect(page).to_have_title(re.compile(re.escape(asked)))


@pytest.mark.long
def test_a_message_has_a_link_that_leads_to_it(site: Site, page: Page, other_page: Page) -> None:
    (mail, _) = site.come(JOE, MARA, author="link@letters.example", subject="A letter with a link")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    site.open_console(page, path="/?q=from:link@letters.example")
    expect(page.get_by_role("heading", name="A letter with a link")).to_be_visible()
    page.keyboard.press("l")
    expect(page.get_by_role("status").filter(has_text="Copied the link to this message.")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(rf"{site.url}/messages/\w+", link)
    site.open_console(other_page, "ida", link.removeprefix(site.url))
    expect(other_page.get_by_role("heading", name="A letter with a link", level=2)).to_be_visible()
    expect(other_page.get_by_role("option")).to_have_count(2)
    expect(other_page.locator("iframe.shown").content_frame.locator("body")).to_contain_text("Hello")
    expect(other_page).to_have_title(re.compile("A letter with a link"))
    site.open_console(other_page, "ida", f"/deliveries/{mail}")
    expect(other_page.get_by_role("option")).to_have_count(1)
    other_page.keyboard.press("r")  # it is decided from there
    expect(other_page.get_by_role("status").filter(has_text="Released “A letter with a link”.")).to_be_visible()


@pytest.mark.long
def test_who_may_not_see_a_message_gets_the_usual_answer(site: Site, page: Page) -> None:
    (mail,) = site.come(JOE, author="secret@letters.example", subject="For IT only")
    for path in (f"/messages/{mail}", f"/deliveries/{mail}", "/messages/0AMR92XANA62D"):
        site.open_console(page, "ben", path)  # Legal is his
        told = page.get_by_role("alert")
        expect(told).to_contain_text("Could not show this message.")
        expect(told).to_contain_text("There is no ")
        expect(page.get_by_role("option")).to_have_count(0)


@pytest.mark.long
def test_entries_about_messages_lead_to_them(site: Site, page: Page) -> None:
    (mail,) = site.come(JOE, author="entry@letters.example", subject="On the record")
    decide(site, Verb.RELEASE, mail)
    site.open_console(page, "ida", "/audit")
    for kind in ("message", "delivery"):
        page.get_by_label("Subject").fill("")
        entry = page.get_by_role("link", name=re.compile(f"^{kind}:")).first
        if entry.count():
            entry.click()
            expect(page.get_by_role("option").first).to_be_visible()
            page.go_back()
            expect(page.get_by_role("table", name="Entries")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^message:")).first).to_have_attribute("href", re.compile("^/messages/"))


@pytest.mark.long
def test_a_block_begins_at_what_is_chosen(site: Site, page: Page) -> None:
    waves(site, "lottery", "You have won", 2, JOE)
    site.open_console(page, path="/?q=subject:won")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("b")
    sheet = page.get_by_role("dialog")
    expect(sheet.locator("input[name=scope]:checked")).to_be_focused()
    expect(sheet.locator("label:has(:focus)")).to_contain_text("This sender")
    page.keyboard.press("ArrowDown")
    expect(sheet.locator("label:has(:focus)")).to_contain_text("Whole domain")
    expect(sheet.get_by_role("button", name=re.compile("^Block and remove 1 message"))).to_be_enabled()
    page.keyboard.press("Enter")
    expect(sheet).to_have_count(0)


@pytest.mark.long
def test_the_beginning_of_a_department_is_the_department(site: Site, page: Page) -> None:
    """People whose names begin so do not come before the department."""
    site.come(JOE, author="goes@on.example", subject="Goes on")
    site.open_console(page, path="/?q=from:goes@on.example")
    expect(page.get_by_role("option")).to_have_count(1)
    found = [
        {"kind": "person", "to": "person:leg.ende", "name": "Leg Ende", "place": "IT", "mailbox": "leg.ende@company.example"},
        {"kind": "department", "to": "department:legal", "name": "Legal", "place": "", "mailbox": "legal@company.example"},
    ]
    browser_peer.intercept(page, "**/recipients?q=leg", lambda route: route.fulfill(json={"items": found}))
    page.keyboard.press("m")
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("combobox").fill("leg")
    expect(sheet.get_by_role("option", selected=True)).to_contain_text("Legal")
    with page.expect_request("**/decisions") as sent:
        page.keyboard.press("Enter")
    wish = sent.value.post_data_json
    assert wish is not None
    assert (wish["verb"], wish["to"]) == ("redirect", "department:legal")


@pytest.mark.long
def test_the_button_that_removes_is_in_sight_on_a_phone(site: Site, phone: Page) -> None:
    """However much is listed above it."""
    waves(site, "voucher", "Fetch it", 12, JOE, MARA)
    site.open_console(phone, path="/?q=subject:fetch")
    phone.get_by_role("option").first.tap()
    purge = phone.get_by_role("group", name="Decide").get_by_role("button", name="Remove everywhere")
    expect(purge).to_be_in_viewport(ratio=1)
    purge.tap()
    sheet = phone.get_by_role("dialog")
    button = sheet.get_by_role("button", name=re.compile(r"^Remove \d+ messages( and block)?$"))
    expect(button).to_be_in_viewport(ratio=1)
    sheet.evaluate("sheet => sheet.scrollTo(0, sheet.scrollHeight)")
    expect(button).to_be_in_viewport(ratio=1)
    button.tap(trial=True)


@pytest.mark.long
def test_a_key_that_comes_too_soon_is_told_of(site: Site, page: Page) -> None:
    for number in range(2):
        site.come(JOE, author=f"soon{number}@soon.example", subject=f"Soon {number}")
    site.open_console(page, path="/?q=from:soon.example")
    expect(page.get_by_role("option")).to_have_count(2)
    expect(page.locator(".acts")).to_be_visible()
    page.evaluate(TWICE, "r")
    told = page.get_by_role("status").filter(has_text="Not released: this message has only just appeared. Press the key again.")
    expect(told).to_be_visible()
    expect(told).to_be_in_viewport(ratio=1)
    expect(page.locator(".row .stamp")).to_have_count(1)
    browser_peer.settle(page, 300)  # the guard is over
    page.keyboard.press("r")
    expect(page.locator(".row .stamp")).to_have_count(2)
    expect(told).to_have_count(0)


@pytest.mark.long
def test_a_report_calls_a_campaign_by_its_subject(site: Site, page: Page) -> None:
    decide(site, Verb.PURGE, *waves(site, "present", "A gift for you", 3, JOE))
    site.open_console(page, "ida", "/reports")
    largest = page.get_by_role("region", name="Largest campaigns: numbers")
    link = largest.get_by_role("link", name="A gift for you")
    expect(link).to_be_visible()
    expect(largest.get_by_role("columnheader", name="Campaign")).to_have_count(0)
    link.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert "/campaigns/" in page.url


@pytest.mark.long
def test_a_time_carries_its_zone(site: Site, new_york: Page) -> None:
    site.come(JOE, author="clock@zone.example", subject="What time is it")
    site.open_console(new_york, path="/?q=from:clock@zone.example")
    here = re.compile(r"\d\d:\d\d (GMT-[45]|E[SD]T)$")
    expect(new_york.locator(".when")).to_have_text(here)
    expect(new_york.locator(".row time")).to_have_attribute("title", here)
    site.open_console(new_york, path="/reports")
    period = new_york.get_by_text("time zone UTC")
    expect(period).to_have_text(re.compile(r"\d\d:\d\d UTC to .*\d\d:\d\d UTC, time zone UTC$"))
    assert not re.search(r"GMT-|E[SD]T", new_york.locator("main").inner_text())
    new_york.get_by_label("From").fill("2026-01-05")
    new_york.get_by_label("to", exact=True).fill("2026-01-06")
    new_york.get_by_role("button", name="Show").click()
    expect(period).to_have_text(re.compile(r"^5 Jan 2026, 00:00 UTC to 7 Jan 2026, 00:00 UTC,"))
