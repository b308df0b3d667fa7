"""Search for a missing message: a form, and an answer in words."""

import pytest
from playwright.sync_api import Page, expect

from tests.webui.access import faults
from tests.webui.site import JOE, Site
from triage.addressing.refused_message import Refused
from triage.quarantine import refused_at_smtp
from triage.store.db import transaction
from triage.times import utcnow


@pytest.mark.long
def test_what_is_held_and_what_was_refused_is_told(site: Site, page: Page) -> None:
    site.come(JOE, author="orders@paper.example", subject="Your paper")
    with transaction(site.engine) as session:
        too_large = "552 5.3.4 The message is too large"
        refused = Refused("joe.fern@company.example", "orders@paper.example", "192.0.2.7", too_large, utcnow(), utcnow(), 2)
        refused_at_smtp.record_refused(session, [refused], site.settings.company)
    site.open_console(page, "ana", "/people")
    page.get_by_role("link", name="Where is my message?").click()
    page.get_by_label("For whom").fill("joe")
    page.get_by_label("Sender or subject").fill("paper")
    page.get_by_role("button", name="Find the message").click()
    expect(page.get_by_text("Found 2 messages.")).to_be_visible()
    expect(page.get_by_text("It is held: ")).to_be_visible()
    expect(page.get_by_text(f"Refused: the message is too large. The sender got this reply 2 times: {too_large}")).to_be_visible()
    assert faults(page) == []
    page.get_by_label("Sender or subject").fill("nothing of the kind")
    page.get_by_role("button", name="Find the message").click()
    expect(page.get_by_text("No such message reached Mailroom")).to_be_visible()
    page.get_by_label("Sender or subject").fill("your paper")
    page.get_by_role("button", name="Find the message").click()
    page.get_by_role("link", name="Show", exact=True).click()
    expect(page.get_by_role("option").filter(has_text="Your paper")).to_be_visible()
