"""Views in the audit log: messages on the screen count, messages read ahead do not; signing in views one message."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect
from sqlalchemy import select
from sqlmodel import col

from tests.conftest import settings_in
from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.webui.site import JOE, MARA, Site, running
from triage.quarantine import viewings
from triage.store import db
from triage.store.models.audit import AuditRecord, Viewing
from triage.store.models.directory import ConfidentialFolder
from triage.store.models.messages import Message
from triage.times import utcnow

PAUSE = 700  # milliseconds in which what is on the screen would have been said to be
HELD_KEY = (
    "for (const _ of Array(3)) document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true, cancelable: true }))"
)
WRONG_CLOCK = "const now = Date.now; Date.now = () => now() - 400 * 86400e3"


@pytest.fixture
def site(database_url: str, tmp_path: Path, sqlite_template: Path) -> Iterator[Site]:
    """A company's console on each kind of database, and five messages for Joe."""
    with running(tmp_path, sqlite_template, settings_in(tmp_path), database=database_url) as made:
        for letter in "ABCDE":
            made.come(JOE, author=f"{letter.lower()}@offers.example", subject=f"Offer {letter}")
        yield made


def looks(site: Site, *acts: str) -> list[str]:
    """Entries about fetches and views, oldest first: "viewed Offer A"."""
    with db.read_transaction(site.engine) as session:
        named = {viewings.subject_of(one.id): one.summary["subject"] for one in session.scalars(select(Message))}
        wanted = select(AuditRecord).where(col(AuditRecord.act).in_(acts or sorted(viewings.LOOKS))).order_by(col(AuditRecord.id))
        return [f"{one.act} {named[one.subject]}" for one in session.scalars(wanted)]


def read_ahead(site: Site) -> set[str]:
    """The subjects of what was read ahead and not shown yet."""
    with db.read_transaction(site.engine) as session:
        rows = select(Message).join(Viewing, col(Viewing.message_id) == col(Message.id)).where(col(Viewing.ahead) > 0)
        return {one.summary["subject"] for one in session.scalars(rows)}


def until(fits: Callable[[], bool], what: str) -> None:
    processes.until(fits, what)


def shown(page: Page) -> str:
    """The subject of the message beside the list."""
    return page.locator("section.view h2").inner_text()


@pytest.mark.long
def test_signing_in_views_the_message_on_the_screen_and_no_other(site: Site, page: Page, other_page: Page) -> None:
    site.open_console(page)
    first = shown(page)
    until(lambda: looks(site, "viewed") == [f"viewed {first}"], "the message on the screen is viewed")
    until(lambda: len(read_ahead(site)) == 2, "its neighbours are read ahead")
    browser_peer.settle(page, PAUSE)
    ahead = read_ahead(site)
    assert first not in ahead
    assert set(looks(site)) <= {f"fetch {first}", f"viewed {first}"}
    with db.transaction(site.engine) as session:
        viewings.settle_fetches(session, now=utcnow() + timedelta(minutes=11))
    assert set(looks(site)) - {f"fetch {first}"} == {f"viewed {first}", *(f"fetch {subject}" for subject in ahead)}
    for login, told in (("otto", True), ("ida", False)):
        other_page.context.clear_cookies()
        site.open_console(other_page, login, path="/?q=from:offers.example")
        for subject in (first, next(iter(ahead))):
            other_page.get_by_role("option").filter(has_text=subject).click()
            other_page.keyboard.press("5")
            history = other_page.get_by_role("region", name="History and comments")
            expect(history).to_contain_text("Arrived for")
            assert ("Viewed by Ana Roth." in history.inner_text()) is (told and subject == first)
            assert ("Fetched in advance by the console of Ana Roth, and not shown." in history.inner_text()) is (told and subject != first)
        other_page.goto(f"{site.url}/audit")
        views = other_page.get_by_role("row").filter(has=other_page.get_by_text("viewed", exact=True))
        expect(views.filter(has_text="person:ana" if told else "hidden")).not_to_have_count(0)
        expect(views.filter(has_text="hidden" if told else "person:ana")).to_have_count(0)


