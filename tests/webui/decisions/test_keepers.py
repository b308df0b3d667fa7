"""Removals in the console: keepers of a confidential folder are asked and answer, others see large ones, and a block offers one."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update
from sqlmodel import col

from tests.triage.arriving import NO_DMARC
from tests.webui.site import JOE, MARA, Site, undo_by_name
from triage import ids
from triage.config.alert_types import REMOVAL
from triage.store import db
from triage.store.models.approvals import KeepersRequest
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import ConfidentialFolder
from triage.store.models.notifications import OpenAlert
from triage.times import utcnow

WAVE = ids.format_id(4_242)
ASKED = "Keepers of confidential folders are asked."


@pytest.fixture
def confidential(site: Site) -> Iterator[Site]:
    """A wave, of which Mara's confidential folder has a copy that only Sam is named for."""
    with db.transaction(site.engine) as session:
        session.add_all(ConfidentialFolder(kind="person", name="mara.berg", login=login) for login in ("", "sam"))
    came = [one for to in (JOE, MARA) for one in site.come(to, author="crook@wave.example", subject="Your password", dmarc=NO_DMARC)]
    with db.transaction(site.engine) as session:
        wave = col(Delivery.id).in_([ids.parse_id(one) for one in came])
        session.execute(update(Delivery).where(wave).values(campaign_id=ids.parse_id(WAVE)))
    yield site
    with db.transaction(site.engine) as session:
        for row in (*session.scalars(select(ConfidentialFolder)), *session.scalars(select(KeepersRequest))):
            session.delete(row)


@pytest.mark.long
def test_keepers_answer_under_the_approvals(confidential: Site, page: Page, other_page: Page) -> None:
    ana = confidential.open_console(page, "ana")
    ana.get_by_role("option").filter(has_text="Your password").click()
    ana.keyboard.press("p")
    sheet = ana.get_by_role("dialog")
    sheet.get_by_role("radio", name=re.compile("This campaign")).check()
    expect(sheet.get_by_text(ASKED)).to_be_visible()
    ana.keyboard.press("Enter")
    expect(ana.get_by_role("status").filter(has_text=ASKED)).to_be_visible()
    sam = confidential.open_console(other_page, "sam", "/approvals")
    request = sam.get_by_role("listitem").filter(has_text="Ana Roth removed a campaign from the rest of the company")
    expect(request).to_contain_text("Remove its 1 message from this folder too?")
    request.get_by_role("button", name="Remove 1 message").click()
    expect(sam.get_by_role("status").filter(has_text="Removed from this folder too.")).to_be_visible()
    expect(request).to_have_count(0)
    ana.goto(confidential.url + "/approvals")
    expect(ana.get_by_text("No decisions need approval.")).to_be_visible()


@pytest.mark.long
def test_administrators_see_a_large_removal_and_undo_it(site: Site, page: Page) -> None:
    (came,) = site.come(JOE, author="many@bulk.example", subject="One of many")
    sam = site.open_console(page, "sam")
    sam.get_by_role("option").filter(has_text="One of many").click()
    sam.keyboard.press("p")
    sam.get_by_role("dialog").get_by_role("button", name=re.compile("Remove 1 message")).click()
    expect(sam.get_by_role("status").filter(has_text="Removed")).to_be_visible()
    with db.transaction(site.engine) as session:
        made = session.scalars(select(Decision).order_by(col(Decision.id).desc())).first()
        assert made is not None
        session.add(OpenAlert(cause=REMOVAL, department="", person=ids.format_id(made.id), number=80, raised_at=utcnow(), newest=made.id))
    ida = site.open_console(page, "ida")
    bar = ida.get_by_text(re.compile(r"Sam Reed removed 80 messages\."))
    expect(bar).to_be_visible()
    undo_by_name(ida)
    expect(bar).to_have_count(0)
    with db.read_transaction(site.engine) as session:
        assert session.get_one(Delivery, ids.parse_id(came)).state == "held"


@pytest.mark.long
def test_a_block_offers_the_removal_of_what_was_delivered(site: Site, page: Page) -> None:
    (came,) = site.come(JOE, author="news@offered.example", subject="Delivered before")
    with db.transaction(site.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == ids.parse_id(came)).values(state="delivered", settled_at=utcnow()))
    ana = site.open_console(page, "ana", "/rules")
    form = ana.get_by_role("form").first if ana.get_by_role("form").count() else ana.locator("form").first
    form.locator("select").first.select_option("block")
    form.get_by_role("textbox").first.fill("news@offered.example")
    form.get_by_role("textbox").first.press("Enter")
    expect(ana.get_by_text("1 message in 1 mailbox, 0 opened. Remove them too?")).to_be_visible()
    ana.get_by_role("button", name="Review and remove").click()
    expect(ana.get_by_role("dialog")).to_contain_text("Delivered messages")
