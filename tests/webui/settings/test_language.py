"""The console in German, and mail that is written from right to left."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.peers.browsers import browser as browser_peer
from tests.webui.access import faults
from tests.webui.shell.test_places import SIDEWAYS, at_rest
from tests.webui.site import JOE, Site

GERMAN = {
    "/": "Ganze Firma",
    "/outgoing": "Postausgang",
    "/requests": "Anfragen",
    "/approvals": "Vier-Augen-Freigaben",
    "/decisions": "Entscheidungen",
    "/first-day": "Erster Tag",
    "/campaigns": "Kampagnen",
    "/rules": "Regeln",
    "/contacts": "Kontakte",
    "/people": "Beschäftigte",
    "/reports": "Berichte",
    "/training": "Training",
    "/staff": "Team",
    "/audit": "Protokoll",
    "/enforcement": "Durchsetzung",
    "/system": "Tokens und Webhooks",
    "/settings": "Einstellungen",
}


@pytest.mark.long
def test_a_language_follows_the_account(site: Site, page: Page, other_page: Page) -> None:
    site.open_console(page, "ana", "/settings")
    page.get_by_label("Deutsch").click()
    expect(page.get_by_role("heading", level=1, name="Einstellungen")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    site.open_console(other_page, "ana", "/rules")
    expect(other_page.get_by_role("heading", level=1, name="Regeln")).to_be_visible()
    page.get_by_label("wie der Browser").click()
    expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()


@pytest.mark.long  # test_german.py reads each page, test_access.py looks at each with axe, test_places.py at 320 pixels
@pytest.mark.parametrize("width", [1280, 320])
def test_every_page_in_german(site: Site, browser: Browser, width: int) -> None:
    site.come(JOE, author="sales@german.example", subject="Guten Tag")
    with browser_peer.open_page(browser, locale="de-DE", width=width) as page:
        site.open_console(page, "ida")
        for path, title in GERMAN.items():
            page.goto(site.url + path)
            expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
            assert at_rest(page) == [], path
            assert faults(page) == [], path


def test_a_decision_in_german(site: Site, browser: Browser) -> None:
    site.come(JOE, author="sales@deciding.example", subject="Über 1.000 Angebote")
    with browser_peer.open_page(browser, locale="de-DE") as page:
        site.open_console(page, "sam")
        row = page.get_by_role("option").filter(has_text="Über 1.000 Angebote")
        row.click()
        expect(row).to_contain_text("an Joe Fern")
        why = page.get_by_role("region", name="Warum sie zurückgehalten wurde")
        expect(why).to_contain_text("sales@deciding.example ist noch kein bekannter Absender.")
        expect(why).to_contain_text("DMARC besteht (DKIM)")
        page.keyboard.press("r")
        told = page.get_by_role("status").filter(has_text="Freigegeben: „Über 1.000 Angebote“.")
        expect(told).to_be_visible()
        expect(told).to_contain_text(re.compile(r"Zustellung in \d+ Sekunden\."))
        page.keyboard.press("z")
        expect(page.get_by_role("status").filter(has_text="Rückgängig gemacht. „Über 1.000 Angebote“ ist wieder da.")).to_be_visible()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Tastenkürzel")).to_contain_text("Meine letzte Entscheidung rückgängig machen")
        page.keyboard.press("Escape")
        assert page.evaluate(SIDEWAYS) == []


@pytest.mark.long
def test_german_is_no_part_of_what_others_fetch(site: Site, page: Page) -> None:
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    site.open_console(page, "sam")
    assert not [url for url in fetched if re.search(r"/de-[^/]*\.js", url)]


@pytest.mark.long
def test_mail_from_right_to_left(site: Site, page: Page) -> None:
    raw = (
        "From: =?utf-8?q?=D7=A9=D7=9C=D7=95=D7=9D?= <shalom@hebrew.example>\r\nTo: joe.fern@company.example\r\n"
        "Subject: =?utf-8?q?=D7=A9=D7=9C=D7=95=D7=9D_=D7=9C=D7=9A?=\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        "שלום לך, זה מכתב.\r\n\r\nAnd this is English.\r\n"
    ).encode()
    site.come(JOE, author="shalom@hebrew.example", raw=raw)
    site.open_console(page, "sam")
    row = page.get_by_role("option").filter(has_text="שלום לך")
    row.click()
    for shown in (row.locator("bdi").filter(has_text="שלום לך"), page.get_by_role("heading", level=2).locator("bdi")):
        expect(shown).to_have_css("unicode-bidi", "isolate")
    text = page.frame_locator("iframe:visible").locator(".tx")
    expect(text).to_contain_text("זה מכתב")
    expect(text).to_have_css("unicode-bidi", "plaintext")


@pytest.mark.parametrize(
    "html", ['<html dir="rtl"><body><p>{}</p></body></html>', '<p dir="rtl">{}</p>', '<p style="direction: rtl">{}</p>']
)
@pytest.mark.long
def test_html_mail_from_right_to_left(site: Site, page: Page, html: str) -> None:
    subject = f"Mail of {len(html)} letters"
    head = f"From: shalom@hebrew.example\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    site.come(JOE, author="shalom@hebrew.example", subject=subject, raw=(head + html.format("שלום לך!")).encode())
    site.open_console(page, "sam")
    page.get_by_role("button", name="None").click()
    page.get_by_role("option").filter(has_text=subject).click()
    expect(page.frame_locator("iframe:visible").get_by_text("שלום לך!")).to_have_css("direction", "rtl")


@pytest.mark.parametrize(
    ("locale", "shown"),
    [("en-GB", r"^\d{1,2} [A-Z][a-z]{2,3} \d{4}, \d\d:\d\d [A-Z]{3,4}$"), ("de-DE", r"^\d{1,2}\. \w{3,4}\.? \d{4}, \d\d:\d\d [A-Z]{3,4}$")],
)
@pytest.mark.long
def test_dates_by_locale(site: Site, browser: Browser, locale: str, shown: str) -> None:
    with browser_peer.open_page(browser, locale=locale) as page:
        site.open_console(page, "ida", "/audit")
        expect(page.locator("time").first).to_have_text(re.compile(shown))
