"""Several people at one queue: they see what the others have in hand, get different rows, and hand mail on with a note."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import func, select
from sqlmodel import col

from tests.peers.browsers import browser as browser_peer
from tests.webui.access import faults
from tests.webui.held import Held
from tests.webui.site import JOE, MARA, Site
from triage.store import db
from triage.store.models.assignments import Assignment, Presence
from triage.store.models.deliveries import Delivery


def row(page: Page, subject: str) -> Locator:
    return page.get_by_role("option").filter(has_text=subject)


@pytest.fixture(scope="module")
def three(site: Site) -> Site:
    """Three messages for Mara, of three senders."""
    for name in ("First", "Second", "Third"):
        site.come(MARA, author=f"{name.lower()}@supplier.example", subject=f"{name} offer")
    return site


def test_everybody_sees_what_the_others_have_in_hand_and_gets_another_row(three: Site, page: Page, other_page: Page) -> None:
    three.open_console(page, "ana")
    three.open_console(other_page, "ben")
    row(page, "Second offer").click()
    expect(row(other_page, "Second offer").get_by_text("Ana Roth has this open")).to_be_attached()
    expect(other_page.get_by_role("banner").get_by_text("Ana Roth,")).to_be_attached()
    row(other_page, "Second offer").click()
    expect(other_page.get_by_text("Ana Roth has this message open")).to_be_visible()
    with other_page.expect_response("**/presence/next"):
        other_page.keyboard.press("f")
    expect(other_page.locator(".row.at")).not_to_contain_text("Second offer")
    taken = other_page.locator(".view h2").inner_text()
    with page.expect_response("**/presence/next"):
        page.keyboard.press("f")
    expect(page.locator(".view h2")).not_to_have_text(taken)


@pytest.mark.long
def test_what_is_told_late_of_the_row_before_frees_none_that_was_given(three: Site, page: Page) -> None:
    three.open_console(page, "ben")
    row(page, "Second offer").click()
    held = Held(page, "**/presence", "PUT")
    held.wait(1)
    with page.expect_response("**/presence/next"):
        page.keyboard.press("f")
        browser_peer.settle(page, 300)
        held.go()
    expect(page.locator(".row.at")).not_to_contain_text("Second offer")
    in_hand = select(col(Delivery.subject)).join(Presence, col(Presence.delivery_id) == col(Delivery.id))
    with db.read_transaction(three.engine) as session:
        given = session.scalars(in_hand.where(col(Presence.login) == "ben")).one()
    assert given in page.locator(".row.at").inner_text()


@pytest.mark.long
def test_mail_is_handed_to_a_colleague_with_a_note(three: Site, page: Page, other_page: Page) -> None:
    three.open_console(page, "ana")
    three.open_console(other_page, "ben")
    row(page, "Third offer").click()
    page.keyboard.press("c")
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("radio", name="Ben Okafor").check()
    sheet.get_by_label("Note").fill("Do you know them?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Assigned “Third offer” to Ben Okafor.")).to_be_visible()
    expect(row(page, "Third offer")).to_contain_text("assigned to Ben Okafor")
    other_page.get_by_role("navigation", name="Folders").get_by_role("link", name="Assigned to me").click()
    expect(other_page.get_by_role("option")).to_have_count(1)
    expect(other_page.get_by_text("“Do you know them?”")).to_be_visible()
    expect(row(other_page, "Third offer")).to_contain_text("assigned to you")
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="Unassigned.")).to_be_visible()
    expect(row(other_page, "Third offer")).to_contain_text("Unassigned")  # nothing moves under the cursor


@pytest.mark.long
def test_a_row_is_taken_back_as_a_whole(three: Site, page: Page) -> None:
    for _ in range(2):
        three.come(MARA, author="pair@supplier.example", subject="Pair offer")
    three.open_console(page, "ana")
    row(page, "Pair offer").click()
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_role("radio", name="Ben Okafor").check()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Assigned 2 messages to Ben Okafor.")).to_be_visible()
    row(page, "Pair offer").click()
    page.get_by_role("region", name="Message").get_by_role("button", name="unassign").click()
    expect(page.get_by_role("status").filter(has_text="Unassigned.")).to_be_visible()
    with db.read_transaction(three.engine) as session:
        assert session.scalar(select(func.count()).select_from(Assignment)) == 0


@pytest.mark.long
def test_who_cannot_see_it_all_is_no_one_to_hand_it_to(three: Site, page: Page) -> None:
    three.come(JOE, author="it@supplier.example", subject="For IT")
    three.open_console(page, "ana")
    row(page, "For IT").click()
    page.keyboard.press("c")
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("radio", name="Ben Okafor").check()
    assert faults(page) == []
    sheet.get_by_role("button", name="Assign").click()
    expect(sheet.get_by_role("alert")).to_contain_text("Ben Okafor may not see all of these messages")
    page.keyboard.press("Escape")
    expect(row(page, "For IT")).not_to_contain_text("assigned to Ben")


@pytest.mark.long
def test_the_late_click_is_told_what_happened(three: Site, page: Page, other_page: Page) -> None:
    three.come(MARA, author="late@supplier.example", subject="Late offer")
    three.open_console(page, "ana")
    three.open_console(other_page, "ben")
    for one in (page, other_page):
        row(one, "Late offer").click()
    # ana does not see what ben does
    browser_peer.intercept(page, "**/api/v1/triage?*", lambda route: route.fulfill(status=404, json={"title": "not now"}))
    other_page.keyboard.press("b")
    with other_page.expect_response("**/api/v1/decisions"):
        other_page.get_by_role("button", name="Block and remove 1 message").press("Enter")
    page.keyboard.press("r")
    told = page.get_by_role("alert").filter(has_text="“Late offer” was not released.")
    expect(told).to_contain_text(re.compile(r"Removed by Ben Okafor \d+ seconds? ago, and its sender blocked\."))
    expect(row(page, "Late offer")).to_contain_text("Removed · BO")
    page.get_by_role("button", name="Undo").click()
    sheet = page.get_by_role("dialog", name="Undo the decision about 1 message?")
    expect(sheet).to_contain_text("late@supplier.example blocked")
    expect(sheet).to_contain_text("The rule made with it is removed.")
    expect(page.locator(":is([role=alert], [role=status]) dialog")).to_have_count(0)  # it would be read aloud from end to end
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(told).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    sheet.get_by_role("button", name="Undo all of it").click()
    expect(page.get_by_role("status").filter(has_text="“Late offer” is back.")).to_be_visible()
    expect(told).to_have_count(0)
