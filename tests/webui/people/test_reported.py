"""Reports of employees on the page “Requests”: their number and names; removed or marked as harmless."""

import pytest
from playwright.sync_api import Page, expect

from tests.webui.access import faults
from tests.webui.site import JOE, Site
from triage import ids
from triage.store import db
from triage.store.models.employees import MailReport
from triage.times import utcnow


def report(site: Site, delivery: str | None, subject: str, *people: str) -> None:
    """Report a message as these people."""
    with db.transaction(site.engine) as session:
        for person in people:
            row = MailReport(
                delivery_id=ids.parse_id(delivery) if delivery else None,
                person=person,
                person_shown=person.title(),
                department="it",
                at=utcnow(),
                spool_id=ids.new_id(),
                how="",
                author="odd@evil.example",
                subject=subject,
            )
            session.add(row)


def test_the_row_says_who_finds_it_odd(site: Site, page: Page) -> None:
    (mail, *_) = site.come(JOE, author="wave@evil.example", subject="Parking fee, reported")
    site.come(JOE, author="calm@evil.example", subject="Nobody minds this")
    report(site, mail, "Parking fee, reported", "joe", "mara")
    site.open_console(page)
    row = page.get_by_role("option").filter(has_text="Parking fee")
    expect(row).to_contain_text("reported by Joe and 1 other")
    row.click()
    message = page.get_by_role("region", name="Message")
    expect(message.get_by_text("as suspicious, by")).to_have_count(2)
    expect(message).to_contain_text("by Mara")
    assert faults(page) == []
    calm = page.get_by_role("option").filter(has_text="Nobody minds")
    expect(calm).not_to_contain_text("reported")
    row.click()
    page.keyboard.press("p")
    page.get_by_role("dialog").get_by_role("button", name="Remove 1 message").press("Enter")
    expect(row).to_contain_text("Removed")
    expect(row).not_to_contain_text("reported by")


@pytest.mark.long
def test_it_is_taken_away_or_said_to_be_fine(site: Site, page: Page) -> None:
    (mail,) = site.come(JOE, author="odd@evil.example", subject="Gift cards, reported")
    report(site, mail, "Gift cards, reported", "joe", "mara")
    report(site, None, "Our newsletter, reported", "joe")
    site.open_console(page)
    page.get_by_role("link", name="Requests").click()
    reported = page.get_by_role("region", name="Reported as suspicious")
    items = reported.get_by_role("listitem").filter(has_text="Gift cards, reported")
    expect(items).to_have_count(1)
    expect(items).to_contain_text("and 1 more")
    assert faults(page) == []
    reported.get_by_role("button", name="Mark as harmless Our newsletter, reported").click()
    expect(page.get_by_text("Joe gets a notice.")).to_be_visible()
    expect(reported.get_by_role("listitem").filter(has_text="newsletter, reported")).to_have_count(0)
    reported.get_by_role("button", name="Remove everywhere Gift cards, reported").click()
    expect(items).to_have_count(0)
