"""Notifications of what cannot wait: wanted ones only, while the page is hidden, once a minute, without a word of a message."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import ANA
from tests.webui.site import JOE, Site
from triage.access import preferences
from triage.store import db

HIDE = """(hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
}"""
SHOWN = """navigator.serviceWorker.getRegistration().then((one) => one.getNotifications())
    .then((all) => all.map(({ title, body, silent }) => ({ title, body, silent })))"""
COUNT_TONES = (
    "const Real = AudioContext; window.tones = 0; window.AudioContext = class extends Real { constructor() { super(); window.tones += 1 } }"
)
CODE = "Your Bank{} sign-in code is 481 922. It is valid for 30 minutes."


@pytest.fixture
def desk(browser: Browser) -> Iterator[Page]:
    """A browser that allows notifications, with its service worker: the whole one, since its engine alone allows none."""
    whole = browser_peer.launch_browser(browser.browser_type, program=browser_peer.WHOLE)
    context = whole.new_context(locale="en-GB", permissions=["notifications"])
    context.set_default_timeout(processes.HANG * 1000)
    context.add_init_script(COUNT_TONES)
    yield context.new_page()
    whole.close()


def want(site: Site, choice: str | None) -> None:
    with db.transaction(site.engine) as session:
        preferences.choose_preferences(session, {"notifications": choice}, by=ANA)


def hide(page: Page, *, hidden: bool = True) -> None:
    """The page is behind another window, and has seen what there is; or it is back."""
    if not hidden:
        page.evaluate(HIDE, arg=False)
        return
    with (
        page.expect_response(lambda one: "section=act-now" in one.url),
        page.expect_response(lambda one: "section=time-limited" in one.url),
    ):
        page.evaluate(HIDE, arg=True)


def shown(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(SHOWN)
    return found


def send_code(site: Site, number: int) -> None:
    site.come(JOE, author=f"noreply@bank{number}.example", subject=f"Secret code {number}", text=CODE.format(number))


def test_a_code_is_told_once_a_minute_without_a_word_of_it(site: Site, desk: Page) -> None:
    want(site, "sound")
    site.open_console(desk)
    desk.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    send_code(site, 1)
    expect(desk.get_by_role("option").filter(has_text="Secret code 1")).to_be_visible()
    assert shown(desk) == []  # it is in sight
    hide(desk)
    send_code(site, 2)
    processes.until(lambda: shown(desk), "a notification is shown")
    assert shown(desk) == [{"title": "Mailroom", "body": "New: 1 time-limited row.", "silent": True}]
    assert desk.evaluate("window.tones") == 1
    send_code(site, 3)
    browser_peer.settle(desk, 1_500)
    assert shown(desk)[0]["body"] == "New: 1 time-limited row."  # the minute is not over
    assert desk.evaluate("window.tones") == 1
    hide(desk, hidden=False)


@pytest.mark.long
def test_who_wants_none_gives_the_connection_back(site: Site, desk: Page) -> None:
    want(site, None)
    site.open_console(desk)
    desk.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    asked: list[str] = []
    desk.evaluate(HIDE, arg=True)
    desk.on("request", lambda request: asked.append(request.url))
    send_code(site, 4)
    browser_peer.settle(desk, 1_500)
    assert [url for url in asked if "/api/" in url] == []
    assert shown(desk) == []


@pytest.mark.long
def test_each_browser_is_asked_and_says_where_it_refuses(site: Site, page: Page) -> None:
    want(site, None)
    site.open_console(page, path="/settings")
    page.get_by_role("group", name="Notifications").get_by_role("radio", name="with a sound", exact=True).check()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="This browser does not allow them.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("radio", name="with a sound", exact=True)).to_be_checked()
    want(site, None)
