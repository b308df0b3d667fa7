"""The way about: every page has an address, a key and a place in the rail; none scrolls sideways; an address that names nothing says so."""

import pytest
from playwright.sync_api import Page, expect

from tests.peers.browsers import browser as browser_peer
from tests.peers.processes import HANG
from tests.triage.arriving import add_rules
from tests.webui.site import JOE, Site
from triage.policy.rules.rule_request import RuleOrder

PAGES = {
    "g q": ("/", "Whole company"),
    "g w": ("/outgoing", "Outgoing"),
    "g i": ("/requests", "Requests"),
    "g k": ("/approvals", "Approvals"),
    "g b": ("/end-of-shift", "End of shift"),
    "g d": ("/decisions", "Decisions"),
    "g f": ("/first-day", "First day"),
    "g m": ("/campaigns", "Campaigns"),
    "g r": ("/rules", "Rules"),
    "g c": ("/contacts", "Contacts"),
    "g p": ("/people", "Employees"),
    "g s": ("/reports", "Reports"),
    "g t": ("/training", "Training"),
    "g u": ("/staff", "Staff"),
    "g a": ("/audit", "Audit log"),
    "g o": ("/enforcement", "Enforcement"),
    "g h": ("/system", "Tokens and webhooks"),
    "g l": ("/health", "Health"),
    "g v": ("/configuration", "Configuration"),
    "g ,": ("/settings", "Settings"),
}

SIDEWAYS = """[...document.querySelectorAll('*')].filter((one) => one.scrollWidth > one.clientWidth + 1
    && ['auto', 'scroll'].includes(getComputedStyle(one).overflowX)).map((one) => one.outerHTML.slice(0, 200))"""


WIDEST = """[...document.querySelectorAll('.page *')]
    .map((one) => [Math.round(one.getBoundingClientRect().right), one.outerHTML.slice(0, 300)])
    .sort(([one], [other]) => other - one).slice(0, 3)"""
FRAMES = "new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(() => painted())))"


def at_rest(page: Page) -> list[str]:
    """List what scrolls sideways, with the widest element, once the page is still: until then rows may be wider than their place."""
    browser_peer.load_fonts(page)
    wide: list[str] = []
    for _ in range(10 * int(HANG)):
        wide = page.evaluate(SIDEWAYS)
        page.evaluate(FRAMES)
        if not wide and not page.evaluate(SIDEWAYS):
            return []
        page.wait_for_timeout(100)
    widest: list[str] = page.evaluate(WIDEST)
    return wide + widest


def test_every_page_has_a_key_and_the_reader_begins_there(site: Site, page: Page) -> None:
    site.open_console(page, "ida", "/rules")
    for keys, (path, title) in PAGES.items():
        for key in keys.split():
            page.keyboard.press(key)
        expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
        assert page.url == site.url + path
        expect(page.locator("#content")).to_be_focused()


@pytest.mark.long
def test_an_address_that_names_nothing_says_so(site: Site, page: Page) -> None:
    site.open_console(page, path="/nowhere/at-all")
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    expect(page).to_have_title("Not found · Mailroom")
    page.get_by_role("link", name="Go to the queue", exact=True).click()
    expect(page.get_by_role("listbox", name="Held messages")).to_be_visible()


@pytest.mark.long
def test_a_page_that_cannot_be_fetched_offers_to_try_again(site: Site, page: Page) -> None:
    site.open_console(page)
    browser_peer.intercept(page, "**/assets/EnforcementMode-*", lambda route: route.fulfill(status=404))
    page.evaluate("history.pushState(null, '', '/enforcement'); dispatchEvent(new PopStateEvent('popstate'))")
    expect(page.get_by_role("alert").filter(has_text="Could not load this page")).to_be_visible()