@pytest.mark.long
def test_a_message_that_a_held_key_passes_is_not_viewed_whatever_the_browser_s_clock_says(site: Site, page: Page) -> None:
    page.add_init_script(WRONG_CLOCK)
    site.open_console(page)
    first = shown(page)
    until(lambda: looks(site, "viewed") == [f"viewed {first}"], "the first is viewed")
    page.evaluate(HELD_KEY)
    last = shown(page)
    assert last != first
    until(lambda: looks(site, "viewed") == [f"viewed {first}", f"viewed {last}"], "the last is viewed")
    browser_peer.settle(page, PAUSE)
    assert looks(site, "viewed") == [f"viewed {first}", f"viewed {last}"]
    page.keyboard.press("k")
    between = shown(page)
    until(lambda: looks(site, "viewed")[2:] == [f"viewed {between}"], "the one between is viewed when it is shown")
    page.keyboard.press("j")
    browser_peer.settle(page, PAUSE)
    assert len(looks(site, "viewed")) == 3, "once in five minutes"
    with db.read_transaction(site.engine) as session:
        times = session.scalars(select(col(AuditRecord.at)).where(col(AuditRecord.act) == "viewed")).all()
    assert all(abs(utcnow() - at) < timedelta(hours=1) for at in times)


@pytest.mark.long
def test_what_other_tabs_cover_is_not_viewed_and_headers_are(site: Site, page: Page) -> None:
    site.open_console(page)
    until(lambda: len(looks(site, "viewed")) == 1, "the first is viewed")
    page.keyboard.press("4")
    page.keyboard.press("j")
    second = shown(page)
    expect(page.get_by_role("region", name="Recipients", exact=True)).to_be_visible()
    browser_peer.settle(page, PAUSE)
    assert f"viewed {second}" not in looks(site)
    page.keyboard.press("3")
    until(lambda: f"viewed {second}" in looks(site), "its headers are shown")
    page.keyboard.press("j")
    third = shown(page)
    until(lambda: f"viewed {third}" in looks(site), "the headers of the next one are shown")
    page.keyboard.press("4")
    page.keyboard.press("j")
    fourth = shown(page)
    browser_peer.settle(page, PAUSE)
    page.keyboard.press("1")
    until(lambda: f"viewed {fourth}" in looks(site), "it is shown itself")


@pytest.mark.long
def test_a_phone_that_shows_the_list_views_nothing(site: Site, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 700}, has_touch=True, is_mobile=True)
    context.set_default_timeout(processes.HANG * 1000)
    page = context.new_page()
    site.open_console(page)
    row = page.get_by_role("option").first
    expect(row).to_be_visible()
    until(lambda: len(read_ahead(site)) == 3, "messages are read ahead")
    browser_peer.settle(page, PAUSE)
    assert looks(site) == []
    row.tap()
    until(lambda: [one.partition(" ")[0] for one in looks(site)] == ["viewed"], "it is shown")
    context.close()


def test_what_needs_a_reason_is_never_read_ahead(site: Site, page: Page) -> None:
    with db.transaction(site.engine) as session:
        session.add_all(ConfidentialFolder(kind="person", name="mara.berg", login=login) for login in ("", "ana"))
    site.come(MARA, author="z@clinic.example", subject="Findings")
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/view?" in request.url:
            asked.append(request.url)

    page.on("request", note)
    site.open_console(page)
    findings, offer, other = (page.get_by_role("option").filter(has_text=subject) for subject in ("Findings", "Offer A", "Offer B"))
    other.click()
    until(lambda: "viewed Offer B" in looks(site), "an open one is viewed")
    findings.click()
    expect(page.get_by_text("This message is confidential.")).to_be_visible()
    browser_peer.settle(page, PAUSE)
    assert not [one for one in looks(site) if "Findings" in one]
    page.get_by_label("Reason", exact=True).fill("Mara asked")
    page.get_by_role("button", name="Open the message").click()
    until(lambda: "viewed Findings" in looks(site), "it is viewed")
    opened = [one for one in looks(site) if "Findings" in one]
    assert sorted(set(opened)) == ["fetch Findings", "open Findings", "viewed Findings"]
    offer.click()
    until(lambda: "viewed Offer A" in looks(site), "another one is viewed")
    browser_peer.settle(page, PAUSE)
    assert [one for one in looks(site) if "Findings" in one] == opened, "it is not opened by itself"
    assert "Findings" not in read_ahead(site)
    assert not [url for url in asked if "reason=" in url and "ahead=" in url]
