"""The ledger: every change is legal, single and in the audit log."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, arrive
from triage import ids
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import NotAllowedNow, NotFound
from triage.store import db, ledger
from triage.store.delivery_state import TRANSITIONS, Event, State
from triage.store.message_record.record_codec import MessageRecord
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content, Message
from triage.store.new_rows import Entry, Row
from triage.store.provable_rows import row_sums


@pytest.fixture
def held(engine: Engine, settings: Settings) -> int:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        return arrive(session, settings)[0]


def state_of(engine: Engine, delivery_id: int) -> str:
    with db.read_transaction(engine) as session:
        return session.get_one(Delivery, delivery_id).state


def records(engine: Engine) -> list[tuple[str, int]]:
    with db.read_transaction(engine) as session:
        return [
            (act, items)
            for act, items in session.execute(select(col(AuditRecord.act), col(AuditRecord.items)).order_by(col(AuditRecord.id)))
        ]


def test_a_change_and_its_record_are_one(engine: Engine, held: int) -> None:
    with db.transaction(engine) as session:
        assert ledger.record_event(session, held, Event.RELEASE, by=ANA, now=NOW, detail={"why": "wanted"}, due_at=NOW) is State.QUEUED
    assert state_of(engine, held) == State.QUEUED
    with db.read_transaction(engine) as session:
        assert session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == "release")).one()["why"] == "wanted"
    assert records(engine)[-2:] == [("receive", 1), ("release", 1)]


def test_a_change_that_is_rolled_back_leaves_no_record(engine: Engine, held: int) -> None:
    before = records(engine)

    def half_way() -> None:
        with db.transaction(engine) as session:
            ledger.record_event(session, held, Event.PURGE, by=ANA, now=NOW)
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
        ledger.record_event(session, held, event, by=ANA, now=NOW)
    assert state_of(sqlite_engine, held) == State.HELD


@pytest.mark.usefixtures("held")  # another one is there
def test_a_delivery_that_does_not_exist(engine: Engine) -> None:
    with pytest.raises(NotFound), db.transaction(engine) as session:
        ledger.record_event(session, ids.new_id(), Event.RELEASE, by=ANA, now=NOW)


def test_an_answer_of_a_dead_worker_is_fenced_off(engine: Engine, held: int) -> None:
    with db.transaction(engine) as session:
        ledger.record_event(session, held, Event.RELEASE, by=ANA, now=NOW)
        ledger.record_event(session, held, Event.CLAIM, by=ANA, now=NOW, attempts=1)
        ledger.record_event(session, held, Event.CLAIM, by=ANA, now=NOW, attempts=2)
    with pytest.raises(NotAllowedNow), db.transaction(engine) as session:
        ledger.record_event(session, held, Event.DELIVER, by=ANA, now=NOW, fence=1)
    with db.transaction(engine) as session:
        assert ledger.record_event(session, held, Event.DELIVER, by=ANA, now=NOW, fence=2) is State.DELIVERED


def test_a_set_changes_in_one_act_and_final_ones_are_dated(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        wave = [arrive(session, settings)[0] for _ in range(7)]
        ledger.record_event(session, wave[0], Event.RELEASE, by=ANA, now=NOW, due_at=NOW + timedelta(seconds=10))
        ledger.record_event(session, wave[1], Event.EXPIRE, by=ANA, now=NOW)
    with db.transaction(engine) as session:
        changed = ledger.record_many(session, db.is_among(session, col(Delivery.id), wave), Event.PURGE, by=ANA, now=NOW, due_at=None)
    assert dict(changed) == {wave[0]: State.QUEUED} | dict.fromkeys(wave[2:], State.HELD)
    assert records(engine)[-1] == ("purge", 6)
    with db.read_transaction(engine) as session:
        settled = dict(session.execute(select(col(Delivery.id), col(Delivery.settled_at))).all())
    assert settled == dict.fromkeys(wave, NOW)
    assert state_of(engine, wave[1]) == State.EXPIRED


@pytest.mark.parametrize(("state", "settled"), [(State.HELD, None), (State.QUEUED, None), (State.PURGED, NOW)])
def test_what_is_purged_as_it_comes_in_is_final_at_once(engine: Engine, held: int, state: State, settled: datetime | None) -> None:
    with db.transaction(engine) as session:
        first = session.get_one(Delivery, held)
        message = Message(**db.columns_of(session.get_one(Message, first.message_id)) | {"id": ids.new_id(), "spool_id": ids.new_id()})
        changed = {"id": ids.new_id(), "message_id": message.id, "state": state, "settled_at": NOW - timedelta(days=1)}
        delivery = Delivery(**first.model_dump() | changed)
        ledger.enter_message(session, message, None, [delivery], by=ANA, now=NOW)
        entered = delivery.id
    with db.read_transaction(engine) as session:
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
            ledger.record_event(session, held, event, by=ANA, now=NOW)
        session.expire_all()
        assert session.get_one(Delivery, held).settled_at == NOW
        ledger.record_event(session, held, back, by=ANA, now=NOW + timedelta(days=1))
    with db.read_transaction(engine) as session:
        assert session.get_one(Delivery, held).settled_at is None


def last_record(session: Session) -> AuditRecord:
    return session.scalars(select(AuditRecord).order_by(col(AuditRecord.id).desc())).all()[0]


def test_a_record_names_what_it_is_about(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        one, two = arrive(session, settings)[0], arrive(session, settings)[0]
        both = db.is_among(session, col(Delivery.id), (one, two))
        for where, decision, subject, event, after in (
            (both, None, "deliveries", Event.RELEASE, State.QUEUED),
            (col(Delivery.id) == one, None, f"delivery:{ids.format_id(one)}", Event.HOLD, State.HELD),
            (col(Delivery.id) == two, 77, f"decision:{ids.format_id(77)}", Event.PURGE, State.PURGED),
        ):
            changed = ledger.record_many(session, where, event, by=ANA, now=NOW, detail={"reason": "a test"}, decision_id=decision)
            record = last_record(session)
            assert (record.act, record.subject, record.by, record.at) == (event, subject, "person:ana", NOW)
            sums = row_sums.sum_changes((number, before, after) for number, before in changed)
            assert (record.items, record.digest) == (len(changed), sums.format_digest())
            assert record.detail == {"reason": "a test"}
        rows = {row.id: row for row in session.scalars(select(Delivery).execution_options(populate_existing=True))}
        assert (rows[one].decision_id, rows[two].decision_id) == (None, 77)
        assert ledger.record_many(session, both, Event.CLAIM, by=ANA, now=NOW) == []
        assert last_record(session).act == Event.PURGE  # nothing changed: nothing is on record


@pytest.mark.parametrize(
    ("by", "detail"),
    [
        (ANA, {"to": "joe"}),
        (replace(ANA, place="192.0.2.7"), {"to": "joe", "from": "192.0.2.7"}),
        (replace(ANA, stands_in_for=("ben", "eva")), {"to": "joe", "stands_in_for": ["ben", "eva"]}),
    ],
)
def test_the_record_says_from_where_and_for_whom(sqlite_engine: Engine, by: Actor, detail: dict[str, object]) -> None:
    with db.transaction(sqlite_engine) as session:
        ledger.write_act(session, "note", "rule:1", by=by, now=NOW, detail={"to": "joe"})
        ledger.write_all(session, [("note", "rule:1", {"to": "joe"}), ("note", "rule:2", {})], by=by, now=NOW)
        records = session.scalars(select(AuditRecord).order_by(col(AuditRecord.id))).all()
        assert [(one.act, one.subject, one.by, one.at, one.items, one.digest) for one in records] == [
            ("note", f"rule:{number}", "person:ana", NOW, 0, "") for number in (1, 1, 2)
        ]
        assert [records[0].detail, records[1].detail] == [detail, detail]
        assert (records[0].previous, records[0].sealed) == ("", "")


def test_what_comes_in_is_on_the_record_with_its_notes(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        first = session.get_one(Delivery, arrive(session, settings)[0])
        assert last_record(session).detail == {}
        message = Message(**db.columns_of(session.get_one(Message, first.message_id)) | {"id": ids.new_id(), "spool_id": ids.new_id()})
        base = first.model_dump() | {"message_id": message.id}
        noted, plain = (
            Delivery(**base | {"id": ids.new_id(), "recipient": f"{number}@company.example", "note": note})
            for number, note in enumerate(("For Mara.", ""))
        )
        said = {ids.format_id(noted.id): "For Mara."}
        states = [(noted.id, State.HELD), (plain.id, State.HELD)]
        subject = f"message:{ids.format_id(message.id)}"
        ledger.enter_message(session, message, None, [noted, plain], by=ANA, now=NOW)
        record = last_record(session)
        assert (record.act, record.subject, record.detail) == ("receive", subject, {"notes": said})
        assert (record.items, record.digest, record.at) == (2, row_sums.sum_states(states).format_digest(), NOW)


@pytest.mark.parametrize("state", [State.QUEUED, State.HELD, State.PURGED])
def test_a_group_s_copies_are_queued_and_on_the_record(sqlite_engine: Engine, settings: Settings, state: State) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        (group,) = arrive(session, settings)
        base = session.get_one(Delivery, group).model_dump() | {"parent_id": group, "state": State.QUEUED}
        copies = [Delivery(**base | {"id": ids.new_id(), "recipient": f"{number}@company.example"}) for number in range(3)]
        copies[1].state = state
        if state is not State.QUEUED:
            with pytest.raises(NotAllowedNow, match="a member's copy can only be queued"):
                ledger.branch_delivery(session, group, copies, by=ANA, now=NOW, detail={})
            return
        ledger.branch_delivery(session, group, copies, by=ANA, now=NOW, detail={"members": 3})
        record = last_record(session)
        assert (record.act, record.subject, record.detail) == ("expand", f"delivery:{ids.format_id(group)}", {"members": 3})
        assert (record.items, record.digest) == (3, row_sums.sum_states((one.id, State.QUEUED) for one in copies).format_digest())
        assert len(session.scalars(select(Delivery)).all()) == 4


def test_deliveries_are_held_in_the_order_of_their_ids(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        messages = [arrive(session, settings)[0] for _ in range(4)]
        session.execute(update(Delivery).where(col(Delivery.id) == messages[2]).values(state=State.QUEUED, urgency=90))
        assert ledger.lock_deliveries(session, col(Delivery.urgency) >= 0) == [
            (mail, State.QUEUED if mail == messages[2] else State.HELD, NOW) for mail in sorted(messages)
        ]
        assert ledger.move_held_deliveries(session, db.is_among(session, col(Delivery.id), messages[1:]), department="legal") == 3
        folders = dict(session.execute(select(col(Delivery.id), col(Delivery.department))).all())
        assert [folders[mail] for mail in messages] == ["it", "legal", "legal", "legal"]


def test_a_sum_is_the_same_in_every_order_and_by_day() -> None:
    day = row_sums.DAY_BITS
    states = [(9, State.PURGED), (day + 10, State.HELD), (day + 11, State.PURGED)]
    one, two, three = (int.from_bytes(hashlib.sha256(f"state {key} {state}".encode()).digest(), "big") for key, state in states)
    expected = f"state.0:1:{one:064x} state.1:2:{(two + three) % 2**256:064x}"
    assert {row_sums.sum_states(order).format_digest() for order in permutations(states)} == {expected}


def test_nobody_enters_a_delivery_in_the_middle_of_its_life(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        (held,) = arrive(session, settings)
        message = session.get_one(Message, session.get_one(Delivery, held).message_id)
        stray = Delivery(**session.get_one(Delivery, held).model_dump() | {"id": ids.new_id(), "state": State.DELIVERED})
        fresh = Delivery(**session.get_one(Delivery, held).model_dump() | {"id": ids.new_id()})
        for deliveries in ([stray], [fresh, stray], [stray, fresh]):
            with pytest.raises(NotAllowedNow, match="a new delivery is held, queued, purged or recalling"):
                ledger.enter_message(session, message, None, deliveries, by=ANA, now=NOW)


def test_contents_are_inserted_in_one_order_whoever_brings_them(monkeypatch: pytest.MonkeyPatch, sqlite_engine: Engine) -> None:
    """So two transactions that bring the same ones never wait for each other in a circle."""
    inserted: list[str] = []

    def insert_all(_session: Session, table: type, rows: list[Row]) -> None:
        inserted.extend(row["sha256"] for row in rows if table is Content)

    monkeypatch.setattr(db, "insert_all", insert_all)
    record = MessageRecord({}, {}, {}, [])
    message = {"id": 1, "spool_id": "", "content_id": None, "received_at": NOW, "text": "", "record": record}
    entries = [*(Entry(message, {"sha256": digest}, []) for digest in ("c", "a", "b")), Entry(message, None, [])]
    with db.transaction(sqlite_engine) as session:
        ledger.enter_all(session, entries, by=ANA, now=NOW)
    assert inserted == ["a", "b", "c"]
