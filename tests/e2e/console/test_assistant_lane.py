"""An executive's known mail goes to their assistant: received, verified by DKIM and DMARC, released in bulk, and delivered."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import House, sign_in
from tests.peers import company as company_peer, outside
from tests.peers.company import DOMAIN, Company
from tests.peers.outside import OutsideMessage
from triage.quarantine.teamwork.held_for_assistant import LANE

ADA, SALES = f"ada.byron@{DOMAIN}", f"sales@{outside.SUPPLIER.name}"
BANK = OutsideMessage(
    f"billing@{outside.SUPPLIER.name}",
    ADA,
    "Our bank details have changed",
    "Our bank details have changed, please pay today.\r\n",
    headers={"Reply-To": "sales@elsewhere.example"},
)


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A company that knows its supplier and holds everything for Ada."""
    directory = tmp_path_factory.mktemp("lane")
    database, next_hop = f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes"
    with company_peer.running(directory, database, next_hop, more="hold_known_trial_days = 0\n") as running:
        running.run("allow", outside.SUPPLIER.name, check=True)
        running.run("enforcement", "hold-everything", "--person", "ada.byron", "--from", "now", check=True)
        yield running


def come(site: Company, *subjects: str) -> list[OutsideMessage]:
    """Signed messages of the supplier come in by SMTP."""
    found = [OutsideMessage(SALES, ADA, subject) for subject in subjects]
    for one in found:
        site.take(one)
    return found


def test_what_the_supplier_signed_is_released_in_bulk_and_what_looks_suspicious_stays(site: Company) -> None:
    with site.signed_in() as desk:
        come(site, "Order 1", "Order 2")
        site.take(BANK)
        desk.wait_for(3, domain=outside.SUPPLIER.name, state="held")
        lane = desk.deliveries(q=LANE, state="held")
        assert {one["verdict"]["rule"] for one in lane} == {"held-for-assistant"}
        assert sorted(one["subject"] for one in lane) == ["Order 1", "Order 2"]
        assert {one["proof"] for one in lane} == {"dmarc"}
        counted = desk.client.get("/departments").json()
        assert (counted["rows"], counted["known_rows"]) == (2, 1)
        assert desk.decide("release", {"q": LANE, "states": ["held"]}, expect=2).status_code == 201
        for subject in ("Order 1", "Order 2"):
            assert outside.has_signature(House(site, None).arrived("ada.byron", f"Subject: {subject}"))
        assert [one["subject"] for one in desk.deliveries(state="held")] == [BANK.subject]
        assert House(site, None).with_text("ada.byron", BANK.subject) == []


@pytest.mark.long
def test_one_key_releases_the_lane(site: Company, page: Page) -> None:
    with site.signed_in() as desk:
        come(site, "Order 3", "Order 4")
        site.take(BANK)
        desk.wait_for(3, domain=outside.SUPPLIER.name, state="held")
    sign_in(page, House(site, None))
    expect(page.locator(".all .head").last).to_contain_text("From known senders: ")
    page.locator("#content").focus()
    page.keyboard.press("*")
    page.keyboard.press("r")
    page.get_by_role("dialog").get_by_role("button", name="Release 2").click()
    for subject in ("Order 3", "Order 4"):
        House(site, None).arrived("ada.byron", f"Subject: {subject}")
    assert House(site, None).with_text("ada.byron", BANK.subject) == []
