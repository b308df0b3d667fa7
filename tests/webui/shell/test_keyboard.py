"""Work by keyboard alone: a morning's work, and every screen by Tab with visible focus; in high contrast too."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.triage.arriving import NO_DMARC, add_rules
from tests.webui.queue.test_campaigns import PRIZE
from tests.webui.shell.test_places import PAGES
from tests.webui.singles import opened, sheets_of, singles
from tests.webui.site import JOE, MARA, PASSWORD, Site
from tests.webui.tabbing import walked
from triage import ids
from triage.actor import Actor
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.requests import release_requests
from triage.store import db
from triage.times import utcnow


@pytest.fixture(scope="module")
def filled(site: Site) -> Site:
    """Mail of some kinds, and a rule."""
    add_rules(site.engine, site.settings, RuleOrder("allow", "domain", "dell.example", "company", note="our supplier"))
    for number, to in enumerate((JOE, MARA, JOE)):
        site.come(to, author=f"luck@host{number}.example", subject="You have won", text=PRIZE.format(number, number), dmarc=NO_DMARC)
    site.come(MARA, author="orders@walk.example", subject="Your order")
    return site


@pytest.mark.long
def test_every_screen_by_tab(filled: Site, page: Page) -> None:
    filled.open_console(page, "ida")
    for path, title in PAGES.values():
        page.goto(filled.url + path)
        expect(page.get_by_role("heading", level=1, name=title)).to_be_attached()
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        expect(page.get_by_role("link", name="Settings")).to_be_visible()
        page.evaluate("document.activeElement.blur()")
        assert walked(page) == [], path


@pytest.mark.long
def test_every_page_about_one_thing_and_its_sheets_by_tab(filled: Site, page: Page) -> None:
    filled.open_console(page, "ida")
    for single in singles(filled):
        opened(page, filled, single)
        page.evaluate("document.activeElement.blur()")
        assert walked(page) == [], single.path
        for sheet in sheets_of(page, single):
            assert walked(page) == [], sheet


def test_a_morning_without_a_pointer(filled: Site, page: Page) -> None:
    keys = page.keyboard
    page.goto(filled.url)
    expect(page.get_by_label("Name")).to_be_visible()
    for text in ("ana", PASSWORD):
        if page.evaluate("document.activeElement.tagName") != "INPUT":
            keys.press("Tab")
        keys.type(text)
        keys.press("Tab")
    keys.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    order = page.get_by_role("option").filter(has_text="Your order")
    expect(order).to_be_visible()
    keys.press("/")
    keys.type("from:walk.example")
    keys.press("Enter")
    expect(page.get_by_role("option")).to_have_count(1)
    keys.press("r")
    released = page.get_by_role("status").filter(has_text="Released “Your order”.")
    expect(released).to_be_visible()
    keys.press("z")
    expect(page.get_by_role("status").filter(has_text="Undone. “Your order” is back.")).to_be_visible()
    keys.press("4")
    expect(page.get_by_role("tabpanel", name="People")).to_be_visible()
    keys.press("p")
    expect(page.get_by_role("dialog", name="Remove")).to_be_visible()
    keys.press("Escape")
    keys.press("Control+k")
    expect(page.get_by_role("combobox", name="Find a command or a folder")).to_be_focused()
    keys.type("to settings")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()
    keys.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    keys.press("Escape")
    keys.press("g")
    keys.press("r")
    expect(page.get_by_role("heading", level=1, name="Rules")).to_be_visible()


@pytest.mark.long
def test_high_contrast(filled: Site, page: Page) -> None:
    page.emulate_media(forced_colors="active")
    filled.open_console(page, "ida")
    page.get_by_role("option").filter(has_text="You have won").click()
    expect(page.get_by_role("tabpanel")).to_be_visible()
    page.keyboard.press("x")
    expect(page.get_by_role("option", selected=True)).to_have_css("outline-style", "solid")
    expect(page.get_by_role("tab", selected=True)).to_have_css("outline-style", "solid")
    cursor = page.locator(".row.at").evaluate("row => getComputedStyle(row, '::before').backgroundColor")
    assert cursor != page.locator("main").evaluate("main => getComputedStyle(main).backgroundColor")
    page.locator("#content").focus()
    assert walked(page) == []


@pytest.mark.long
def test_a_long_mail_is_scrolled_without_a_pointer(filled: Site, page: Page) -> None:
    text = "\r\n\r\n".join(f"Paragraph {number}" for number in range(80))
    filled.come(MARA, author="long@walk.example", subject="A long letter", text=text)
    filled.open_console(page, "ida", "/?q=from:long@walk.example")
    page.get_by_role("option").click()
    frame = page.locator("iframe.shown")
    expect(frame.content_frame.get_by_text("Paragraph 0")).to_be_in_viewport()
    page.keyboard.press("Space")
    expect(frame).to_have_css("outline-style", "solid")
    page.keyboard.press("End")
    expect(frame.content_frame.get_by_text("Paragraph 79")).to_be_in_viewport()
    page.keyboard.press("Tab")
    expect(frame).not_to_have_css("outline-style", "solid")
    expect(page.locator("main :focus")).to_be_visible()
    page.keyboard.press("4")  # the keys are the console's again
    expect(page.get_by_role("tabpanel", name="People")).to_be_visible()
    page.keyboard.press("1")
    box = frame.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 60, box["y"] + 60)  # a click takes no keyboard away
    expect(page.get_by_role("listbox", name="Held messages")).to_be_focused()


@pytest.mark.long
def test_when_an_item_is_gone_the_next_one_has_the_focus(filled: Site, page: Page) -> None:
    for number in range(3):
        (mail,) = filled.come(JOE, author=f"host{number}@focus.example", subject=f"Room {number}")
        with db.transaction(filled.engine) as session:
            release_requests.request_release(session, ids.parse_id(mail), by=Actor.employee("joe.fern", "Joe Fern"), words="", now=utcnow())
    filled.open_console(page, "ana", "/requests")
    items = page.get_by_role("listitem").filter(has=page.get_by_role("button", name="Release"))
    expect(items).to_have_count(3)
    subjects = [items.nth(place).locator("b").nth(1).inner_text() for place in range(3)]
    for gone, next_one in ((1, 2), (2, 0)):
        items.filter(has_text=subjects[gone]).get_by_role("button", name="Release").press("Enter")
        expect(items.filter(has_text=subjects[gone])).to_have_count(0)
        expect(items.filter(has_text=subjects[next_one])).to_be_focused()
    items.get_by_role("button", name="Release").press("Enter")
    expect(items).to_have_count(0)
    expect(page.locator("#content")).to_be_focused()


@pytest.mark.long
def test_in_the_queue_the_keyboard_goes_back_to_the_list(filled: Site, page: Page) -> None:
    filled.come(JOE, author="once@focus.example", subject="Once more")
    filled.open_console(page, "ana", "/?q=from:once@focus.example")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("r")
    page.get_by_role("status").filter(has_text="Released").get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_role("status").filter(has_text="is back")).to_be_visible()
    expect(page.get_by_role("listbox", name="Held messages")).to_be_focused()
    page.keyboard.press("x")
    page.get_by_role("button", name="Clear selection").press("Enter")
    expect(page.get_by_role("listbox", name="Held messages")).to_be_focused()


@pytest.mark.long
def test_letters_that_come_before_the_palette_are_typed_into_it(filled: Site, page: Page) -> None:
    """Holds the palette back on the network while somebody types on."""
    waiting: list[Route] = []

    def hold_back(route: Route) -> None:
        waiting.append(route)

    page.route("**/assets/lazyDialogs-*.js", hold_back)
    filled.open_console(page)
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("auditx")
    page.keyboard.press("Backspace")
    for one in waiting:
        one.continue_()
    page.unroute("**/assets/lazyDialogs-*.js")
    expect(page.get_by_role("combobox", name="Find a command or a folder")).to_have_value("audit")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
