"""A database in which staff and servers did every kind of act that changes a delivery's state, a decision or its items."""

import contextlib
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, COMPANY, IDA, SYNC
from tests.triage.delivery.test_sender_notices import PROVEN
from tests.triage.quarantine.decisions.test_decide import BLOCK, SALES, Office, by_id
from triage.actor import EVERYTHING, Actor, Role
from triage.addressing.company import StaffEntry
from triage.compliance.retention import delete_records, expire as retention
from triage.config.settings import Retention, Settings
from triage.directory import apply as directory
from triage.errors import NothingDone
from triage.quarantine.decisions import bulk_decisions, decision_plan, regroup
from triage.quarantine.decisions.decision_request import Verb
from triage.store import db
from triage.store.delivery_state import Event
from triage.store.models.decisions import Decision
from triage.times import utcnow

DAY = timedelta(days=1)
JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
PARCEL = "Your parcel could not be handed over because the address was incomplete. Settle the customs charge and choose a new slot."
VOICE = "A caller left you a voice note while you were away. Listen to the recording in the player of the communications desk."
LEFT = (Event.CLAIM, Event.DELIVER)


def work(engine: Engine, settings: Settings) -> Office:
    """Does everything once; the oldest messages are forgotten, with their decisions."""
    settings = replace(
        settings, retention=Retention(record_days=100), relay=replace(settings.relay, smarthost="smtp://smarthost.example:25")
    )
    office = Office(engine, settings)
    for act in ACTS:
        act(office)
    return office


def decide_alone(office: Office) -> None:
    """Each verb once; one that finds nothing to do, and one that is late for one of two."""
    office.decides(Verb.RELEASE, by_id(office.arrives()))
    office.decides(Verb.REDIRECT, by_id(office.arrives()), to="mara.berg")
    office.decides(Verb.PURGE, by_id(office.arrives(), office.arrives()))
    office.decides(Verb.REJECT, by_id(office.arrives(**PROVEN)), text="No, thank you.")
    first, second = office.arrives(), office.arrives()
    office.decides(Verb.RELEASE, by_id(first), by=IDA)
    office.decides(Verb.RELEASE, by_id(first, second))
    with contextlib.suppress(NothingDone):
        office.decides(Verb.RELEASE, by_id(first, second))
    office.decides(Verb.HOLD, by_id(first))
    office.decides(Verb.PURGE, by_id(first))
    office.decides(Verb.RESTORE, by_id(first))
    office.decides(Verb.PURGE, by_id(office.arrives(author="x@bad.example")), rule=BLOCK)


def deliver(office: Office) -> None:
    """Messages leave, are deferred, bounce, come back, are delivered again, and removed while they are under way."""
    left, late, lost, flying = (office.arrives() for _ in range(4))
    office.decides(Verb.RELEASE, by_id(left, late, lost, flying))
    office.happens(left, *LEFT)
    office.happens(late, Event.CLAIM, Event.DEFER, Event.CLAIM, Event.BOUNCE)
    office.happens(lost, *LEFT, Event.COME_BACK)
    office.decides(Verb.REDIRECT, by_id(lost), to="mara.berg")
    office.decides(Verb.REDELIVER, by_id(left))
    office.happens(left, *LEFT)
    office.happens(flying, Event.CLAIM)
    office.decides(Verb.PURGE, by_id(flying, late))


def undo(office: Office) -> None:
    """Decisions are undone: a release, a removal with its block, and one that somebody has overtaken in part."""
    one, two, three = office.arrives(), office.arrives(), office.arrives()
    office.undoes(office.decides(Verb.RELEASE, by_id(one)))
    office.undoes(office.decides(Verb.PURGE, by_id(two), rule=replace(BLOCK, value="")))
    made = office.decides(Verb.RELEASE, by_id(one, three))
    office.decides(Verb.HOLD, by_id(three))
    office.undoes(made)


def decide_many(office: Office) -> None:
    """A decision in slices, and its undo in slices."""
    large, size, decision_plan.LARGE, bulk_decisions.SLICE = decision_plan.LARGE, bulk_decisions.SLICE, 3, 2
    try:
        for _ in range(5):
            office.arrives()
        made = office.decides(Verb.PURGE, SALES)
        carry_on(office)
        office.undoes(made)
        carry_on(office)
    finally:
        decision_plan.LARGE, bulk_decisions.SLICE = large, size


def carry_on(office: Office) -> None:
    """Does all slices, as upkeep does."""
    while True:
        with db.transaction(office.engine) as session:
            decision_id = bulk_decisions.under_way(session)
            if decision_id is None:
                return
            bulk_decisions.go_on(session, decision_id, now=office.now, settings=office.settings)


def join_campaigns(office: Office) -> None:
    """Campaigns are merged, that is undone, and they are merged again."""
    parcel, voice = office.arrives(text=PARCEL), office.arrives(text=VOICE)
    for again in (True, False):
        source, target = (office.delivery(one).campaign_id or 0 for one in (parcel, voice))
        with db.transaction(office.engine) as session:
            made = regroup.join_campaigns(session, source, target, by=ANA, reason="the same crook", now=office.now)
        if again:
            office.undoes(made)


def rename_people(office: Office) -> None:
    """The directory calls a decider otherwise."""
    joe = Actor.person("joe.fern", Role.TRIAGE, EVERYTHING, "Joe Fern")
    office.decides(Verb.RELEASE, by_id(office.arrives()), by=joe)
    for uid in ("joe.fern", "joe.woods"):
        people = tuple(replace(one, uid=uid, identity="7") if one.uid == "joe.fern" else one for one in COMPANY.people)
        staff = (*COMPANY.staff, StaffEntry(uid, "Joe", "triage", ("company",)))
        with db.transaction(office.engine) as session:
            wanted = replace(COMPANY, people=people, staff=staff)
            directory.apply_directory(session, wanted, office.settings.company, by=SYNC, now=office.now, confirmed=True)
    with db.read_transaction(office.engine) as session:
        assert session.scalars(select(Decision).where(col(Decision.by) == "person:joe.woods")).one()


def forget(office: Office) -> None:
    """Time passes: messages expire, contents are erased, records of messages and their decisions are deleted."""
    entered = utcnow()  # ids, which say when a message was entered, come from the clock
    office.now = entered + 40 * DAY
    with db.transaction(office.engine) as session:
        assert retention.expire_messages(session, settings=arriving.expire_unseen(office.settings), now=office.now)
    office.now = entered + 400 * DAY
    with db.transaction(office.engine) as session:
        arriving.erase(session, settings=office.settings, now=office.now)
        assert arriving.forget(session, settings=office.settings, now=office.now)
        found, _ = delete_records.decisions_due(session, settings=office.settings, now=office.now)
        assert delete_records.forget_decisions(session, found, settings=office.settings, now=office.now)


ACTS = (decide_alone, deliver, undo, decide_many, join_campaigns, rename_people, forget, deliver, undo)
