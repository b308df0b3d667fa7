"""A laptop of 1,366 by 768, as it is and at 150 % zoom: everything of a message can be come to, and nothing lies over anything."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

from tests import effort
from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import NO_DMARC
from tests.webui.access import faults
from tests.webui.shell.test_phone import LIE, LINES
from tests.webui.site import JOE, Site

WIDTH, HEIGHT = 911, 512
LONG = "\r\n\r\n".join(f"Paragraph {number}" for number in range(60))


@pytest.fixture(params=[effort.long("en-GB"), "de-DE"])
def laptop(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A small window of each language."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, locale=request.param, reduced_motion="reduce")
    context.set_default_timeout(processes.HANG * 1000)
    yield context.new_page()
    context.close()


def box(one: Locator) -> FloatRect:
    """Position on the screen."""
    found = one.bounding_box()
    assert found is not None
    return found


def bottom(one: Locator) -> float:
    return box(one)["y"] + box(one)["height"]


def right(one: Locator) -> float:
    return box(one)["x"] + box(one)["width"]


def test_a_mail_is_read_to_its_end(site: Site, laptop: Page) -> None:
    site.come(JOE, author="boss@company-example.test", raw=LIE, dmarc=NO_DMARC)
    site.come(JOE, author="nora.feld@brass-works.example", subject="A long letter", text=LONG, dmarc=NO_DMARC)
    site.open_console(laptop)
    for subject, lines in (("Pay this today", LINES / 3), ("A long letter", LINES)):  # why the first one is risky takes the room
        laptop.get_by_role("option").filter(has_text=subject).click()
        view, verbs, frame = laptop.locator(".view"), laptop.locator(".acts"), laptop.locator("iframe.shown")
        expect(frame).to_be_visible()
        expect(laptop.locator("#tab-people .num")).to_be_visible()  # all of the message is here
        browser_peer.load_fonts(laptop)
        assert box(frame)["y"] + lines <= box(verbs)["y"], f"{subject} is not on the first screen"
        view.evaluate("view => view.scrollTo(0, view.scrollHeight)")
        assert bottom(frame) <= box(verbs)["y"] + 1, "the verbs lie over the end of the mail"
        assert bottom(verbs) <= HEIGHT
        assert faults(laptop) == []
    laptop.get_by_role("option").filter(has_text="Pay this today").click()
    assert view.evaluate("view => view.scrollTop") == 0, "the next mail begins in its midst"


@pytest.mark.long
def test_nothing_lies_over_anything(site: Site, laptop: Page) -> None:
    for name in ("one", "two"):
        site.come(JOE, author=f"{name}@zoom.example", subject=f"Letter {name}")
    site.open_console(laptop, path="/?q=from:zoom.example")
    for tab in laptop.locator(".list nav a").all():
        assert right(tab) <= right(laptop.locator(".list")), tab.inner_text()
    expect(laptop.get_by_role("option")).to_have_count(2)
    laptop.keyboard.press("r")
    said = laptop.locator(".toast")
    expect(said).to_be_visible()
    assert right(said) <= box(laptop.locator(".view"))["x"], "it lies over the verbs"


@pytest.mark.long  # test_action_bar.py holds the line at every width
@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_the_verbs_are_one_line(site: Site, browser: Browser, locale: str) -> None:
    site.come(JOE, author="verbs@zoom.example", subject="To be decided")
    context = browser.new_context(viewport={"width": 1366, "height": 650}, locale=locale)
    context.set_default_timeout(processes.HANG * 1000)
    page = context.new_page()
    site.open_console(page, path="/?q=from:verbs@zoom.example")
    buttons = page.locator(".acts > .button")
    expect(buttons).to_have_count(5)
    browser_peer.load_fonts(page)
    middles = {round(box(one)["y"] + box(one)["height"] / 2) for one in buttons.all()}
    assert len(middles) == 1, "they take more than one line"
    assert all(one.evaluate("button => button.scrollWidth <= button.clientWidth") for one in buttons.all())
    context.close()
