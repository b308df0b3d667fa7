"""An empty system explains its next step, in either language, until the first message is there."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.peers.browsers import browser as browser_peer
from tests.webui.access import faults
from tests.webui.settings.test_german import left
from tests.webui.site import JOE, Site


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_before_the_first_mail(site: Site, browser: Browser, locale: str) -> None:
    with browser_peer.open_page(browser, locale=locale, width=320) as page:
        site.open_console(page, "ida")
        expect(page.get_by_text("mailroom doctor")).to_be_visible()
        assert faults(page) == []
        if locale == "de-DE":
            assert left(page) == []
    with browser_peer.open_page(browser, locale=locale) as page:
        site.open_console(page, "ana")
        expect(page.get_by_role("main").locator('a[href="/training"]')).to_be_visible()
        expect(page.get_by_text("mailroom doctor")).to_have_count(0)


@pytest.mark.long
def test_the_first_mail_takes_their_place(site: Site, page: Page) -> None:
    site.open_console(page, "ida")
    expect(page.get_by_text("Next steps")).to_be_visible()
    site.come(JOE, subject="The first one")
    expect(page.get_by_role("option").filter(has_text="The first one")).to_be_visible()
    expect(page.get_by_text("Next steps")).to_have_count(0)
    page.get_by_role("option").click()
    page.keyboard.press("r")
    expect(page.get_by_role("status").filter(has_text="Released")).to_be_visible()
    page.reload()
    expect(page.get_by_text("No messages need a decision.")).to_be_visible()
    expect(page.get_by_text("Next steps")).to_have_count(0)
