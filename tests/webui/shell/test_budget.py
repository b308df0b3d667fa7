"""Weight limits of the console: counts and sizes only, which do not depend on the machine."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.webui.site import JOE, Site

DIST = Path(__file__).parents[3] / "webui" / "dist"
FIRST, ASKING, WITH_FONTS = 79 * 1024, 35_000, 150_000  # bytes, compressed: what the queue needs, what /ask does; and all of the first load
IDLE_REQUESTS, IDLE_BYTES = 30, 150_000  # of a queue that is opened and left alone
NOTHING_AHEAD = "const later = setTimeout; window.setTimeout = (run, after, ...more) => (after === 1_500 ? 0 : later(run, after, ...more))"


@pytest.mark.parametrize(("page", "most"), [("index.html", FIRST), ("ask.html", ASKING)])
def test_the_first_page_is_small(page: str, most: int) -> None:
    named = re.findall(r'(?:src|href)="/(assets/[^"]+\.(?:js|css))"', (DIST / page).read_text("utf-8"))
    assert named
    assert sum(len(gzip.compress((DIST / name).read_bytes())) for name in set(named)) <= most


def test_employees_fetch_nothing_of_the_console(site: Site, page: Page) -> None:
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(site.url + "/ask")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert [url for url in fetched if "/ask-" in url]
    assert not [url for url in fetched if "/console-" in url]


def until(page: Page, fits: Callable[[], bool]) -> None:
    """Let the page go on until something is so."""
    for _ in range(40 * int(processes.HANG)):
        if fits():
            return
        page.wait_for_timeout(25)
    raise AssertionError


def test_each_thing_is_asked_once_and_the_first_rows_before_all_that_stands_beside_them(site: Site, page: Page) -> None:
    site.come(JOE, subject="Here already")
    site.open_console(page)
    row = page.get_by_role("option").filter(has_text="Here already")
    expect(row).to_be_visible()
    asked: list[str] = []
    page.goto("about:blank")  # what the page before asks at its end does not count
    page.on("request", lambda request: asked.append(request.url.partition("/api/v1")[2].partition("?")[0]))
    page.goto(site.url)
    expect(row).to_be_visible()
    expect(page.locator(".live.live")).to_be_visible()
    once = ("/me", "/departments", "/requests", "/approvals", "/coverage", "/events", "/searches")
    until(page, lambda: set(once) <= set(asked))
    browser_peer.settle(page, 700)  # what is asked again when something has changed would have been by now
    asked = [path for path in asked if path and not path.startswith("/messages/")]
    assert set(asked[:2]) == {"/me", "/triage"}
    assert {path: asked.count(path) for path in once} == dict.fromkeys(once, 1)
    assert asked.count("/triage") == 2  # the list, and what expires soon


def test_the_first_load_is_small_and_breaks_no_rule(site: Site, page: Page) -> None:
    site.come(JOE, subject="Here already")
    loaded: dict[str, int] = {}
    page.on("response", lambda answer: loaded.update({answer.url: 0}) if "/assets/" in answer.url else None)
    page.add_init_script("addEventListener('securitypolicyviolation', (event) => (window.broken ??= []).push(event.blockedURI))")
    page.add_init_script(NOTHING_AHEAD)
    site.open_console(page)
    expect(page.get_by_role("option").filter(has_text="Here already")).to_be_visible()
    browser_peer.load_fonts(page)
    first = {url.partition("/assets/")[2] for url in loaded}
    fonts = [name for name in first if name.endswith(".woff2")]
    texts = [name for name in first if not name.endswith(".woff2")]
    files = DIST / "assets"
    weight = sum(len(gzip.compress((files / name).read_bytes())) for name in texts) + sum((files / name).stat().st_size for name in fonts)
    assert fonts
    assert weight <= WITH_FONTS
    assert page.evaluate("window.broken ?? []") == []


@pytest.mark.long
def test_a_queue_that_nobody_touches_asks_for_little(site: Site, page: Page) -> None:
    for number in range(60):
        site.come(JOE, author=f"sender{number}@idle.example", subject=f"Idle {number}")
    site.open_console(page)
    expect(page.get_by_role("option").nth(5)).to_be_visible()
    page.goto("about:blank")
    session, asked, weight = page.context.new_cdp_session(page), list[str](), list[int]()
    session.send("Network.enable")
    session.on("Network.requestWillBeSent", lambda one: asked.append(one["request"]["url"].partition("/api/v1")[2].partition("?")[0]))
    session.on("Network.loadingFinished", lambda one: weight.append(int(one["encodedDataLength"])))
    page.goto(site.url)
    expect(page.get_by_role("option").nth(5)).to_be_visible()
    until(page, lambda: asked.count("/presence") > 1 and "/escalations" in asked and any(path.endswith("/viewed") for path in asked))
    assert len([path for path in asked if path]) <= IDLE_REQUESTS
    assert sum(weight) <= IDLE_BYTES
    before = len(asked)
    until(page, lambda: asked[before:].count("/presence") > 1)
    assert {path for path in asked[before:] if path} == {"/presence"}  # who is here is all that is told again
