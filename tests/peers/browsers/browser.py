"""The distribution's Chromium, driven as a member of staff uses it.

Most tests drive its engine alone, `chromium-headless-shell`: a page of the console costs it half the processor time of the whole browser.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from playwright.sync_api import Browser, BrowserType, Page, Route, sync_playwright

from tests.peers import processes

WHOLE, ENGINE = "chromium", "chromium-headless-shell"
# without these Chromium calls home at every start, and it does not run as root with its sandbox
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextlib.contextmanager
def start_browser(program: str = ENGINE) -> Iterator[Browser]:
    """Starts a browser for many pages."""
    with sync_playwright() as playwright:
        browser = launch_browser(playwright.chromium, program=program)
        try:
            yield browser
        finally:
            browser.close()


def launch_browser(
    kind: BrowserType, flags: Sequence[str] = (), environment: Mapping[str, str] | None = None, program: str = ENGINE
) -> Browser:
    """A browser, with more flags, and in another environment than ours where one is given; whoever asks closes it."""
    return kind.launch(
        executable_path=processes.need(program, program), args=[*FLAGS, *flags], env=dict(environment) if environment else None
    )


@contextlib.contextmanager
def open_page(browser: Browser, locale: str = "en-GB", width: int = 1400, *, workers: bool = False) -> Iterator[Page]:
    """A fresh browser profile with one page; what its console and its scripts complain about is an error here.

    Without `workers` it starts no service worker: requests that pass through one are beyond `page.route`.
    """
    complaints: list[str] = []
    allowed: Literal["allow", "block"] = "allow" if workers else "block"
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=locale, service_workers=allowed)
    context.set_default_timeout(processes.HANG * 1000)
    opened = context.new_page()
    opened.on("pageerror", lambda fault: complaints.append(str(fault)))
    opened.on("console", lambda said: complaints.append(f"{said.text} {said.location['url']}") if said.type == "error" else None)
    try:
        yield opened
    finally:
        context.close()
    unexpected = [complaint for complaint in complaints if "status of 4" not in complaint]  # refusals are shown to the user, and logged
    assert unexpected == [], unexpected


def load_fonts(page: Page) -> None:
    """Wait until the fonts are loaded; before, letters have other widths."""
    page.evaluate("document.fonts.ready.then(() => undefined)")


def wait_for_paint(page: Page) -> None:
    """Returns once a sheet that is shown by now takes keys: it drops what is pressed before its first frame, and asked for that before us.

    To be called between `expect` on something in a sheet and the first key for it.
    """
    page.evaluate("new Promise((painted) => requestAnimationFrame(() => setTimeout(() => setTimeout(painted))))")


def intercept(page: Page, wanted: str | re.Pattern[str], handler: Callable[[Route], None], times: int | None = None) -> None:
    """`page.route`, in force when this returns. Chromium says that it is a little before: on a busy machine a page that is there
    already still sends its own requests past it."""
    page.route(wanted, handler, times=times)
    if page.url == "about:blank":
        return
    page.route("**/intercepted", lambda route: route.fulfill(body="yes"))
    processes.until(lambda: page.evaluate("fetch('/intercepted').then((answer) => answer.text())") == "yes", "requests are caught")
    page.unroute("**/intercepted")


def settle(page: Page, milliseconds: int = 0) -> None:
    """Wait until the page has done all that it was to do within so long, and what it asked then has come to its routes and listeners.

    A page keeps its timers in their order and sends its questions in theirs: a timer and a question of ours, set now, end after those.
    """
    page.route("**/settled", lambda route: route.fulfill(body="yes"))
    page.evaluate("(time) => new Promise((over) => setTimeout(over, time)).then(() => fetch('/settled'))", milliseconds)
    page.unroute("**/settled")
