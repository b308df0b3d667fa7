"""The server is gone while somebody decides: the console says so, keeps what was decided, and goes on by itself when it is back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import House, choose, sign_in
from tests.peers import company, outside, processes
from tests.peers.browsers import browser as browser_peer
from tests.peers.outside import OutsideMessage

pytestmark = pytest.mark.peers
AUTHOR = f"ana@{outside.STRANGER.name}"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A company of its own, to be stopped."""
    directory = tmp_path_factory.mktemp("alone")
    with company.running(directory, f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes", undo_seconds=1) as made:
        yield House(made, None)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page whose browser may complain that nobody answers."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="en-GB")
    context.set_default_timeout(processes.HANG * 1000)
    yield context.new_page()
    context.close()


def test_a_decision_outlives_the_outage(alone: House, page: Page) -> None:
    for name in ("first", "second", "third"):
        alone.company.take(
            OutsideMessage(f"{name}@{outside.STRANGER.name}", f"ada.byron@{company.DOMAIN}", f"The {name} offer", f"About the {name}.")
        )
    with alone.company.signed_in() as desk:
        desk.wait_for(3, state="held")
    sign_in(page, alone)
    choose(page, "The second offer")
    stopped: list[bool] = []

    def stop(route: Route) -> None:
        """The server ends before the decision gets there."""
        if not stopped:
            alone.company.stop()
            stopped.append(True)
        route.continue_()

    browser_peer.intercept(page, "**/api/v1/decisions", stop)
    page.keyboard.press("r")
    said = page.get_by_role("alert").filter(has_text="No connection to Mailroom.")
    expect(said).to_contain_text("Your decision about “The second offer” is saved")
    expect(page.get_by_role("button", name="Release", exact=True)).to_be_disabled()
    page.keyboard.press("r")  # does nothing now
    expect(page.get_by_role("option").filter(has_text="Released")).to_have_count(1)
    alone.company.open_door()  # the page may be back before the last role is, and its toast lives six seconds
    expect(page.get_by_role("status").filter(has_text="Released “The second offer”.")).to_be_visible()
    expect(said).to_have_count(0)
    alone.arrived("ada.byron", "The second offer")
    with alone.company.signed_in() as desk:
        assert {one["subject"] for one in desk.deliveries(state="held")} == {"The first offer", "The third offer"}


@pytest.mark.long
def test_what_was_carried_out_although_its_answer_got_lost_is_not_done_twice(alone: House, page: Page) -> None:
    alone.company.take(OutsideMessage(AUTHOR, f"ada.byron@{company.DOMAIN}", "Only once"))
    with alone.company.signed_in() as desk:
        desk.wait_for(1, sender=AUTHOR)
    sign_in(page, alone)
    choose(page, "Only once")
    lost: list[int] = []

    def lose(route: Route) -> None:
        """The first answer gets lost on its way back."""
        if not lost:
            lost.append(route.fetch().status)
            return route.abort("connectionreset")
        return route.continue_()

    browser_peer.intercept(page, "**/api/v1/decisions", lose)
    page.keyboard.press("r")
    expect(page.get_by_role("status").filter(has_text="Released “Only once”.")).to_be_visible()
    assert lost == [201]
    alone.arrived("ada.byron", "Only once")
    with alone.company.signed_in() as desk:
        made = desk.client.get("/decisions", params={"sender": AUTHOR}).json()["items"]
    assert [(one["verb"], one["done"]) for one in made] == [("release", 1)]


@pytest.mark.long
def test_an_outage_is_told_before_anything_was_fetched_ahead(alone: House, page: Page) -> None:
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))  # the console fetches ahead a moment later
    sign_in(page, alone)
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    alone.company.stop()
    expect(page.get_by_role("alert")).to_contain_text("No connection to Mailroom.")
    alone.company.start()
