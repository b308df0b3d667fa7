"""A server that is away, and two tabs of one person: nothing is lost, and nobody is told wrong."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import func, select
from sqlmodel import col

from tests.peers import processes
from tests.webui.access import faults
from tests.webui.site import JOE, Site
from triage import ids
from triage.store import db
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery

pytestmark = pytest.mark.long


@pytest.fixture
def desk(browser: Browser) -> Iterator[Page]:
    """A desk whose network fails: its browser's complaints about that are no fault."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", service_workers="block")
    context.set_default_timeout(processes.HANG * 1000)
    yield context.new_page()
    context.close()


def row(page: Page, subject: str) -> Locator:
    return page.get_by_role("option").filter(has_text=subject)


def state(site: Site, delivery: str) -> str:
    with db.read_transaction(site.engine) as session:
        return session.get_one(Delivery, ids.parse_id(delivery)).state


def test_what_was_pressed_while_the_server_is_away_is_said_and_done_once(site: Site, desk: Page, page: Page) -> None:
    (first,), (second,) = (site.come(JOE, author=f"{name}@away.example", subject=f"The {name} offer") for name in ("first", "second"))
    for one, login in ((desk, "ana"), (page, "ida")):
        site.open_console(one, login, "/?q=from:away.example")
    row(desk, "The first offer").click()
    expect(desk.frame_locator("iframe.shown").locator("body")).to_contain_text("Hello")
    desk.context.set_offline(True)
    desk.keyboard.press("r")
    away = desk.get_by_role("alert").filter(has_text="No connection to Mailroom.")
    expect(away).to_contain_text("Your decision about “The first offer” is saved and will be sent when the connection is back.")
    assert faults(desk) == []
    row(desk, "The second offer").click()
    desk.keyboard.press("r")
    expect(row(desk, "The second offer").locator(".stamp")).to_have_count(0)  # nothing is claimed that was not done
    assert [state(site, one) for one in (first, second)] == ["held", "held"]
    row(page, "The second offer").click()
    page.keyboard.press("p")
    page.get_by_role("button", name="Remove 1 message").click()
    expect(page.get_by_role("status").filter(has_text="Removed")).to_be_visible()
    desk.context.set_offline(False)
    expect(away).to_have_count(0)
    expect(row(desk, "The first offer").locator(".stamp")).to_contain_text("Released · AR")
    expect(row(desk, "The second offer").locator(".stamp")).to_contain_text("Removed · IL")
    assert [state(site, one) for one in (first, second)] == ["queued", "purged"]
    with db.read_transaction(site.engine) as session:
        by = select(col(Decision.by), func.count()).group_by(col(Decision.by))
        assert dict(session.execute(by).all()) == {"person:ana": 1, "person:ida": 1}


def test_two_tabs_of_one_person_decide_a_row_once(site: Site, page: Page) -> None:
    (offer,) = site.come(JOE, author="tabs@tabs.example", subject="In two tabs")
    site.open_console(page, "ana", "/?q=from:tabs.example")
    tab = site.open_console(page.context.new_page(), "ana", "/?q=from:tabs.example")
    for one in (page, tab):
        row(one, "In two tabs").click()
        expect(one.frame_locator("iframe.shown").locator("body")).to_contain_text("Hello")
    expect(tab.get_by_text("has this message open")).to_have_count(0)  # nobody is a colleague of themselves
    page.keyboard.press("r")
    expect(page.get_by_role("status").filter(has_text="Released")).to_be_visible()
    expect(row(tab, "In two tabs").locator(".stamp")).to_contain_text("Released · AR")
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="“In two tabs” is back.")).to_be_visible()
    expect(row(tab, "In two tabs").locator(".stamp")).to_have_count(0)
    assert state(site, offer) == "held"
    tab.close()
