"""Hold everything for one person on the page Enforcement: what its end delivers is said before, and is what happens."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlmodel import col

from tests.triage.arriving import IDA, NOW, add_rules
from tests.webui.access import faults
from tests.webui.site import JOE, Site
from triage import ids
from triage.directory import enforcement
from triage.policy.rules.rule_request import RuleOrder
from triage.store import db
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import EnforcementStep


def test_the_end_of_hold_everything_delivers_what_the_preview_counted(site: Site, page: Page) -> None:
    add_rules(site.engine, site.settings, RuleOrder("allow", "domain", "supplier.example", "company", "dmarc"))
    with db.transaction(site.engine) as session:
        enforcement.set_step(session, "person:joe.fern", enforcement.EVERYTHING, by=IDA, reason="", now=NOW)
    (lane,) = site.come(JOE)
    site.open_console(page, "ida", "/enforcement")
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
        decision = session.scalars(select(Decision)).one().id
    assert states == {"queued"}
    page.goto(f"{site.url}/decisions/{ids.format_id(decision)}")
    page.get_by_role("main").get_by_role("button", name="Undo all of it").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Undo also turns Hold everything on again for Joe Fern")
    dialog.get_by_role("button", name="Undo all of it").click()
    page.get_by_role("link", name="undone").click()
    expect(page.get_by_text("Hold everything is on again for Joe Fern").first).to_be_visible()


@pytest.mark.long
def test_it_begins_for_somebody_without_a_step(site: Site, page: Page) -> None:
    site.open_console(page, "ida", "/enforcement")
    page.get_by_role("combobox", name="Step for one employee").fill("berg")
    page.get_by_role("option", name="Mara Berg").click()
    form = page.get_by_role("form", name="Change the step of Mara Berg")
    expect(form.get_by_label("Hold everything")).to_be_checked()
    expect(form.get_by_role("status")).to_contain_text("Mara Berg gets an email")
    form.get_by_label("daily digest").check()
    form.get_by_label("Begin at once").check()
    assert faults(page) == []
    form.get_by_role("button", name="Set “Hold everything”").click()
    expect(form).to_have_count(0)
    expect(page.get_by_role("row", name="Mara Berg")).to_contain_text("named in the daily digest")
    with db.read_transaction(site.engine) as session:
        (row,) = session.scalars(select(EnforcementStep).where(col(EnforcementStep.scope) == "person:mara.berg")).all()
    assert (row.step, row.note) == (enforcement.EVERYTHING, True)
