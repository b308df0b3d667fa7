"""A message beside the list: what its links say and where they go, what was not loaded, why it was held, and who got it."""

import re

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import update
from sqlmodel import col

from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import NO_DMARC
from tests.webui.shell.test_budget import until
from tests.webui.site import JOE, MARA, Site
from triage import ids
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content, Message
from triage.times import utcnow

LETTER = (
    'From: "Joe Fern" <joe@links.example>\r\nTo: joe.fern@company.example\r\nSubject: Renew it\r\nMIME-Version: 1.0\r\n'
    "Content-Type: text/html\r\n\r\n"
    '<p>Dear Joe, <a href="https://login.links.example/renew?u=1">https://intranet.company.example/</a> or'
    ' <a href="https://help.links.example/">our help</a>.</p><img src="https://img.links.example/a.png" width="600" height="80">'
)


def test_links_are_text_with_what_they_really_open(site: Site, page: Page) -> None:
    site.come(JOE, MARA, author="joe@links.example", raw=LETTER.encode(), dmarc=NO_DMARC)
    site.open_console(page, path="/?q=from:links.example")
    page.get_by_role("option").click()
    page.get_by_role("button", name="2 links, 1 with a warning").click()
    table = page.get_by_role("table", name="Links")
    lying, honest = table.get_by_role("row").nth(1), table.get_by_role("row").nth(2)
    expect(table.get_by_role("columnheader")).to_have_text(["#", "Text shown", "Real target", "Warning"])
    cells = lying.get_by_role("cell")
    expect(cells.nth(1)).to_have_text("https://intranet.company.example/")
    expect(cells.nth(2)).to_have_text("https://login.links.example/renew?u=1")
    expect(cells.nth(2).locator("b")).to_have_text("login.links.example")
    expect(cells.nth(3)).to_have_text("Link text and target differ: shows intranet.company.example, opens login.links.example.")
    expect(honest.get_by_role("cell").nth(3)).to_be_empty()
    expect(table.get_by_role("link")).to_have_count(0)
    expect(page.get_by_text("1 remote image not loaded")).to_be_visible()
    why = page.get_by_role("region", name="Why it was held")
    expect(why).to_contain_text("joe@links.example is not a known sender yet.")
    expect(why).to_contain_text("Display name is that of a colleague")
    page.get_by_role("button", name="All reasons").click()
    page.get_by_text(re.compile("^Priority ")).click()
    expect(why).to_contain_text("Every message starts at 50.")
    page.keyboard.press("3")
    analysis = page.get_by_role("region", name="Header analysis")
    expect(analysis.get_by_role("row", name="DMARC")).to_be_visible()
    expect(analysis.get_by_role("row", name="this server")).to_contain_text("mx.supplier.example")
    fields = analysis.get_by_label("Headers", exact=True)
    expect(fields).to_be_hidden()
    analysis.get_by_text("Header fields").click()
    expect(fields).to_contain_text('From: "Joe Fern" <joe@links.example>')
    analysis.get_by_text("Source", exact=True).click()
    expect(analysis.get_by_label("Source", exact=True)).to_contain_text("Content-Type:")
    page.keyboard.press("4")
    expect(page.get_by_role("region", name="Recipients", exact=True).get_by_role("row")).to_have_count(3)
    page.keyboard.press("2")
    expect(page.frame_locator("iframe.shown").locator("body")).to_contain_text("https://intranet.company.example/")


@pytest.mark.long
def test_mail_whose_time_is_over_says_so_and_keeps_nobody_from_the_console(site: Site, page: Page) -> None:
    (mail,) = site.come(JOE, author="old@erased.example", subject="Long ago")
    with db.transaction(site.engine) as session:
        message = session.get_one(Message, session.get_one(Delivery, ids.parse_id(mail)).message_id)
        session.execute(update(Content).where(col(Content.id) == message.content_id).values(zstd=None, erased_at=utcnow()))
    site.open_console(page, path="/?q=from:erased.example")
    page.get_by_role("option").click()
    expect(page.frame_locator("iframe.shown").locator("body")).to_contain_text("was erased: its retention period is over.")
    page.keyboard.press("d")
    expect(page.get_by_role("status").filter(has_text="was erased: its retention period is over")).to_be_visible()
    expect(page.get_by_role("option")).to_be_visible()


@pytest.mark.long
def test_the_source_is_saved_by_a_key(site: Site, page: Page) -> None:
    site.come(JOE, author="kept@source.example", subject="To keep")
    site.open_console(page, path="/?q=from:source.example")
    page.get_by_role("option").click()
    with page.expect_download() as download:
        page.keyboard.press("d")
    assert download.value.suggested_filename.endswith(".eml")
    assert b"Subject: To keep" in download.value.path().read_bytes()


@pytest.mark.long
def test_why_is_told_of_the_mail_that_is_shown(site: Site, page: Page) -> None:
    for subject in ("The first", "The second"):
        site.come(JOE, author="why@asked.example", subject=subject)
    site.open_console(page, path="/?q=from:asked.example")
    page.get_by_role("button", name="None").click()
    late: list[Route] = []

    def keep(route: Route) -> None:
        late.append(route)

    browser_peer.intercept(page, "**/rules/explain", keep)
    summary = page.get_by_text("Other matching rules, and today’s result")
    page.get_by_role("option").nth(0).click()
    page.get_by_role("button", name="All reasons").click()
    summary.click()
    until(page, lambda: len(late) == 1)
    page.get_by_role("option").nth(1).click()
    late[0].fulfill(status=409, json={"detail": "this is about the first one"})
    summary.click()
    until(page, lambda: len(late) == 2)
    expect(page.get_by_text("This is about the first one.")).to_have_count(0)
    late[1].fulfill(status=409, json={"detail": "this is about the second one"})
    expect(page.get_by_text("This is about the second one.")).to_be_visible()


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1366, 768)])
def test_the_message_has_three_fifths_of_the_pane(site: Site, page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    author = f"joe@w{width}.example"
    site.come(JOE, author=author, raw=LETTER.replace("joe@links.example", author).encode(), dmarc=NO_DMARC)
    site.open_console(page, path=f"/?q=from:{author}")
    page.get_by_role("option").click()
    links = page.get_by_role("button", name="2 links, 1 with a warning")
    expect(links).to_have_attribute("aria-expanded", "false")
    pane = page.get_by_role("region", name="Message", exact=True).bounding_box()
    shown = page.locator(".framed").bounding_box()
    assert pane
    assert shown
    assert shown["height"] >= 0.6 * pane["height"]
    links.click()
    expect(page.get_by_role("table", name="Links")).to_be_visible()


@pytest.mark.long
def test_in_a_wide_pane_the_evidence_stands_beside_the_message(site: Site, page: Page) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    site.come(JOE, author="joe@wide.example", raw=LETTER.replace("joe@links", "joe@wide").encode(), dmarc=NO_DMARC)
    site.open_console(page, path="/?q=from:wide.example")
    page.get_by_role("option").click()
    beside = page.get_by_role("complementary", name="Evidence")
    expect(beside.get_by_role("table", name="Links")).to_be_visible()
    expect(beside).to_contain_text("Display name is that of a colleague")
    at = beside.bounding_box()
    shown = page.locator(".framed").bounding_box()
    assert at
    assert shown
    assert shown["x"] + shown["width"] <= at["x"]
    page.set_viewport_size({"width": 1600, "height": 1080})  # less than 1,000 pixels for the pane
    expect(beside).to_have_count(0)
    expect(page.get_by_role("button", name="All reasons")).to_be_visible()
