"""A phishing simulation that the company ordered: delivered, in no queue, removal, learning or statistic, and its reports are answered."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, DMARC_FAIL, NOW, OTTO
from tests.triage.notifications.test_staff_mail import text_of
from triage import ids
from triage.config.settings import Settings
from triage.config.simulations import Simulation
from triage.delivery import queue
from triage.intake.receive import receive_message
from triage.message.authentication import Authentication, Dkim, Result
from triage.message.forwarded import Pointed
from triage.message.summary import Summary
from triage.notifications.webhooks import webhook_events
from triage.policy.contacts import sender_history
from triage.quarantine import open_message, where_is_my_message
from triage.quarantine.removal import removal_plan
from triage.quarantine.requests import suspicion_reports
from triage.quarantine.search.selection import Selection
from triage.store import bodies, db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import KnownRecipient, MailGroup
from triage.store.models.messages import Message

SENDER, JOE, ALL = "it-support@company-help.example", "joe.fern@company.example", "all@company.example"
VENDOR = Simulation("Vendor", "sim.vendor.example", NOW - timedelta(days=1), NOW + timedelta(days=1))
SIGNED = replace(arriving.authentication(SENDER, DMARC_FAIL), dkim=(Dkim(Result.PASS, "sim.vendor.example"),))
TEXT = "Your mailbox is full. Confirm your password today, or all of your messages will be deleted tomorrow morning."


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, policy=replace(settings.policy, simulations=(VENDOR,)))


def came(engine: Engine, settings: Settings, *to: str, found: Authentication = SIGNED) -> Sequence[Delivery]:
    """A message of the vendor comes in."""
    with db.transaction(engine) as session:
        said = arriving.summary(SENDER, "Mailbox full", text=TEXT)
        envelope = arriving.envelope(*to, reverse_path="bounce@sim.vendor.example")
        made = receive_message(session, envelope, TEXT.encode(), found, said, settings=settings, now=NOW)
        rows = [session.get_one(Delivery, one) for one in made]
        session.expunge_all()  # they are read after this transaction
        return rows


def report(engine: Engine, settings: Settings, one: Delivery) -> None:
    """Joe Fern reports it."""
    with db.transaction(engine) as session:
        pointed = (Pointed(marker=ids.format_id(one.message_id)),)
        said = Summary(parsed=True, author=JOE, subject="Fwd: Mailbox full")
        envelope = arriving.envelope("report@company.example", reverse_path=JOE)
        assert suspicion_reports.report_message(session, envelope, said, pointed, settings=settings, now=NOW) == ""


def removed(session: Session, selected: Selection, settings: Settings) -> int:
    return removal_plan.plan_removal(session, selected, by=ANA, settings=settings, now=NOW).count


def test_it_is_delivered_and_in_no_removal_campaign_or_history(known: Engine, settings: Settings) -> None:
    (real,) = came(known, settings, found=arriving.authentication(SENDER, DMARC_FAIL))  # the same message, of a real attacker
    (one,) = came(known, settings)
    assert (real.state, real.direction) == ("held", "in")
    assert (one.state, one.direction, one.campaign_id, one.claimed) == ("queued", "simulation", None, True)
    assert one.reason == (
        "it is a phishing simulation of Vendor: sim.vendor.example signed it, and the settings exempt it until 25 Nov 2026"
    )
    with db.transaction(known) as session:
        for selected in (
            Selection(sender=SENDER),
            Selection(domain="company-help.example"),
            Selection(q="mailbox"),
            Selection(ids=(one.id,)),
        ):
            assert removed(session, selected, settings) == (0 if selected.ids else 1)
        met = sender_history.of_sender(session, SENDER, proven=False, freemail=()).met
        assert (met.wrote, met.accepted) == (True, False)  # by the real one alone
        (claim,) = queue.claim_deliveries(session, limit=9, settings=settings, now=NOW)
        assert claim.mailbox == JOE
        assert open_message.open_message(session, one.message_id, by=ANA)
        found = where_is_my_message.where_is(session, "joe", refused_days=14, by=OTTO, now=NOW + timedelta(minutes=1)).places
        told = "It is a phishing simulation of your own company. It is on its way to joe.fern@company.example."
        assert [place.sentence for place in found if place.delivery == one.id] == [told]


def test_after_its_time_it_is_held_as_any_stranger(known: Engine, settings: Settings) -> None:
    over = replace(settings.policy, simulations=(replace(VENDOR, until=NOW),))
    (one,) = came(known, replace(settings, policy=over))
    assert (one.state, one.direction, one.rule) == ("held", "in", "dmarc-reject")


def test_each_member_of_a_list_gets_a_copy(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        session.add(MailGroup(address=ALL, name="All", department="it", members=["joe.fern", "mara.berg"]))
        session.add(KnownRecipient(address=ALL, kind="group", department="it", person="", mailbox=ALL))
    (one,) = came(known, settings, ALL)
    with db.transaction(known) as session:
        assert queue.claim_deliveries(session, limit=9, settings=settings, now=NOW) == []
        copies = session.scalars(select(Delivery).where(col(Delivery.parent_id) == one.id)).all()
        assert sorted((copy.mailbox, copy.direction, copy.state) for copy in copies) == [
            (JOE, "simulation", "queued"),
            ("mara.berg@company.example", "simulation", "queued"),
        ]


def test_a_report_is_answered_at_once_and_no_program_hears_of_it(known: Engine, settings: Settings) -> None:
    (one,) = came(known, settings)
    report(known, settings, one)
    with db.transaction(known) as session:
        assert suspicion_reports.count_reports(session, by=ANA) == 0
        assert suspicion_reports.send_verdicts(session, settings=settings, now=NOW) == 1
        (notice,) = session.scalars(select(Delivery).where(col(Delivery.direction) == "report")).all()  # no thanks beside it
        assert "It was a phishing simulation of your own company, and you recognised it." in text_of(
            bodies.load_body(session, session.get_one(Message, notice.message_id).content_id)
        )
        acts = session.scalars(select(AuditRecord).where(col(AuditRecord.act).in_(["suspect", "report-simulation"]))).all()
        assert [act.act for act in acts] == ["report-simulation"]
        assert "report-simulation" not in webhook_events.BY_ACT