@pytest.mark.long
def test_on_paper_a_page_goes_to_its_end_without_what_can_be_pressed(site: Site, page: Page) -> None:
    rules = (RuleOrder("block", "address", f"{number}@paper.example", "company") for number in range(60))
    add_rules(site.engine, site.settings, *rules)
    site.open_console(page, path="/rules")
    expect(page.get_by_role("row").filter(has_text="59@paper.example")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".rail")).to_be_hidden()
    expect(page.get_by_role("button")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollHeight") > 2 * 900


@pytest.mark.parametrize("width", [320, pytest.param(390, marks=pytest.mark.long), pytest.param(1024, marks=pytest.mark.long)])
def test_nothing_scrolls_sideways_and_the_menu_leads_everywhere(site: Site, page: Page, width: int) -> None:
    long = "a-very-long-name-that-nobody-would-give-to-a-mailbox-but-some-do@an-equally-long-domain-name.of-a-subsidiary.example"
    add_rules(site.engine, site.settings, RuleOrder("allow", "address", long, "company", note="w" * 200))
    site.come(JOE, author=long, subject="x" * 300)
    page.set_viewport_size({"width": width, "height": 800})
    site.open_console(page, "ida")
    for path, title in PAGES.values():
        page.get_by_role("button", name="Menu").click()
        menu = page.get_by_role("dialog", name="Folders and pages")
        if path in ("/approvals", "/end-of-shift", "/first-day", "/requests"):  # elsewhere, or in the menu only when something waits there
            page.goto(site.url + path)
        else:
            menu.locator(f'a[href="{path}"]').click()
        expect(menu).to_have_count(0)
        expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
        assert at_rest(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.long
def test_the_first_steps_stay_until_they_are_closed(site: Site, page: Page) -> None:
    site.come(JOE)
    site.open_console(page, is_new=True)
    steps = page.get_by_role("region", name="First steps")
    expect(steps).to_contain_text("Most take one key.")
    steps.get_by_role("link", name="Try the training").click()
    expect(page.get_by_role("heading", level=1, name="Training")).to_be_visible()
    expect(steps).to_have_count(0)
    page.go_back()
    steps.get_by_role("button", name="Close the first steps").click()
    expect(steps).to_have_count(0)
    page.reload()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    expect(page.get_by_role("link", name="Settings")).to_be_visible()
    expect(steps).to_have_count(0)


@pytest.mark.long
def test_all_groups_of_the_navigation_are_above_the_fold(site: Site, page: Page) -> None:
    """Shows every entry that comes and goes, and more departments than fit: their list alone scrolls."""
    folder = {"held": 9, "rows": 3, "known_rows": 0, "shared_held": 0, "shared_rows": 0, "people": [], "confidential": False}
    many = [folder | {"code": f"d{number}", "name": f"Department {number}"} for number in range(14)]
    many[1] |= {"rows": 7, "known_rows": 5}
    counts = {"items": many, "rows": 35, "assigned_rows": 2, "known_rows": 5}
    page.route("**/api/v1/departments?*", lambda route: route.fulfill(json=counts))
    page.route("**/api/v1/requests?*", lambda route: route.fulfill(json={"items": [], "next_cursor": None, "open": 2, "reported": 1}))
    page.set_viewport_size({"width": 1366, "height": 768})
    site.open_console(page, "ida")
    folders = page.get_by_role("navigation", name="Folders")
    expect(folders.get_by_role("link", name="Queue")).to_contain_text("30")
    expect(folders.get_by_role("link", name="Assigned to me")).to_contain_text("2")
    expect(folders.get_by_role("link", name="Requests")).to_contain_text("3")
    expect(folders.get_by_role("link", name="Department 0")).to_have_accessible_name("Department 0 3")
    second = folders.get_by_role("link", name="Department 1 2")
    expect(second).to_have_accessible_name("Department 1 2 5 more rows from known senders, held for an assistant")
    expect(second).to_contain_text("2 +5")
    for name in ("Campaigns", "Staff", "Audit log", "Rules", "Tokens and webhooks", "Settings"):
        expect(folders.get_by_role("link", name=name)).to_be_in_viewport(ratio=1)
    expect(folders.get_by_role("link", name="Department 13")).not_to_be_in_viewport()
    folders.get_by_role("button", name="Departments").click()
    expect(folders.get_by_role("link", name="Department 0")).to_have_count(0)
    page.reload()
    expect(folders.get_by_role("link", name="Settings")).to_be_visible()
    expect(folders.get_by_role("button", name="Departments")).to_have_attribute("aria-expanded", "false")
