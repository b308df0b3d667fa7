"""“May I have this one?” at the desk: the row rises and says who asks; staff lets it in, takes it back, or says no."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import House, sign_in
from tests.peers import company, outside, processes
from tests.peers.outside import OutsideMessage

pytestmark = [pytest.mark.peers, pytest.mark.long]
TO = f"russell.coker@{company.DOMAIN}"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[House]:
    """A company of its own; it outlives the page."""
    with company.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"maildir:{tmp_path}/mailboxes") as made:
        yield House(made, None)


def test_a_request_raises_its_row_and_is_answered(alone: House, page: Page) -> None:
    for subject in ("Your room", "Our price list", "Gift cards"):
        alone.company.take(OutsideMessage(f"{subject.split()[-1]}@{outside.SUPPLIER.name}", TO, subject))
    with alone.company.signed_in() as desk:
        held = {one["subject"]: one["id"] for one in desk.wait_for(3, state="held")}
        desk.client.post("/requests", json={"delivery": held["Your room"], "comment": "my booking for Berlin"}).raise_for_status()
        desk.decide("purge", {"ids": [held["Gift cards"]]}).raise_for_status()
        desk.client.post("/requests", json={"delivery": held["Gift cards"]}).raise_for_status()
    sign_in(page, alone)
    page.get_by_role("group", name="Group by").get_by_role("button", name="None").click()  # their words are alike
    first = page.get_by_role("listbox", name="Held messages").get_by_role("option").first
    expect(first).to_contain_text("Your room")
    expect(first).to_contain_text("requested by Russell Coker")
    first.click()
    expect(page.get_by_text("“my booking for Berlin”")).to_be_visible()
    page.get_by_role("link", name="Requests").click()
    expect(page.get_by_role("heading", name="Requests")).to_be_visible()
    taken = page.get_by_role("listitem").filter(has_text="Gift cards")
    expect(taken).to_contain_text(", removed")
    taken.get_by_role("button", name="Move back to the queue").click()
    expect(page.get_by_text("Back in the queue.")).to_be_visible()
    gift = page.get_by_role("listitem").filter(has_text="Gift cards")
    expect(gift.get_by_role("button", name="Release")).to_be_visible()
    gift.get_by_role("button", name="decline the request of Russell Coker").click()
    gift.get_by_label("Reason, shown to Russell Coker").fill("Nobody here buys gift cards.")
    page.keyboard.press("Enter")
    expect(gift).to_have_count(0)
    page.get_by_role("listitem").filter(has_text="Your room").get_by_role("button", name="Release").click()
    expect(page.get_by_text("No open requests.")).to_be_visible()
    processes.until(lambda: alone.with_text("russell.coker", "Your room"), "it arrives", log=alone.company.log)
    with alone.company.signed_in() as desk:
        again = desk.client.post("/requests", json={"delivery": held["Gift cards"]})
    assert (again.status_code, again.json()["detail"]) == (409, "Maria Keller declined this: Nobody here buys gift cards.")
