"""Fingers on the queue: a row is swiped to the left to skip it, the top is pulled to refresh, and everything else scrolls."""

from collections.abc import Iterator, Sequence

import pytest
from playwright.sync_api import Browser, CDPSession, Locator, Page, expect

from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.webui.access import faults
from tests.webui.site import JOE, Site

STEPS = 8  # moves of a finger on its way


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A phone held upright."""
    context = browser.new_context(
        viewport={"width": 375, "height": 700}, has_touch=True, is_mobile=True, locale="en-GB", service_workers="block"
    )
    context.set_default_timeout(processes.HANG * 1000)
    yield context.new_page()
    context.close()


def row(page: Page, subject: str) -> Locator:
    return page.get_by_role("option").filter(has_text=subject)


def touch(finger: CDPSession, kind: str, points: Sequence[tuple[float, float]]) -> None:
    finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})


def begin(page: Page, where: Locator, by: tuple[float, float]) -> CDPSession:
    """A finger goes from the middle of this so far, and stays on the glass."""
    box = where.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"] / 2, 20)
    finger = page.context.new_cdp_session(page)
    touch(finger, "touchStart", [(x, y)])
    for step in range(1, STEPS + 1):
        touch(finger, "touchMove", [(x + by[0] * step / STEPS, y + by[1] * step / STEPS)])
    return finger


def drag(page: Page, where: Locator, by: tuple[float, float]) -> None:
    """A finger goes so far, and leaves."""
    touch(begin(page, where, by), "touchEnd", [])


def open_queue(site: Site, page: Page, sender: str, *subjects: str) -> None:
    """The queue of this sender's messages, with its part for fingers."""
    for subject in subjects:
        site.come(JOE, author=f"{subject.partition(' ')[0].lower()}@{sender}", subject=subject)
    with page.expect_response("**/assets/touch-*.js"):
        site.open_console(page, path=f"/?q=from:{sender}")
    for subject in subjects:
        expect(row(page, subject)).to_be_visible()
    browser_peer.load_fonts(page)


def test_a_row_is_skipped_by_a_swipe_and_comes_back_by_undo(site: Site, phone: Page) -> None:
    open_queue(site, phone, "swipe.example", "First of them", "Second of them")
    finger = begin(phone, row(phone, "First of them"), (-200, 6))
    expect(row(phone, "First of them")).to_have_attribute("data-far", "")
    assert faults(phone) == []
    touch(finger, "touchEnd", [])
    told = phone.get_by_role("status").filter(has_text="Skipped “First of them”.")
    expect(told).to_be_visible()
    expect(row(phone, "First of them")).to_contain_text("Skipped ·")
    expect(row(phone, "First of them")).not_to_have_attribute("data-swipe", "Skip")
    expect(phone.get_by_role("region", name="Message")).to_be_hidden()  # a swipe opens nothing
    told.get_by_role("button", name="Undo").tap()
    expect(row(phone, "First of them")).not_to_contain_text("Skipped ·")


@pytest.mark.long
@pytest.mark.parametrize(
    ("by", "why"), [((-100, 4), "too short"), ((160, 0), "to the right"), ((-120, 110), "slanting"), ((0, -150), "scrolling")]
)
def test_what_is_no_swipe_changes_nothing(site: Site, phone: Page, by: tuple[float, float], why: str) -> None:
    sender = f"{why.replace(' ', '-')}.example"
    open_queue(site, phone, sender, "Left alone")
    drag(phone, row(phone, "Left alone"), by)
    browser_peer.settle(phone, 300)
    expect(phone.get_by_role("status").filter(has_text="Skipped")).to_have_count(0)
    expect(row(phone, "Left alone")).not_to_contain_text("Skipped ·")
    expect(row(phone, "Left alone")).to_have_css("translate", "none")


@pytest.mark.long
def test_two_fingers_zoom(site: Site, phone: Page) -> None:
    open_queue(site, phone, "zoom.example", "Too small to read")
    finger = phone.context.new_cdp_session(phone)
    touch(finger, "touchStart", [(300, 300)])
    touch(finger, "touchStart", [(300, 300), (200, 300)])
    touch(finger, "touchMove", [(40, 300), (20, 300)])
    touch(finger, "touchEnd", [])
    expect(phone.get_by_role("status").filter(has_text="Skipped")).to_have_count(0)


@pytest.mark.long
def test_the_list_is_pulled_to_refresh(site: Site, phone: Page) -> None:
    open_queue(site, phone, "pull.example", "On top")
    finger = begin(phone, row(phone, "On top"), (4, 60))
    expect(phone.get_by_text("Pull to refresh")).to_be_visible()
    touch(finger, "touchEnd", [])
    expect(phone.get_by_text("Pull to refresh")).to_have_count(0)
    finger = begin(phone, row(phone, "On top"), (4, 180))
    expect(phone.get_by_text("Release to refresh")).to_be_visible()
    assert faults(phone) == []
    with phone.expect_response(lambda answer: "/api/v1/triage?" in answer.url and "from%3Apull" in answer.url):
        touch(finger, "touchEnd", [])
    expect(row(phone, "On top")).to_be_visible()
