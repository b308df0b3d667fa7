"""A list of any length: entered anywhere, walked through without a seam, and selected as a whole."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import func, select, update
from sqlmodel import col

from bench.rounds import held
from tests.peers import processes
from tests.webui.site import JOE, Site
from triage.store import bodies, db
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content

MANY = 450


@pytest.fixture(scope="module")
def full(site: Site) -> Site:
    """More mail than three pages hold."""
    held.fill_held([site.engine], MANY)
    raw = b"From: w@host.example\r\nSubject: Letter\r\n\r\nHello\r\n"
    with db.transaction(site.engine) as session:
        session.execute(update(Content).values(zstd=bodies.compress_body(raw), size=len(raw)))
        session.execute(update(Delivery).values(state="held", is_copy=False))  # nothing of it is to be acted on now
        session.execute(update(Delivery).where(col(Delivery.id) % 3 == 0).values(department="legal", person="mara.berg"))
    return site


def at(page: Page) -> Locator:
    """The row of the cursor."""
    return page.locator(".row.at")


def drag(page: Page, share: float) -> None:
    """Pull the scroll bar to this share of the list."""
    page.evaluate("share => { const list = document.querySelector('.rows'); list.scrollTop = list.scrollHeight * share }", share)


def seen(page: Page) -> list[int]:
    """Indexes of the rows on screen."""
    rows: list[int] = page.evaluate(
        """() => { const box = document.querySelector('.rows').getBoundingClientRect()
        const inside = (y) => y > box.top - 76 && y < box.bottom
        return [...document.querySelectorAll('.row')].filter((row) => inside(row.getBoundingClientRect().y))
            .map((row) => Number(row.getAttribute('aria-posinset'))).sort((one, other) => one - other) }"""
    )
    return rows


def until(page: Page, fits: Callable[[list[int]], bool]) -> list[int]:
    """The places on screen, once they are as wanted and without a gap."""
    for _ in range(40 * int(processes.HANG)):
        rows = seen(page)
        if rows and fits(rows) and rows == list(range(rows[0], rows[-1] + 1)):
            return rows
        page.wait_for_timeout(25)
    raise AssertionError(seen(page))


def test_it_is_entered_anywhere_and_walked_through_without_a_seam(full: Site, page: Page) -> None:
    full.open_console(page)
    page.get_by_role("group", name="Group by").get_by_role("button", name="None").click()
    expect(page.get_by_role("option").first).to_have_attribute("aria-setsize", str(MANY))
    page.locator("#content").focus()
    page.keyboard.press("End")
    expect(at(page)).to_have_attribute("aria-posinset", str(MANY))
    page.keyboard.press("k")
    expect(at(page)).to_have_attribute("aria-posinset", str(MANY - 1))
    for step in range(60):  # over the seam at the anchor
        page.keyboard.press("k")
        expect(at(page)).to_have_attribute("aria-posinset", str(MANY - 2 - step))
    until(page, lambda rows: MANY - 61 in rows)
    drag(page, 0.5)
    rows = until(page, lambda rows: rows[0] > 200)
    assert abs(rows[0] - MANY / 2) < 15
    expect(page.locator(".view h2")).to_be_visible()  # the preview stays on the cursor's mail
    drag(page, 0)
    until(page, lambda rows: rows[0] == 1)
    page.keyboard.press("j")  # back to where the cursor was
    expect(at(page)).to_have_attribute("aria-posinset", str(MANY - 60))
    until(page, lambda rows: MANY - 60 in rows)
    page.keyboard.press("Home")
    expect(at(page)).to_have_attribute("aria-posinset", "1")


@pytest.mark.long
def test_all_that_a_search_finds_is_one_selection(full: Site, page: Page) -> None:
    with db.read_transaction(full.engine) as session:
        legal = session.scalar(select(func.count()).select_from(Delivery).where(col(Delivery.department) == "legal"))
    full.open_console(page)
    expect(page.get_by_role("option").first).to_be_visible()
    page.locator("#content").focus()
    page.keyboard.press("*")
    page.keyboard.press("s")
    expect(page.get_by_role("status").filter(has_text="Search or choose a folder first")).to_be_visible()
    page.get_by_role("navigation", name="Folders").get_by_role("link", name="Legal").click()
    expect(page.locator("header .num").first).to_contain_text(f"{legal} messages")
    page.locator("#content").focus()
    page.keyboard.press("*")
    page.keyboard.press("s")
    expect(page.get_by_role("status").filter(has_text=f"All {legal} selected")).to_be_visible()
    page.keyboard.press("p")
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("listitem").filter(has_text="held")).to_have_text(f"{legal} held")
    sheet.get_by_role("button", name=f"Remove {legal} messages").click()
    expect(page.get_by_text("No messages need a decision in this folder.")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text=f"Undone. {legal} messages are back.")).to_be_visible()


@pytest.mark.long
def test_what_comes_in_and_expires_soon_moves_no_row_until_it_is_asked_for(full: Site, page: Page) -> None:
    with page.expect_response(lambda answer: "group=none" in answer.url and "limit=20" in answer.url):  # what the lane shows from the start
        full.open_console(page)
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("End")
    expect(at(page)).not_to_have_attribute("aria-posinset", "1")
    expect(at(page)).to_be_in_viewport(ratio=1)
    place = at(page).bounding_box()
    lane = page.get_by_role("region", name="Time-limited messages").get_by_role("button")
    expect(lane).to_have_count(0)
    for number in range(3):
        author = f"no-reply@shop{number}.example"
        full.come(JOE, author=author, subject="Sign in", text=f"Your Shop{number} sign-in code is 481 922. It is valid for 30 minutes.")
    expect(page.get_by_role("button", name="3 time-limited")).to_be_visible()
    expect(lane).to_have_count(0)
    assert at(page).bounding_box() == place
    page.keyboard.press("u")
    expect(lane).to_have_count(0)  # they stand in the list now
    expect(page.locator(".all .head").first).to_have_text(re.compile("Time-limited: 3, first in (29|30) min"))
    expect(at(page)).to_contain_text("Sign in")
    expect(at(page)).to_be_in_viewport(ratio=1)
