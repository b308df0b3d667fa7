"""Retention: what nobody decided expires, what nobody needs is erased, the records stay."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, arrive
from triage.compliance.retention import expire as retention
from triage.config.settings import Settings
from triage.errors import NotFound
from triage.intake import receive as intake
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import bodies, db, ledger
from triage.store.delivery_state import Event, State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content, Message

DAYS = timedelta(days=1)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Held messages expire, whether their recipients got a digest or not."""
    return arriving.expire_unseen(settings)


@pytest.mark.parametrize(("days", "state"), [(29, State.HELD), (31, State.EXPIRED)])
def test_held_mail_expires(known: Engine, settings: Settings, days: int, state: State) -> None:
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings)
        retention.expire_messages(session, settings=settings, now=NOW + days * DAYS)
        assert session.get_one(Delivery, mail, populate_existing=True).state == state


@pytest.mark.parametrize(
    ("events", "days", "erased"),
    [
        ((), 99, 0),
        ((Event.RELEASE,), 99, 0),
        ((Event.PURGE,), 29, 0),
        ((Event.PURGE,), 31, 1),
        ((Event.RELEASE, Event.CLAIM, Event.DELIVER), 31, 1),
        ((Event.EXPIRE,), 31, 1),
    ],
)
def test_content_is_erased_when_every_copy_is_final_long_enough(
    known: Engine, settings: Settings, events: tuple[Event, ...], days: int, erased: int
) -> None:
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings)
        for event in events:
            ledger.record_event(session, mail, event, by=ANA, now=NOW)
        assert arriving.erase(session, settings=settings, now=NOW + days * DAYS) == erased
    with db.read_transaction(known) as session:
        content = session.scalar(select(col(Content.id)))
        assert content is not None
        if erased:
            with pytest.raises(NotFound, match="its retention period is over"):
                bodies.load_body(session, content)
            assert session.scalars(select(col(AuditRecord.act)).order_by(col(AuditRecord.id))).all()[-1] == "erase"
            assert session.get_one(Delivery, mail).erased_at is not None
            assert session.scalar(select(col(Message.text))) == ""
        else:
            assert bodies.load_body(session, content)


def test_one_sibling_that_is_still_held_keeps_the_content(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        gone, _ = arrive(session, settings, "joe.fern@company.example", "mara.berg@company.example")
        ledger.record_event(session, gone, Event.PURGE, by=ANA, now=NOW)
        assert arriving.erase(session, settings=settings, now=NOW + 99 * DAYS) == 0


def test_what_was_erased_comes_back_when_it_is_sent_again(known: Engine, settings: Settings) -> None:
    raw = b"From: sales@supplier.example\r\n\r\nHello\r\n"
    with db.transaction(known) as session:
        for round_ in range(2):
            (mail,) = intake.receive_message(
                session,
                arriving.envelope(),
                raw,
                arriving.authentication("sales@supplier.example"),
                arriving.summary("sales@supplier.example"),
                settings=settings,
                now=NOW,
            )
            content = session.get_one(Message, session.get_one(Delivery, mail).message_id).content_id
            assert bodies.load_body(session, content) == raw
            if not round_:
                ledger.record_event(session, mail, Event.PURGE, by=ANA, now=NOW)
                assert arriving.erase(session, settings=settings, now=NOW + 31 * DAYS) == 1
                session.expire_all()


def test_what_somebody_restored_is_not_expired_again_at_once(known: Engine, settings: Settings) -> None:
    late = NOW + 40 * DAYS
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings)
        assert retention.expire_messages(session, settings=settings, now=late) == 1
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(mail,)), Verb.RESTORE), by=ANA, now=late, settings=settings)
        assert retention.expire_messages(session, settings=settings, now=late) == 0
        assert retention.expire_messages(session, settings=settings, now=late + 31 * DAYS) == 1


def test_what_is_due_is_looked_for_a_window_at_a_time(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        came = [arrive(session, settings)[0] for _ in range(5)]
        for mail in came[1:4]:
            ledger.record_event(session, mail, Event.PURGE, by=ANA, now=NOW)
    found: list[int] = []
    later, reached, windows = NOW + 31 * DAYS, 0, 0
    with db.read_transaction(known) as session:  # no writer waits for it
        wanted = [session.get_one(Message, session.get_one(Delivery, mail).message_id).content_id for mail in came[1:4]]
        while windows == 0 or reached:
            some, reached = retention.due_contents(session, settings=settings, now=later, after=reached, limit=2)
            found, windows = found + some, windows + 1
    assert (found, windows) == (wanted, 4), "and the last one finds no more"
    with db.transaction(known) as session:
        decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=(came[2],)), Verb.RESTORE), by=ANA, now=later, settings=settings
        )
    with db.transaction(known) as session:
        assert retention.erase_contents(session, found, settings=settings, now=later) == 2, "what was restored since then stays"


def test_what_was_erased_long_ago_is_not_walked_through(sqlite_engine: Engine, settings: Settings) -> None:
    asked = retention.old_enough(settings, NOW).where(col(Content.id) > 1).order_by(col(Content.id)).limit(9)
    words = asked.compile(sqlite_engine, compile_kwargs={"literal_binds": True})
    with sqlite_engine.connect() as connection:
        (step,) = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}").all()
    assert "INDEX content_kept (id>? AND id<?)" in step[3]


def test_slices_are_small(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        for _ in range(5):
            arrive(session, settings)
        assert retention.expire_messages(session, settings=settings, now=NOW + 31 * DAYS, limit=2) == 2
        assert retention.expire_messages(session, settings=settings, now=NOW + 31 * DAYS, limit=9) == 3
