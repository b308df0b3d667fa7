"""A wave at the desk: many senders, changed words, one row; two keys take all of it away, and what proves itself stays."""

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import LMTP, MAILDIR, House, sign_in
from tests.peers import company, outside
from tests.peers.outside import OutsideMessage

PARCEL = (
    "{greeting}\r\n\r\nyour parcel {number} could not be handed over because the address was incomplete. Settle the open customs charge"
    " at https://{host}/pay/{number} and choose a new delivery slot, otherwise the depot returns it.\r\n"
)
COPIES = (
    ("ada.byron", "Dear Ada,", "first"),
    ("russell.coker", "Hello Russell Coker,", "second"),
    ("hanne.dahl", "Good morning,", "third"),
)


@pytest.mark.parametrize("house", [LMTP, MAILDIR], indirect=True)
@pytest.mark.long
def test_a_wave_is_one_row_and_goes_as_one(house: House, page: Page) -> None:
    subject = f"Parcel on hold {uuid4().hex[:8]}"
    for number, (person, greeting, host) in enumerate(COPIES):
        text = PARCEL.format(greeting=greeting, number=73_000 + number, host=f"{host}.parcels.example")
        letter = OutsideMessage(f"desk@{host}.example", f"{person}@{company.DOMAIN}", f"{subject} {number}", text)
        house.company.take(letter)
    proven = OutsideMessage(
        f"post@{outside.STRANGER.name}", f"info@{company.DOMAIN}", f"{subject} 9", PARCEL.format(greeting="", number=7, host="a.example")
    )
    house.company.take(proven)
    with house.company.signed_in() as desk:
        desk.wait_for(len(COPIES) + 1, q=subject, state="held")
        sign_in(page, house)
        rows = page.get_by_role("listbox", name="Held messages").get_by_role("option").filter(has_text=subject)
        expect(rows).to_have_count(2)
        rows.filter(has_text="3 people").click()
        page.keyboard.press("p")
        sheet = page.get_by_role("dialog")
        sheet.get_by_role("radio", name="This campaign").check()
        sheet.get_by_role("button", name="Remove 3 messages").click()
        expect(page.get_by_role("status").filter(has_text="Removed 3 messages")).to_be_visible()
        assert [one["author"] for one in desk.deliveries(q=subject, state="held")] == [proven.author]
        assert len(desk.deliveries(q=subject, state="purged")) == len(COPIES)
        page.keyboard.press("z")
        expect(page.get_by_role("status").filter(has_text="Undone")).to_be_visible()
        desk.wait_for(len(COPIES) + 1, q=subject, state="held")
        rows.filter(has_text="3 people").click()
        page.keyboard.press("ArrowRight")
        expect(rows).to_have_count(2 + len(COPIES))
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("Y")
        expect(page.get_by_role("status").filter(has_text="Split off")).to_be_visible()
        assert len({one["campaign"] for one in desk.deliveries(q=subject, state="held")}) == 2
        page.keyboard.press("z")
        expect(page.get_by_role("status").filter(has_text="Undone")).to_be_visible()
        assert len({one["campaign"] for one in desk.deliveries(q=subject, state="held")}) == 1
