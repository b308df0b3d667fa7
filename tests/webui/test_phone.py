"""By touch on a phone: one column, the text first, and release, block and undo without a key."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.peers import processes
from tests.webui.access import faults
from tests.webui.site import JOE, Site

BUTTON = 48  # pixels that a thumb hits (console.md)


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A phone held upright."""
    context = browser.new_context(
        viewport={"width": 375, "height": 740}, has_touch=True, is_mobile=True, locale="en-GB", reduced_motion="reduce"
    )
    context.set_default_timeout(processes.HANG * 1000)
    yield context.new_page()
    context.close()


def row(page: Page, subject: str) -> Locator:
    return page.get_by_role("option").filter(has_text=subject)


def touchable(button: Locator) -> Locator:
    """On screen, and large enough for a thumb."""
    expect(button).to_be_in_viewport(ratio=1)
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= BUTTON
    return button


def test_released_blocked_and_undone_by_touch(site: Site, phone: Page) -> None:
    site.come(JOE, author="hello@phone.example", subject="Wanted on the way")
    site.come(JOE, author="spam@phone.example", subject="Not wanted at all")
    site.sit_down(phone)
    expect(row(phone, "Wanted on the way")).to_be_visible()
    expect(phone.get_by_role("region", name="Message")).to_be_hidden()
    assert faults(phone) == []
    row(phone, "Wanted on the way").tap()
    expect(phone.get_by_role("region", name="Queue")).to_be_hidden()
    expect(phone.get_by_role("tab", name="Text")).to_have_attribute("aria-selected", "true")
    expect(phone.frame_locator("iframe.shown").locator("body")).to_contain_text("Hello")
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 375
    assert faults(phone) == []
    verbs = [
        touchable(phone.get_by_role("button", name=name, exact=True))
        for name in ("Release", "Release and approve", "Block sender", "Purge")
    ]
    verbs[0].tap()
    toast = phone.get_by_role("status").filter(has_text="Released “Wanted on the way”.")
    expect(toast).to_be_visible()
    undo = touchable(toast.get_by_role("button", name="Undo"))
    for one in verbs:  # what was done and the way back lie over no verb
        expect(one).to_be_in_viewport(ratio=1)
        one.tap(trial=True)
    undo.tap()
    expect(phone.get_by_role("status").filter(has_text="Undone. “Wanted on the way” is back.")).to_be_visible()
    expect(phone.locator(".view h2")).to_have_text("Wanted on the way")
    phone.get_by_role("button", name="Queue", exact=True).tap()
    row(phone, "Not wanted at all").tap()
    verbs[2].tap()
    sheet = phone.get_by_role("dialog")
    expect(sheet.get_by_role("row", name="Held here")).to_be_visible()
    touchable(sheet.get_by_role("button", name="Block and purge 1 mail")).tap()
    blocked = phone.get_by_role("status").filter(has_text="Purged and blocked “Not wanted at all”.")
    touchable(blocked.get_by_role("button", name="Undo")).tap()
    expect(phone.get_by_role("status").filter(has_text="Undone. “Not wanted at all” is back.")).to_be_visible()
