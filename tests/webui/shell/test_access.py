"""Accessibility: no fault found by axe-core on any page, in any state, in light and dark."""

from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests import effort
from tests.triage.arriving import NO_DMARC, add_rules
from tests.webui import access
from tests.webui.access import faults
from tests.webui.queue.test_campaigns import PRIZE
from tests.webui.shell.test_places import PAGES
from tests.webui.singles import opened, sheets_of, singles
from tests.webui.site import JOE, MARA, Site
from triage.policy.rules.rule_request import RuleOrder


@pytest.fixture(scope="module")
def filled(site: Site) -> Site:
    """Mail of some kinds, and a rule."""
    add_rules(site.engine, site.settings, RuleOrder("allow", "domain", "dell.example", "company", note="our supplier"))
    site.come(JOE, author="boss@company-example.test", subject="Pay this today", dmarc=NO_DMARC)
    for number, to in enumerate((JOE, MARA, JOE)):
        site.come(to, author=f"luck@host{number}.example", subject="You have won", text=PRIZE.format(number, number), dmarc=NO_DMARC)
    site.come(MARA, subject="Your order")
    return site


@pytest.mark.parametrize("scheme", ["light", effort.long("dark")])
def test_every_page(filled: Site, page: Page, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    minds = access.ALL if scheme == "light" else access.COLOURS
    filled.open_console(page, "ida")
    for keys, (path, title) in PAGES.items():
        for key in keys.split():
            page.keyboard.press(key)
        expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
        assert faults(page, minds) == [], path


@pytest.mark.long
def test_every_page_about_one_thing_and_its_sheets(filled: Site, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    filled.open_console(page, "ida")
    for single in singles(filled):
        opened(page, filled, single)
        assert faults(page) == [], single.path
        for sheet in sheets_of(page, single):
            assert faults(page) == [], sheet
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        assert faults(page, access.COLOURS) == [], f"{single.path} dark"
        page.emulate_media(color_scheme="light", reduced_motion="reduce")


@pytest.mark.long
def test_every_sheet_and_state_of_the_queue(filled: Site, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    filled.open_console(page, "ida")
    page.get_by_role("option").filter(has_text="You have won").click()
    expect(page.get_by_role("tabpanel")).to_be_visible()
    for key in ("b", "p", "m", "n", "?", "Control+k"):
        page.keyboard.press(key)
        expect(page.get_by_role("dialog")).to_be_visible()
        expect(page.get_by_role("dialog").get_by_text("Counting…")).to_have_count(0)
        assert faults(page) == [], key
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    for key in ("2", "3", "4", "ArrowRight", "x"):
        page.keyboard.press(key)
        assert faults(page) == [], key
    page.keyboard.press("Escape")
    page.get_by_role("option").filter(has_text="Your order").click()
    page.keyboard.press("a")
    expect(page.get_by_role("status").filter(has_text="is allowed for")).to_be_visible()
    assert faults(page) == [], "toast and stamp"
    page.goto(filled.url + "/?q=nothing+like+it")
    expect(page.get_by_text("No messages match")).to_be_visible()
    assert faults(page) == [], "nothing found"
    page.goto(filled.url + "/nowhere")
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    assert faults(page) == [], "no such page"


@pytest.mark.long
def test_a_key_that_follows_at_once_opens_the_next_sheet(filled: Site, page: Page) -> None:
    filled.open_console(page, "ida")
    page.get_by_role("option").filter(has_text="You have won").click()
    page.keyboard.press("b")
    expect(page.get_by_role("dialog", name="Block")).to_be_visible()
    page.evaluate(  # the browser tells of a closed dialog only after the key that was already pressed
        """() => new Promise((told) => { const closed = document.querySelector('dialog[open]')
        closed.addEventListener('close', () => setTimeout(told))
        closed.close()
        document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'p', bubbles: true })) })"""
    )
    expect(page.get_by_role("dialog", name="Remove")).to_be_visible()


@pytest.mark.long  # test_phone.py looks at the list and at a message with axe, and at 320 pixels in German
def test_on_a_phone(filled: Site, page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    filled.open_console(page)
    assert faults(page) == [], "the list"
    page.get_by_role("option").filter(has_text="You have won").click()
    expect(page.get_by_role("tab", name="Text")).to_have_attribute("aria-selected", "true")
    assert faults(page) == [], "a mail"


@pytest.mark.long
def test_without_a_session(site: Site, page: Page) -> None:
    page.goto(site.url)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert faults(page) == []
