"""The order of the rows at the desk: what may be wanted stands before what is surely not, and the console says why."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import House, sign_in
from tests.peers import company, outside
from tests.peers.outside import OutsideMessage

# the console says why in tests/webui/preview/test_message.py; the order is tests/triage/store/queue/test_sections.py
pytestmark = [pytest.mark.peers, pytest.mark.long]
TO = f"russell.coker@{company.DOMAIN}"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[House]:
    """A company of its own; it outlives the page."""
    with company.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"maildir:{tmp_path}/mailboxes") as made:
        yield House(made, None)


def test_the_console_says_why_a_mail_stands_where_it_stands(alone: House, page: Page) -> None:
    alone.company.take(OutsideMessage(f"ana@{outside.SUPPLIER.name}", TO, "The offer you asked for"))
    liar = f"ceo@{outside.PHISHER.name}"
    alone.company.take(OutsideMessage(liar, TO, "Gift cards", name="Russell Coker", text="Please buy gift cards at once.\r\n"))
    with alone.company.signed_in() as desk:
        desk.wait_for(2, state="held")
        items = desk.client.get("/triage").json()["items"]
    assert [item["lead"]["subject"] for item in items] == ["The offer you asked for", "Gift cards"]
    sign_in(page, alone)
    page.get_by_role("option").filter(has_text="Gift cards").click()
    why = page.get_by_text("Priority")
    expect(why).to_contain_text(f"Priority {items[1]['priority']} of 100")
    why.click()
    expect(page.get_by_text("Suspicious, above all: Display name is that of a colleague")).to_be_visible()
