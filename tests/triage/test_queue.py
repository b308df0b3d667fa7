"""The queue: claimed once, settled once, tried again in time, given up in the end."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, OTTO, arrive
from triage import db, decisions, ledger, outcomes, queue
from triage.actor import Actor
from triage.authentication import Result
from triage.decisions import Verb
from triage.errors import NotAllowed, NotAllowedNow, NotFound
from triage.ids import show
from triage.models import Attempt, Content, Delivery, Message
from triage.queue import Claim, Outcome
from triage.selection import Selection
from triage.settings import Relay, Settings
from triage.states import Event, State

OK = Outcome("delivered", "250 2.0.0 ok", "next.example")
LATER = Outcome("deferred", "451 4.3.0 later", "next.example")
NO = Outcome("bounced", "550 5.1.1 no such user", "next.example")


@pytest.fixture
def released(engine: Engine, settings: Settings) -> tuple[Engine, int]:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        (mail,) = arrive(session, settings)
        ledger.record(session, mail, Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
    return engine, mail


def claim(session: Session, settings: Settings, later: timedelta = timedelta()) -> list[Claim]:
    return queue.claim(session, limit=10, settings=settings, now=NOW + later)


def test_what_is_due_is_claimed_once(released: tuple[Engine, int], settings: Settings) -> None:
    engine, mail = released
    with db.transaction(engine) as session:
        (one,) = claim(session, settings)
        assert (one.delivery_id, one.number, one.mailbox) == (mail, 1, "joe.fern@company.example")
        assert one.raw.endswith(b"\r\n\r\nHello\r\n")
        assert claim(session, settings) == []
    with db.reading(engine) as session:
        assert session.scalars(select(col(Attempt.number))).all() == [1]
        assert queue.next_due(session) == NOW + queue.LEASE


def test_nothing_is_claimed_before_it_is_due(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        (mail,) = arrive(session, settings)
        ledger.record(session, mail, Event.RELEASE, by=ANA, now=NOW, due_at=NOW + timedelta(seconds=10))
        assert claim(session, settings, timedelta(seconds=9)) == []
        assert len(claim(session, settings, timedelta(seconds=10))) == 1


@pytest.mark.parametrize(("outcome", "state"), [(OK, State.DELIVERED), (LATER, State.QUEUED), (NO, State.BOUNCED)])
def test_how_an_attempt_ends(released: tuple[Engine, int], settings: Settings, outcome: Outcome, state: State) -> None:
    engine, mail = released
    with db.transaction(engine) as session:
        (one,) = claim(session, settings)
        queue.settle(session, one, outcome, settings=settings, now=NOW)
    with db.reading(engine) as session:
        row = session.get_one(Delivery, mail)
        assert (row.state, row.last_reply) == (state, outcome.reply)
        attempt = session.scalars(select(Attempt)).one()
        assert (attempt.outcome, attempt.reply, attempt.next_hop) == (outcome.kind, outcome.reply, "next.example")


def test_it_is_tried_again_later_and_later(released: tuple[Engine, int], settings: Settings) -> None:
    engine, mail = released
    pauses, at = [], timedelta()
    for _ in range(7):
        with db.transaction(engine) as session:
            (one,) = claim(session, settings, at)
            queue.settle(session, one, LATER, settings=settings, now=NOW + at)
            due = session.get_one(Delivery, mail, populate_existing=True).due_at
            assert due is not None
            pauses.append((due - NOW - at) / timedelta(minutes=1))
            at = due - NOW
    for pause, minutes in zip(pauses, (5, 10, 20, 40, 64, 64, 64), strict=True):
        assert 0.79 * minutes < pause < 1.21 * minutes


def test_after_days_it_is_given_up(released: tuple[Engine, int], settings: Settings) -> None:
    engine, mail = released
    days = timedelta(days=5)
    with db.transaction(engine) as session:
        (one,) = claim(session, settings, days)
        queue.settle(session, one, LATER, settings=settings, now=NOW + days)
        assert session.get_one(Delivery, mail, populate_existing=True).state == State.BOUNCED


def test_a_dead_workers_delivery_is_taken_over_and_its_late_answer_refused(released: tuple[Engine, int], settings: Settings) -> None:
    engine, mail = released
    with db.transaction(engine) as session:
        (dead,) = claim(session, settings)
    with db.transaction(engine) as session:
        (alive,) = claim(session, settings, queue.LEASE)
        assert (alive.delivery_id, alive.number) == (mail, 2)
    with pytest.raises(NotAllowedNow), db.transaction(engine) as session:
        queue.settle(session, dead, OK, settings=settings, now=NOW)
    with db.transaction(engine) as session:
        queue.settle(session, alive, OK, settings=settings, now=NOW)


def test_what_has_no_content_any_more_blocks_nobody(released: tuple[Engine, int], settings: Settings) -> None:
    engine, mail = released
    with db.transaction(engine) as session:
        (other,) = arrive(session, settings)
        ledger.record(session, other, Event.RELEASE, by=ANA, now=NOW, due_at=NOW)
        content = session.get_one(Message, session.get_one(Delivery, mail).message_id).content_id
        session.execute(update(Content).where(col(Content.id) == content).values(zstd=None))
        assert [one.delivery_id for one in claim(session, settings)] == [other]
        row = session.get_one(Delivery, mail, populate_existing=True)
        assert (row.state, "has been erased" in row.last_reply) == (State.BOUNCED, True)


@pytest.mark.parametrize(
    ("next_hop", "state", "outcome"), [("maildir:/var/mail", "recalling", "recalling"), ("smtp://inner:25", "purged", "done")]
)
def test_a_purge_that_met_a_worker_who_died_is_carried_out(
    released: tuple[Engine, int], settings: Settings, next_hop: str, state: str, outcome: str
) -> None:
    """Nobody knows whether it was delivered: where there is a way into the mailboxes, somebody looks."""
    engine, mail = released
    settings = replace(settings, relay=Relay(next_hop=next_hop))
    with db.transaction(engine) as session:
        claim(session, settings)
        done = decisions.decide(session, Selection.of(ids=(mail,)), Verb.PURGE, by=ANA, reason="", now=NOW, settings=settings)
        assert done.in_flight == 1
    with db.transaction(engine) as session:
        assert claim(session, settings, queue.LEASE) == []
    with db.transaction(engine) as session:
        assert session.get_one(Delivery, mail).state == state
        (item,) = outcomes.report(session, done.id, by=ANA).items
        assert (item.outcome, item.why) == (outcome, "The worker died: it may have been delivered.")


def test_two_workers_share_the_work(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        for _ in range(6):
            (mail,) = arrive(session, settings)
            ledger.record(session, mail, Event.RELEASE, by=ANA, now=NOW, due_at=NOW)
    with db.transaction(engine) as session:
        mine = queue.claim(session, limit=3, settings=settings, now=NOW)
        if db.is_postgresql(session):  # another transaction passes over the locked rows; SQLite has one writer
            with db.transaction(engine) as other:
                theirs = queue.claim(other, limit=6, settings=settings, now=NOW)
            assert len(theirs) == 3
            assert not {one.delivery_id for one in mine} & {one.delivery_id for one in theirs}
        assert len(mine) == 3


@pytest.mark.parametrize(
    ("reverse_path", "spf", "original", "sent"),
    [
        ("", Result.NONE, False, ""),
        ("sales@supplier.example", Result.PASS, False, "sales@supplier.example"),
        ("sales@supplier.example", Result.FAIL, False, None),
        ("sales@supplier.example", Result.NONE, True, "sales@supplier.example"),
    ],
)
def test_the_reverse_path_at_the_next_hop(settings: Settings, reverse_path: str, spf: Result, original: bool, sent: str | None) -> None:
    settings = replace(settings, relay=replace(settings.relay, original_reverse_path=original))
    envelope, found = arriving.envelope(reverse_path=reverse_path), arriving.authentication("sales@supplier.example", spf=spf)
    expected = f"bounce+{show(7).lower()}@company.example" if sent is None else sent
    assert queue.reverse_path(envelope, found, 7, settings) == expected


def test_retry_at_once(released: tuple[Engine, int], settings: Settings) -> None:
    engine, mail = released
    with db.transaction(engine) as session:
        (one,) = claim(session, settings)
        queue.settle(session, one, LATER, settings=settings, now=NOW)
        assert claim(session, settings) == []
        queue.retry_now(session, mail, by=ANA, now=NOW)
        (again,) = claim(session, settings)
        queue.settle(session, again, NO, settings=settings, now=NOW)
        queue.retry_now(session, mail, by=ANA, now=NOW)
        assert len(claim(session, settings)) == 1


@pytest.mark.parametrize(("by", "refusal"), [(OTTO, NotAllowed), (arriving.BEN, NotFound)])
def test_who_may_not_retry(released: tuple[Engine, int], by: Actor, refusal: type[Exception]) -> None:
    engine, mail = released
    with pytest.raises(refusal), db.transaction(engine) as session:
        queue.retry_now(session, mail, by=by, now=NOW)


def test_there_is_nothing_to_retry(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        (mail,) = arrive(session, settings)
    with pytest.raises(NotAllowedNow, match="it is held"), db.transaction(engine) as session:
        queue.retry_now(session, mail, by=ANA, now=NOW)
