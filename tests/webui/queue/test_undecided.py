"""A message without warnings that nobody decides about: its row says when it is delivered, then it is, and somebody takes it back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update
from sqlmodel import col

from tests.webui.access import faults
from tests.webui.site import JOE, Site
from triage.ids import format_id, parse_id
from triage.quarantine.decisions import deliver_undecided
from triage.quarantine.search import undecided
from triage.quarantine.search.undecided import Terms
from triage.store.db import transaction
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.times import utcnow


@pytest.mark.long
def test_the_row_says_when_and_a_person_takes_it_back(site: Site, page: Page) -> None:
    office = replace(
        site.settings,
        coverage=replace(site.settings.coverage, deliver_undecided=("it=30",)),
        company=replace(site.settings.company, enforcement="hold-unknown"),
    )
    with transaction(site.engine) as session:
        undecided.note_terms(session, Terms.of_settings(office), utcnow() - timedelta(hours=1))
    mail = parse_id(site.come(JOE, subject="First offer")[0])
    with transaction(site.engine) as session:
        calm = {"severity": 0, "second_look": 0, "received_at": utcnow() - timedelta(minutes=10)}
        session.execute(update(Delivery).where(col(Delivery.id) == mail).values(**calm))
    site.open_console(page)
    row = page.get_by_role("option").filter(has_text="First offer")
    expect(row).to_contain_text("delivers at")
    row.click()
    expect(page.get_by_role("region", name="Message")).to_contain_text("if nobody decides")
    assert faults(page) == []
    with transaction(site.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == mail).values(received_at=utcnow() - timedelta(minutes=31)))
    page.goto("about:blank")
    with transaction(site.engine) as session:
        gone = utcnow() + timedelta(minutes=5)  # nobody looks at it any more
        assert deliver_undecided.deliver_slice(session, settings=office, now=gone) == (1, None)
    with transaction(site.engine) as session:
        decision = session.scalars(select(col(Decision.id)).where(col(Decision.verb) == "deliver")).one()
    site.open_console(page, path=f"/decisions/{format_id(decision)}")
    expect(page.get_by_role("main")).to_contain_text("Delivered “First offer” without a decision")
    page.get_by_role("main").get_by_role("button", name="Undo all of it").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo all of it").click()
    expect(page.get_by_role("main")).to_contain_text("It was undone.")
    site.open_console(page)
    expect(row).to_be_visible()
    expect(row).not_to_contain_text("delivers at")
