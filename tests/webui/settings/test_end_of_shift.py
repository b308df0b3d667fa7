"""End of shift: what is left to a person, each with the way to it, and signing out brings back what they have snoozed."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update
from sqlmodel import col

from tests.webui.access import faults
from tests.webui.site import MARA, Site
from triage.actor import EVERYTHING, Actor, Role
from triage.ids import parse_id
from triage.quarantine import assignment
from triage.quarantine.search.selection import Selection
from triage.store.db import transaction
from triage.store.models.deliveries import Delivery
from triage.store.queue import waiting_targets
from triage.store.queue.waiting_targets import Targets
from triage.times import utcnow

BEN = Actor.person("ben", Role.TRIAGE, EVERYTHING, "Ben Okafor")


def test_what_is_left_for_the_next_shift(site: Site, page: Page) -> None:
    site.open_console(page, "ben", "/end-of-shift")
    expect(page.get_by_text("Nothing is left for the next shift.")).to_be_visible()

    late, mine, _ = [site.come(MARA, author=f"{name}@supplier.example", subject=f"{name} offer")[0] for name in ("late", "mine", "other")]
    with transaction(site.engine) as session:
        waiting_targets.note_targets(session, Targets(60))
        old = {"received_at": utcnow() - timedelta(hours=2), "urgency": 50}
        session.execute(update(Delivery).where(col(Delivery.id) == parse_id(late)).values(**old))
        assignment.assign_messages(session, Selection.of(ids=(parse_id(mine),)), "ben", "", by=BEN, now=utcnow())
    site.open_console(page, "ben")
    expect(page.get_by_role("option").first).to_contain_text("late offer")
    expect(page.get_by_role("option").first).to_contain_text("over target since")
    page.get_by_role("option").filter(has_text="other offer").click()
    page.keyboard.press("Z")
    page.get_by_role("dialog").get_by_role("radio", name="2 hours").check()
    page.get_by_role("dialog").get_by_role("button", name="Snooze").click()
    expect(page.get_by_role("link", name="1 snoozed")).to_be_visible()

    page.keyboard.press("g")
    page.keyboard.press("b")
    expect(page.get_by_text("3 items are left for the next shift.")).to_be_visible()
    said = {one.locator("a").inner_text(): one.locator(".num").inner_text() for one in page.locator("main li").all()}
    assert said == {"Assigned to you": "1", "Snoozed by you": "1", "Over target": "1", "Requests and reports": "0", "Approvals": "0"}
    assert faults(page) == []
    page.get_by_role("link", name="Snoozed by you").click()
    expect(page.get_by_role("option").filter(has_text="other offer")).to_be_visible()

    page.get_by_role("button", name="Ben Okafor").click()
    page.get_by_role("link", name="End of shift").click()
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    site.open_console(page, "ben")
    expect(page.get_by_role("option").filter(has_text="other offer")).to_be_visible()


@pytest.mark.long
def test_a_note_is_read_above_the_queue_until_it_is_done(site: Site, page: Page) -> None:
    site.open_console(page, "ben", "/end-of-shift")
    main = page.get_by_role("main")
    expect(main.get_by_text("Shown above the queue of")).to_be_visible()
    main.get_by_role("textbox", name="Note").fill("Offer of supplier.example:\n<b>call back</b> at nine.")
    main.get_by_role("button", name="Write note").click()
    expect(main.get_by_role("listitem").filter(has_text="<b>call back</b> at nine.")).to_be_visible()
    assert faults(page) == []

    site.open_console(page, "ana")
    notes = page.get_by_role("region", name="Notes to the next shift")
    expect(notes).to_contain_text("Ben Okafor")
    expect(notes).to_contain_text("<b>call back</b> at nine.")
    assert faults(page) == []
    notes.get_by_role("button", name="Done for all").click()
    expect(notes.get_by_role("status")).to_have_text("Done for all.")
    notes.get_by_role("button", name="Undo").click()
    notes.get_by_role("button", name="Dismiss for me").click()
    expect(notes).to_have_count(0)
    site.open_console(page, "ana", "/end-of-shift")
    page.get_by_role("button", name="Done for all").click()
    expect(page.get_by_text("Done: Ana")).to_be_visible()
