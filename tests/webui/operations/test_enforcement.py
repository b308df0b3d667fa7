"""Hold everything for one person on the page Enforcement: what its end delivers is said before, and is what happens."""

import re

from playwright.sync_api import Page, expect

from tests.triage.arriving import IDA, NOW, add_rules
from tests.webui.access import faults
from tests.webui.site import JOE, Site
from triage import ids
from triage.directory import enforcement
from triage.policy.rules.rule_request import RuleOrder
from triage.store import db
from triage.store.models.deliveries import Delivery


def test_the_end_of_hold_everything_delivers_what_the_preview_counted(site: Site, page: Page) -> None:
    add_rules(site.engine, site.settings, RuleOrder("allow", "domain", "supplier.example", "company", "dmarc"))
    with db.transaction(site.engine) as session:
        enforcement.set_step(session, "person:joe.fern", enforcement.EVERYTHING, by=IDA, reason="", now=NOW)
    (lane,) = site.come(JOE)
    site.sit_down(page, "ida", "/enforcement")
    page.get_by_role("button", name="Change Joe Fern").click()
    form = page.get_by_role("form", name="Change the step of Joe Fern")
    form.get_by_label("Use the settings").check()
    expect(form.get_by_role("status")).to_contain_text(
        re.compile("1 held message from known senders is delivered at once.*Other held messages are not released.*gets an email", re.DOTALL)
    )
    assert faults(page) == []
    (other,) = site.come(JOE, subject="Another order")  # the console hears of it, and counts again
    expect(form.get_by_role("status")).to_contain_text("2 held messages from known senders are delivered at once")
    form.get_by_role("button", name="Use the settings").click()
    expect(form).to_have_count(0)
    with db.read_transaction(site.engine) as session:
        states = {session.get_one(Delivery, ids.parse_id(one)).state for one in (lane, other)}
    assert states == {"queued"}
