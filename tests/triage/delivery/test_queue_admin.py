"""Outgoing queue of a next hop: tried at once, given up, deferred while the hop is down, brought forward when it is back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, NOW, OTTO, arrive
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import queue, queue_admin
from triage.delivery.queue import RELAY, Outcome
from triage.delivery.routes import Destination, list_destinations
from triage.errors import NotAllowed, NotAllowedNow, NotFound
from triage.store import db, ledger
from triage.store.delivery_state import Event, State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.text.i18n.translate import translate_sentence

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
LATER = NOW + timedelta(minutes=1)
AWAY = "it cannot be reached: Connection refused"


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    return engine


def queued(session: Session, settings: Settings, address: str = JOE) -> int:
    """Queues a message that is due now."""
    (mail,) = arrive(session, settings, address)
    ledger.record_event(session, mail, Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
    return mail


def row(session: Session, delivery_id: int) -> Delivery:
    return session.get_one(Delivery, delivery_id, populate_existing=True)


def split(settings: Settings) -> tuple[Settings, Destination, Destination]:
    """Legal has a server of its own: the settings, legal's destination, the others'."""
    company = replace(settings, relay=replace(settings.relay, routes=("department:legal=lmtp://legal:24",)))
    legal, others = list_destinations(company)
    return company, legal, others


def test_given_up_is_bounced_with_who_and_the_last_reply(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        mail = queued(session, settings)
        (claim,) = queue.claim_deliveries(session, limit=1, settings=settings, now=NOW)
        queue.settle_claim(session, claim, Outcome("deferred", "451 busy", "hop"), settings=settings, now=NOW)
        assert queue_admin.give_up(session, [mail], settings=settings, by=ANA, now=NOW) == 1
        ended = row(session, mail)
        assert (ended.state, ended.due_at, ended.last_reply) == (State.BOUNCED, None, "given up by Ana Roth; last: 451 busy")
        assert translate_sentence(ended.shown_reply, "de") == "aufgegeben von Ana Roth; zuletzt: 451 busy"
        assert ended.settled_at == NOW
        assert (
            session.scalars(select(col(AuditRecord.act)).where(col(AuditRecord.by) == str(ANA)).order_by(col(AuditRecord.id))).all()[-1]
            == "give_up"
        )
        assert queue_admin.retry_deliveries(session, [mail], settings=settings, by=ANA, now=LATER) == 1  # and back
        assert (row(session, mail).state, row(session, mail).due_at) == (State.QUEUED, LATER)


@pytest.mark.parametrize("act", [queue_admin.give_up, queue_admin.retry_deliveries])
@pytest.mark.parametrize(("by", "refusal"), [(OTTO, NotAllowed), (BEN, NotFound)])
def test_who_may_not(company: Engine, settings: Settings, act: object, by: Actor, refusal: type[Exception]) -> None:
    with db.transaction(company) as session:
        mail = queued(session, settings)
    with pytest.raises(refusal), db.transaction(company) as session:
        act(session, [mail], settings=settings, by=by, now=NOW)  # type: ignore[operator]


def test_one_that_does_not_wait_keeps_all_as_they_are(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        mail, (held,) = queued(session, settings), arrive(session, settings)
    with pytest.raises(NotAllowedNow, match="is held: only a delivery that waits"), db.transaction(company) as session:
        queue_admin.give_up(session, [mail, held], settings=settings, by=ANA, now=NOW)
    with db.read_transaction(company) as session:
        assert row(session, mail).state == State.QUEUED


def test_all_of_a_destination(company: Engine, settings: Settings) -> None:
    apart, legal, others = split(settings)
    with db.transaction(company) as session:
        joe, mara = queued(session, settings), queued(session, settings, MARA)
        assert queue_admin.waiting_for(session, legal, by=ANA, limit=9) == [mara]
        assert queue_admin.give_up_all(session, legal, settings=settings, by=ANA, now=NOW) == 1
        assert queue_admin.retry_all(session, others, by=ANA, now=LATER) == 1
        assert queue_admin.retry_all(session, others, by=BEN, now=LATER) == 0  # out of his scope
        assert [(row(session, one).state, row(session, one).due_at) for one in (joe, mara)] == [("queued", LATER), ("bounced", None)]
        found = queue_admin.list_standings(session, by=ANA, settings=apart)
    assert [(one.next_hop, one.waiting, one.refused, one.next_try) for one in found] == [
        ("lmtp://legal:24", 0, 1, None),
        (settings.relay.next_hop, 1, 0, LATER),
    ]


def test_what_is_due_waits_while_its_next_hop_is_away_and_goes_when_it_is_back(company: Engine, settings: Settings) -> None:
    apart, legal, others = split(settings)
    until = NOW + timedelta(minutes=2)
    with db.transaction(company) as session:
        joe, mara = queued(session, settings), queued(session, settings, MARA)
        assert queue_admin.defer_deliveries(session, legal, until, AWAY, give_up=False, settings=apart, by=RELAY, now=NOW) == 1
        assert [(row(session, one).due_at, row(session, one).last_reply) for one in (joe, mara)] == [(NOW, ""), (until, AWAY)]
        assert row(session, mara).attempts == 0
        (standing, _) = queue_admin.list_standings(session, by=ANA, settings=apart)
        assert (standing.unreachable, standing.last_reply, standing.next_try) == (1, AWAY, until)
        assert queue_admin.bring_forward(session, others, now=LATER) == 0
        assert queue_admin.bring_forward(session, legal, now=LATER) == 1
        assert (row(session, mara).due_at, row(session, mara).waits_for) == (LATER, "")


def test_a_delivery_with_its_own_retry_time_is_not_brought_forward(company: Engine, settings: Settings) -> None:
    (everything,) = list_destinations(settings)
    with db.transaction(company) as session:
        greylisted, away = queued(session, settings), queued(session, settings)
        claims = {one.delivery_id: one for one in queue.claim_deliveries(session, limit=2, settings=settings, now=NOW)}
        hop = everything.next_hop
        queue.settle_claim(session, claims[greylisted], Outcome("deferred", "450 greylisted", hop), settings=settings, now=NOW)
        queue.settle_claim(session, claims[away], Outcome("deferred", AWAY, hop, unreachable=True), settings=settings, now=NOW)
        assert queue_admin.bring_forward(session, everything, now=LATER) == 1
        assert row(session, away).due_at == LATER
        assert (row(session, greylisted).due_at or NOW) > LATER


@pytest.mark.parametrize(
    ("long", "state"),
    [
        (False, State.QUEUED),  # after a holiday of all machines: the next hop may only be slower to start than we are
        (True, State.BOUNCED),
    ],
)
def test_a_next_hop_that_is_away_for_long_bounces_what_waited_too_long(
    company: Engine, settings: Settings, long: bool, state: State
) -> None:
    (everything,) = list_destinations(settings)
    now, hop = NOW + timedelta(days=5), everything.next_hop
    with db.transaction(company) as session:
        messages = queued(session, settings), queued(session, settings), queued(session, settings)
        asking, answered = queue.claim_deliveries(session, limit=2, settings=settings, now=now)
        queue.settle_claim(session, asking, Outcome("deferred", AWAY, hop, unreachable=True), settings=settings, now=now)
        queue.settle_claim(session, answered, Outcome("deferred", "450 greylisted", hop), settings=settings, now=NOW)
        queue_admin.defer_deliveries(
            session, everything, now + timedelta(minutes=5), AWAY, give_up=long, settings=settings, by=RELAY, now=now
        )
        found = {one: row(session, one).state for one in messages}
        assert found.pop(answered.delivery_id) == (State.BOUNCED if long else State.QUEUED)  # it is due again
        assert set(found.values()) == {state}


@pytest.mark.parametrize(
    ("state", "ahead", "due"),
    [
        (State.QUEUED, timedelta(minutes=77), timedelta(minutes=77)),  # the longest pause there is
        (State.QUEUED, timedelta(days=40), timedelta()),
        (State.RELAYING, queue.LEASE, queue.LEASE),
        (State.RELAYING, timedelta(days=40), queue.LEASE),
        (State.RECALLING, timedelta(days=40), queue.LEASE),
        (State.RESTORING, timedelta(days=40), queue.LEASE),
        (State.HELD, timedelta(days=40), timedelta(days=40)),  # not the queue's business
    ],
)
def test_retry_times_from_a_fast_clock_are_corrected(
    company: Engine, settings: Settings, state: State, ahead: timedelta, due: timedelta
) -> None:
    with db.transaction(company) as session:
        (mail,) = arrive(session, settings, JOE)
        session.execute(update(Delivery).where(col(Delivery.id) == mail).values(state=state, due_at=NOW + ahead))
    moved = ahead != due
    with db.transaction(company) as session:
        assert queue_admin.any_strayed(session, settings=settings, now=NOW) is moved
        assert queue_admin.set_right(session, settings=settings, lease=queue.LEASE, by=RELAY, now=NOW) == moved
        assert row(session, mail).due_at == NOW + due
        assert not queue_admin.any_strayed(session, settings=settings, now=NOW)
