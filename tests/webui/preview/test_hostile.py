"""Looking at hostile messages harms nobody: no request, no script, not even a connection leaves the browser, wherever it is clicked."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Error, Page, expect

from tests import effort
from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.webui.hostile import LEADS, VECTORS, Sink, collected, come, listening, phishing
from tests.webui.site import Site

EVERY = 1 if effort.FULL else 3  # of the messages that are looked at


@pytest.fixture(scope="module")
def browser(browser: Browser) -> Iterator[Browser]:
    """The whole browser, as staff have it."""
    with contextlib.closing(browser_peer.launch_browser(browser.browser_type, program=browser_peer.WHOLE)) as whole:
        yield whole


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A place outside that must never hear of us."""
    with listening() as made:
        yield made


def looked_through(site: Site, page: Page, sink: Sink, subjects: list[str]) -> list[Any]:
    """Walk through these messages with the keys and click all over each; the requests to anywhere else, and the dialogs."""
    strays: list[Any] = []

    def dismiss(dialog: Dialog) -> None:
        strays.append(dialog.message)
        dialog.dismiss()

    page.on("request", lambda asked: strays.append(asked.url) if not asked.url.startswith((site.url, "data:")) else None)
    page.on("dialog", dismiss)
    page.context.on("page", lambda opened: strays.append(opened.url))
    site.open_console(page, path=f"/?q={subjects[0].split()[0]}")
    page.get_by_role("group", name="Group by").get_by_role("button", name="None").click()
    expect(page.get_by_role("option").first).to_be_visible()
    page.locator("#content").focus()
    page.keyboard.press("Home")
    waiting = set(subjects)
    while waiting:
        row = page.locator(".row.at")
        waiting.remove(subject := next(one for one in waiting if one in row.inner_text()))
        expect(page.get_by_role("heading", name=subject, exact=True)).to_be_visible()
        shown = page.locator("iframe:visible")
        expect(shown).to_have_count(1)
        box = shown.bounding_box()
        assert box is not None
        for across, down in ((0.1, 0.05), (0.5, 0.3), (0.3, 0.6), (0.9, 0.9)):
            page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
        page.mouse.click(box["x"] + 20, box["y"] + 20, button="middle")
        assert page.url.startswith(site.url)
        page.locator("#content").focus()
        page.keyboard.press("j")
        if waiting:
            expect(row).not_to_contain_text(subject)  # the next page may be on its way
    return strays + sink.seen


def test_nothing_leaves_the_browser(site: Site, page: Page, sink: Sink) -> None:
    assert VECTORS >= 100
    subjects = come(site, "Vector", [vector.replace("SINK", sink.address) for vector in LEADS[::EVERY]])
    assert looked_through(site, page, sink, subjects) == []


@pytest.mark.long
def test_the_same_messages_would_do_harm_elsewhere(browser: Browser, sink: Sink) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.dismiss())
    for vector in (LEADS[0], LEADS[1], LEADS[4], LEADS[5], LEADS[10]):
        before = len(sink.seen)
        with contextlib.suppress(Error):  # some lead away from the page at once
            page.set_content(vector.replace("SINK", sink.address), wait_until="commit")
        processes.until(lambda: len(sink.seen) > before, "a mail that nobody cleaned connects")  # noqa: B023 (asked at once)
    context.close()


@pytest.mark.corpus
@pytest.mark.long
def test_nor_with_what_others_have_collected(site: Site, page: Page, sink: Sink, corpus: Path) -> None:
    assert looked_through(site, page, sink, come(site, "Collected", collected(corpus))) == []


@pytest.mark.long
@pytest.mark.corpus
def test_nor_with_real_phishing(site: Site, page: Page, sink: Sink, corpus: Path) -> None:
    assert looked_through(site, page, sink, come(site, "Phish", phishing(corpus)[::EVERY])) == []
