"""Known messages in the console: one lies in the queue like any other, its decision is its answer, and “Training” counts it."""

import random
from dataclasses import replace
from datetime import timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from tests.triage.arriving import ANA, IDA, NO_DMARC
from tests.webui.access import faults
from tests.webui.site import JOE, Site
from triage import ids
from triage.actor import Actor
from triage.config.settings import Training
from triage.quarantine.decisions import decide
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.known_messages import put_in
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.times import utcnow


def purge(site: Site, author: str, subject: str, by: Actor) -> str:
    """A message comes in and is removed; its delivery."""
    (one,) = site.come(JOE, author=author, subject=subject, dmarc=NO_DMARC)
    with db.transaction(site.engine) as session:
        order = DecisionRequest(Selection.of(ids=[ids.parse_id(one)]), Verb.PURGE, "")
        decide.decide_messages(session, order, by=by, now=utcnow(), settings=site.settings)
    return one


def put_known(site: Site) -> int:
    """Puts the copy of a message that was removed long ago into the queue, while a colleague works."""
    purge(site, "prize@lottery.example", "You have won", ANA)
    with db.transaction(site.engine) as session:
        session.execute(update(Decision).values(at=utcnow() - timedelta(days=20)))
    purge(site, "busy@work.example", "Lately", IDA)
    settings = replace(site.settings, training=Training(known_messages=9))
    for seed in range(200):
        with db.transaction(site.engine) as session:
            if one := put_in.put_in(session, settings=settings, now=utcnow(), chance=random.Random(seed)):
                return one
    raise AssertionError("no message was put in")


def test_a_decision_is_the_answer_and_training_counts_it(site: Site, page: Page) -> None:
    known = put_known(site)
    site.come(JOE, author="calm@offers.example", subject="A real one", dmarc=NO_DMARC)
    site.open_console(page)
    rows = page.get_by_role("option")
    expect(rows).to_have_count(2)
    row = rows.filter(has_text="You have won")
    expect(row).not_to_contain_text("nown")
    row.click()
    expect(page.get_by_role("region", name="Message")).not_to_contain_text("nown message")
    page.keyboard.press("p")
    page.get_by_role("dialog").get_by_role("button", name="Remove 1 message").press("Enter")
    told = page.get_by_text("This was a known message, and you were right: it is harmful.").first
    expect(told).to_be_visible()
    expect(page.get_by_text("could not be removed")).to_have_count(0)
    with db.read_transaction(site.engine) as session:
        states = {one.id: one.state for one in session.scalars(select(Delivery))}
    assert states[known] == State.EXPIRED
    assert sorted(states.values()).count(State.HELD) == 1
    page.goto(site.url + "/training")
    figures = page.locator("section").filter(has=page.get_by_role("heading", name="Known messages"))
    expect(figures.get_by_role("row", name="You 100 % 1 0 0")).to_be_visible()
    expect(figures.get_by_role("row")).to_have_count(2)  # Ana leads nobody
    assert faults(page) == []
    expect(page.frame_locator("main iframe").locator("body")).not_to_be_empty()  # nothing is read any more when the server ends
