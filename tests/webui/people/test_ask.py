"""The page on which employees see their own mail and ask for it: on a telephone, in light and dark, apart from the console."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete, update
from sqlmodel import col

from tests import effort
from tests.conftest import settings_in
from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import ANA
from tests.webui.access import faults
from tests.webui.held import Held
from tests.webui.settings.test_german import left
from tests.webui.site import JOE, MARA, Site, running
from tests.webui.tabbing import MOST, walked
from triage import ids
from triage.actor import Actor
from triage.config.settings import Notices
from triage.quarantine.requests import own_mail, release_requests
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import EmployeeSession
from triage.times import utcnow

RIGHT = "the directory's password"
LONG = "a-very-long-name-that-nobody-would-give-to-a-mailbox@an-equally-long-domain-name.of-a-subsidiary.example"


@pytest.fixture(scope="module")
def open_site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    """A company that lets its employees ask."""
    with asked(tmp_path_factory.mktemp("ask"), sqlite_template) as made:
        yield made


@contextlib.contextmanager
def asked(directory: Path, template: Path) -> Iterator[Site]:
    settings = replace(settings_in(directory), notices=Notices(requests=True, digest_at="16:00"))
    with running(directory, template, settings, lambda login, password: password == RIGHT) as made:
        yield made


def enter(page: Page, password: str = RIGHT, login: str = "joe.fern") -> None:
    page.get_by_label("Name").fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), effort.long(1280, "dark")])
def test_one_asks_for_the_mail_that_one_came_for(open_site: Site, page: Page, width: int, scheme: Literal["light", "dark"]) -> None:
    open_site.come(JOE, author=LONG, subject="x" * 300)
    (wanted,) = open_site.come(JOE, author=f"hotel@inn{width}.example", subject="Your room")
    open_site.come(MARA, subject="Not for Joe")
    page.set_viewport_size({"width": width, "height": 700})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{open_site.url}/ask?mail={wanted}")
    expect(page.get_by_label("Name")).to_be_focused()
    assert faults(page) == []
    enter(page, "wrong")
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    enter(page)
    expect(page.get_by_role("heading", name="Held messages")).to_be_focused()
    first = page.get_by_role("listitem").first
    expect(first).to_contain_text(f"hotel@inn{width}.example")
    assert "Not for Joe" not in page.content()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults(page) == []
    first.get_by_label("What is it about?").fill("my booking")
    with db.transaction(open_site.engine) as session:
        session.execute(delete(EmployeeSession))
    first.get_by_role("button", name="Request release").click()
    expect(page.get_by_role("alert")).to_contain_text("You were signed out")
    enter(page)
    expect(first.get_by_label("What is it about?")).to_have_value("my booking")
    first.get_by_role("button", name="Request release").click()
    expect(first.get_by_role("status")).to_have_text("You requested this message. Staff will review your request.")
    assert faults(page) == []


@pytest.mark.long
def test_what_the_digest_only_counts_is_warned_of(open_site: Site, page: Page) -> None:
    (crook,) = open_site.come(JOE, author="desk@counted.example", subject="Your password expires")
    with db.transaction(open_site.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == ids.parse_id(crook)).values(severity=3))
    page.goto(f"{open_site.url}/ask?mail={crook}")
    enter(page)
    first = page.get_by_role("listitem").first
    expect(first).to_contain_text("This message looks dangerous or was sent to many people. Request it only if you are sure")
    expect(page.get_by_text("This message looks dangerous")).to_have_count(1)
    assert faults(page) == []


@pytest.mark.long
def test_one_asks_without_a_pointer(open_site: Site, page: Page) -> None:
    keys = page.keyboard
    open_site.come(JOE, author="host@keys.example", subject="Your table")
    page.goto(f"{open_site.url}/ask")
    expect(page.get_by_label("Name")).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    assert walked(page) == [], "before the sign-in"
    page.get_by_label("Name").focus()
    keys.type("joe.fern")
    keys.press("Tab")
    keys.type(RIGHT)
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Held messages")).to_be_focused()
    table = page.get_by_role("listitem").filter(has_text="Your table")
    for _ in range(MOST):
        keys.press("Tab")
        if table.get_by_label("What is it about?").evaluate("field => field === document.activeElement"):
            break
    keys.type("dinner on Friday")
    keys.press("Enter")
    expect(table.get_by_role("status")).to_have_text("You requested this message. Staff will review your request.")
    page.evaluate("document.activeElement.blur()")
    assert walked(page) == [], "the messages"


@pytest.mark.long
def test_all_of_it_is_shown_page_by_page_and_can_be_asked_for(open_site: Site, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_mail, "AT_ONCE", 4)
    messages = [open_site.come(MARA, author=f"host{number}@pages.example", subject=f"Room {number}")[0] for number in range(10)]
    page.goto(f"{open_site.url}/ask?mail={messages[0]}")
    enter(page, login="mara.berg")
    waits = page.get_by_role("region", name="Held for review")
    items = waits.get_by_role("listitem")
    expect(items.first).to_contain_text("Room 0")
    more = waits.get_by_role("button", name="Show more")
    for shown in (5, 9):
        expect(items).to_have_count(shown)
        more.press("Enter")
        expect(items.nth(shown)).to_be_focused()
    expect(more).to_have_count(0)
    assert faults(page) == []
    last = items.filter(has_text="Room 1")
    before = items.all_inner_texts()
    last.get_by_role("button", name="Request release").press("Enter")
    expect(last.get_by_role("status")).to_be_focused()
    after = items.all_inner_texts()
    assert [text.split("\n")[0] for text in after] == [text.split("\n")[0] for text in before]


@pytest.mark.long
def test_a_letter_that_was_declined_in_vain_is_still_wanted(open_site: Site, page: Page) -> None:
    page.goto(f"{open_site.url}/ask")
    enter(page)
    box = page.get_by_role("checkbox", name="Send me a daily digest")
    expect(box).to_be_checked()
    browser_peer.intercept(page, "**/me/digest", lambda route: route.fulfill(status=429, json={"detail": "Not now."}))
    box.press("Space")
    expect(page.get_by_role("alert")).to_have_text("Not now.")
    expect(box).to_be_checked()
    expect(box).to_be_focused()


@pytest.mark.long
def test_a_mail_that_is_not_there_is_said_to_be_gone(open_site: Site, page: Page) -> None:
    page.goto(f"{open_site.url}/ask?mail=0000000000007")
    enter(page)
    expect(page.get_by_text("is not in this list")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_empty()


def test_signed_out_is_who_was_signed_out_and_leaves_nothing_behind(open_site: Site, page: Page) -> None:
    page.goto(f"{open_site.url}/ask")
    enter(page)
    page.get_by_label("Address or domain").fill("clinic@health.example")
    browser_peer.intercept(page, "**/me/session", lambda route: route.fulfill(status=429, json={"detail": "Too fast."}))
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("alert")).to_have_text("Too fast.")
    expect(page.get_by_label("Address or domain")).to_have_value("clinic@health.example")
    page.unroute("**/me/session")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Name")).to_be_empty()
    enter(page)
    expect(page.get_by_label("Address or domain")).to_be_empty()
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.long
def test_one_says_from_whom_one_expects_mail(open_site: Site, page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(f"{open_site.url}/ask")
    enter(page)
    expected = page.get_by_role("region", name="Expected senders")
    expected.get_by_label("Address or domain").fill("joe.fern@company.example")
    expected.get_by_role("button", name="Add expected sender").click()
    expect(expected.get_by_role("alert")).to_contain_text("outside your company")
    expected.get_by_label("Address or domain").fill("Ann@Supplier.Example")
    expected.get_by_role("button", name="Add expected sender").click()
    expect(expected.get_by_role("listitem")).to_contain_text("ann@supplier.example")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert faults(page) == []
    expected.get_by_role("button", name="Remove").click()
    expect(expected.get_by_role("listitem")).to_have_count(0)


@pytest.mark.long
def test_what_one_types_next_stays_when_the_answer_comes(open_site: Site, page: Page) -> None:
    page.goto(f"{open_site.url}/ask")
    enter(page)
    expected = page.get_by_role("region", name="Expected senders")
    sender = expected.get_by_label("Address or domain")
    sender.fill("first@next.example")
    held = Held(page, "**/me/expected-senders", "POST")
    sender.press("Enter")
    held.wait(1)
    sender.fill("second@next.exa")
    held.go()
    expect(expected.get_by_role("listitem")).to_contain_text("first@next.example")
    expect(sender).to_have_value("second@next.exa")


@pytest.mark.long
def test_in_german(tmp_path: Path, sqlite_template: Path, browser: Browser) -> None:
    with asked(tmp_path, sqlite_template) as site, browser_peer.open_page(browser, locale="de-DE") as page:
        in_german(site, page)


def in_german(site: Site, page: Page) -> None:
    messages = [site.come(JOE, author=f"wer{number}@reise.example", subject=f"Buchung {number}")[0] for number in range(3)]
    with db.transaction(site.engine) as session:
        joe = Actor.employee("joe.fern", "Joe Fern")
        session.execute(update(Delivery).where(col(Delivery.id) == ids.parse_id(messages[2])).values(severity=3))
        wishes = [
            release_requests.request_release(session, ids.parse_id(mail), by=joe, words="meine Reise", now=utcnow())
            for mail in messages[:2]
        ]
        release_requests.decline_request(session, wishes[1], by=ANA, reason="", now=utcnow())
    page.goto(f"{site.url}/ask?mail=0000000000007")
    for password in ("falsch", RIGHT):
        page.get_by_label("Name").fill("joe.fern")
        page.get_by_label("Passwort").fill(password)
        assert left(page) == []
        page.get_by_role("button", name="Anmelden").click()
        if password != RIGHT:
            expect(page.get_by_role("alert")).to_be_visible()
            assert left(page) == []
    expect(page.get_by_role("listitem").filter(has_text="Buchung 2")).to_be_visible()
    assert left(page) == []
    expected = page.get_by_role("region", name="Erwartete Absender")
    for sender in ("joe.fern@company.example", "wer9@reise.example"):
        expected.get_by_role("textbox", name="Adresse oder Domain").fill(sender)
        expected.get_by_role("button").first.click()
        expect(expected.get_by_role("alert").or_(expected.get_by_role("listitem").filter(has_text=sender))).to_be_visible()
        assert left(page) == [], sender


@pytest.mark.long
def test_an_answer_that_comes_after_signing_out_is_not_shown(open_site: Site, page: Page) -> None:
    page.goto(f"{open_site.url}/ask")
    enter(page)
    expect(page.get_by_label("Address or domain")).to_be_visible()
    held = Held(page, "**/me/messages")
    page.get_by_label("Address or domain").fill("clinic@health.example")
    page.get_by_role("button", name="Add expected sender").click()
    held.wait(1)
    answer = held[0].fetch()
    assert answer.ok
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_empty()
    held.go(0, lambda route: route.fulfill(response=answer))
    browser_peer.settle(page, 200)
    expect(page.get_by_label("Password")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.long
def test_one_sees_who_can_read_ones_held_messages(open_site: Site, page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(f"{open_site.url}/ask")
    enter(page)
    question = page.get_by_text("Who can read my held messages?")
    question.click()
    readers = page.get_by_role("group").filter(has=question)
    expect(readers.get_by_role("listitem").filter(has_text="Ana Roth")).to_contain_text("responsible for the whole company")
    expect(readers).to_contain_text("Joe Fern sees sender and subject of their own held messages")
    expect(readers).not_to_contain_text("Ben Okafor")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert faults(page) == []
