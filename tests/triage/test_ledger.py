"""The ledger: every change is legal, single and on the record."""

import hashlib
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, arrive
from triage import db, ids, ledger
from triage.errors import NotAllowedNow, NotFound
from triage.models import AuditRecord, Delivery, Message
from triage.settings import Settings
from triage.states import TRANSITIONS, Event, State


@pytest.fixture
def held(engine: Engine, settings: Settings) -> int:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        return arrive(session, settings)[0]


def state_of(engine: Engine, delivery_id: int) -> str:
    with db.reading(engine) as session:
        return session.get_one(Delivery, delivery_id).state


def records(engine: Engine) -> list[tuple[str, int]]:
    with db.reading(engine) as session:
        return [
            (act, items)
            for act, items in session.execute(select(col(AuditRecord.act), col(AuditRecord.items)).order_by(col(AuditRecord.id)))
        ]


def test_a_change_and_its_record_are_one(engine: Engine, held: int) -> None:
    with db.transaction(engine) as session:
        assert ledger.record(session, held, Event.RELEASE, by=ANA, now=NOW, due_at=NOW) is State.QUEUED
    assert state_of(engine, held) == State.QUEUED
    assert records(engine)[-2:] == [("receive", 1), ("release", 1)]


def test_a_change_that_is_rolled_back_leaves_no_record(engine: Engine, held: int) -> None:
    before = records(engine)

    def half_way() -> None:
        with db.transaction(engine) as session:
            ledger.record(session, held, Event.PURGE, by=ANA, now=NOW)
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        half_way()
    assert state_of(engine, held) == State.HELD
    assert records(engine) == before


@pytest.mark.parametrize("event", sorted(set(Event) - {event for state, event in TRANSITIONS if state is State.HELD}))
def test_what_the_table_forbids_changes_nothing(sqlite_engine: Engine, settings: Settings, event: Event) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        (held,) = arrive(session, settings)
    with pytest.raises(NotAllowedNow, match=f"a held delivery cannot be changed by {event}"), db.transaction(sqlite_engine) as session:
        ledger.record(session, held, event, by=ANA, now=NOW)
    assert state_of(sqlite_engine, held) == State.HELD


def test_a_delivery_that_does_not_exist(engine: Engine) -> None:
    with pytest.raises(NotFound), db.transaction(engine) as session:
        ledger.record(session, ids.new_id(), Event.RELEASE, by=ANA, now=NOW)


def test_an_answer_of_a_dead_worker_is_fenced_off(engine: Engine, held: int) -> None:
    with db.transaction(engine) as session:
        ledger.record(session, held, Event.RELEASE, by=ANA, now=NOW)
        ledger.record(session, held, Event.CLAIM, by=ANA, now=NOW, attempts=1)
        ledger.record(session, held, Event.CLAIM, by=ANA, now=NOW, attempts=2)
    with pytest.raises(NotAllowedNow), db.transaction(engine) as session:
        ledger.record(session, held, Event.DELIVER, by=ANA, now=NOW, fence=1)
    with db.transaction(engine) as session:
        assert ledger.record(session, held, Event.DELIVER, by=ANA, now=NOW, fence=2) is State.DELIVERED


def test_a_set_changes_in_one_act_and_final_ones_are_dated(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        wave = [arrive(session, settings)[0] for _ in range(7)]
        ledger.record(session, wave[0], Event.RELEASE, by=ANA, now=NOW, due_at=NOW + timedelta(seconds=10))
        ledger.record(session, wave[1], Event.EXPIRE, by=ANA, now=NOW)
    with db.transaction(engine) as session:
        changed = ledger.record_many(session, db.among(session, col(Delivery.id), wave), Event.PURGE, by=ANA, now=NOW, due_at=None)
    assert dict(changed) == {wave[0]: State.QUEUED} | dict.fromkeys(wave[2:], State.HELD)
    assert records(engine)[-1] == ("purge", 6)
    with db.reading(engine) as session:
        settled = dict(session.execute(select(col(Delivery.id), col(Delivery.settled_at))).all())
    assert settled == dict.fromkeys(wave, NOW)
    assert state_of(engine, wave[1]) == State.EXPIRED


@pytest.mark.parametrize(("state", "settled"), [(State.HELD, None), (State.QUEUED, None), (State.PURGED, NOW)])
def test_what_is_purged_as_it_comes_in_is_final_at_once(engine: Engine, held: int, state: State, settled: datetime | None) -> None:
    with db.transaction(engine) as session:
        first = session.get_one(Delivery, held)
        message = Message(**session.get_one(Message, first.message_id).model_dump() | {"id": ids.new_id(), "spool_id": ids.new_id()})
        changed = {"id": ids.new_id(), "message_id": message.id, "state": state, "settled_at": NOW - timedelta(days=1)}
        delivery = Delivery(**first.model_dump() | changed)
        ledger.enter(session, message, None, [delivery], by=ANA, now=NOW)
        entered = delivery.id
    with db.reading(engine) as session:
        assert session.get_one(Delivery, entered).settled_at == settled


@pytest.mark.parametrize(
    ("before", "back"),
    [
        ((Event.PURGE,), Event.RESTORE),
        ((Event.EXPIRE,), Event.RESTORE),
        ((Event.RELEASE, Event.CLAIM, Event.BOUNCE), Event.RELEASE),
        ((Event.RELEASE, Event.CLAIM, Event.DELIVER), Event.REDELIVER),
    ],
)
def test_what_comes_back_is_final_no_longer(engine: Engine, held: int, before: tuple[Event, ...], back: Event) -> None:
    with db.transaction(engine) as session:
        for event in before:
            ledger.record(session, held, event, by=ANA, now=NOW)
        session.expire_all()
        assert session.get_one(Delivery, held).settled_at == NOW
        ledger.record(session, held, back, by=ANA, now=NOW + timedelta(days=1))
    with db.reading(engine) as session:
        assert session.get_one(Delivery, held).settled_at is None


def test_a_digest_is_of_the_items_in_the_order_of_their_ids() -> None:
    states = [(9, State.PURGED), (10, State.HELD), (101, State.PURGED)]
    expected = hashlib.sha256(b"9:purged\n10:held\n101:purged\n").hexdigest()
    assert {ledger.digest(order) for order in permutations(states)} == {expected}


def test_nobody_enters_a_delivery_in_the_middle_of_its_life(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        (held,) = arrive(session, settings)
        message = session.get_one(Message, session.get_one(Delivery, held).message_id)
        stray = Delivery(**session.get_one(Delivery, held).model_dump() | {"id": ids.new_id(), "state": State.DELIVERED})
        with pytest.raises(NotAllowedNow, match="a new delivery is held, queued or purged"):
            ledger.enter(session, message, None, [stray], by=ANA, now=NOW)
