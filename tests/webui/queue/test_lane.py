"""The lane of time-limited messages that the list does not show, and a key that leads to any of them from every folder."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.peers.browsers import browser as browser_peer
from tests.webui.access import faults
from tests.webui.site import JOE, MARA, Site

CODE = "Your {} sign-in code is 481 922. It is valid for {} minutes."

WIDTHS = (320, 390, 430, 759, 760, 800, 900, 979, 980, 1100, 1280)


@pytest.fixture
def german_page(browser: Browser) -> Iterator[Page]:
    """The desk of somebody who reads German."""
    with browser_peer.open_page(browser, "de-DE") as opened:
        yield opened


def says_so_at_every_width(page: Page, *words: str) -> None:
    """The button of what expires soon has its words whole, in the line of what it stands beside."""
    told, tools = page.locator(".soon :is(.long, .short)"), page.locator(".tools")
    expect(told).to_have_count(2)
    whole = page.viewport_size
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 700})
        seen = [one for one in told.all() if one.is_visible() and one.evaluate("one => getComputedStyle(one).clipPath") == "none"]
        assert [one.inner_text() in words for one in seen] == [True], width
        assert tools.evaluate("one => one.scrollWidth <= one.clientWidth && one.clientHeight < 40"), width
    assert whole is not None
    page.set_viewport_size(whole)


def test_what_expires_elsewhere_stands_above_the_list_and_a_key_leads_to_it(site: Site, page: Page, german_page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    site.come(JOE, subject="Your order")
    for each in (german_page, page):  # what the lane shows from the start is read before anything else comes
        with each.expect_response(lambda answer: "group=none" in answer.url and "limit=20" in answer.url):
            site.open_console(each, path="/?department=it")
        expect(each.get_by_role("option").filter(has_text="Your order")).to_be_visible()
    lane = page.get_by_role("region", name="Time-limited messages")
    expect(lane).to_have_count(0)
    site.come(MARA, author="no-reply@portal.example", subject="Sign in", text=CODE.format("Portal", 50))
    site.come(JOE, author="no-reply@bank.example", subject="Your code", text=CODE.format("Bank", 20))
    row = page.get_by_role("option").filter(has_text="Your order")
    place = row.bounding_box()
    expect(page.get_by_role("status").get_by_role("button", name="2 time-limited")).to_be_visible()
    expect(lane).to_have_count(0)
    assert row.bounding_box() == place  # nothing moves under the cursor
    says_so_at_every_width(page, "2 time-limited", "2 limited")
    says_so_at_every_width(german_page, "2 befristet", "2 befristet")
    page.locator("#content").focus()
    page.keyboard.press(".")  # what is new, and with it what expires soon
    expect(lane.get_by_role("button")).to_have_count(1)  # the other one stands in the list
    expect(page.get_by_role("button", name="2 time-limited")).to_have_count(0)
    expect(lane.get_by_role("heading")).to_contain_text("1 time-limited message not in this list")
    expect(lane.get_by_role("button").first).to_contain_text("Sign in")
    expect(lane.get_by_role("button").first).to_contain_text(re.compile("in (4[0-9]|50) min"))
    expect(page.get_by_role("option").first).to_contain_text(re.compile("Your code.*valid for (1[0-9]|20) min"))
    page.locator("#content").focus()
    page.keyboard.press("u")
    expect(page.get_by_role("heading", level=2, name="Your code")).to_be_visible()
    assert page.url == site.url + "/?department=it"
    page.keyboard.press("u")  # lies in another folder: the list is the whole queue now
    expect(page.get_by_role("heading", level=2, name="Sign in")).to_be_visible()
    assert page.url == site.url + "/"
    expect(page.locator(".row.at")).to_contain_text("Sign in")
    assert faults(page) == []
    expect(lane).to_have_count(0)  # each stands once
