"""The queue of what is to be sent on: claim, settle, when again."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlmodel import Session, col

from triage import access, contents, ledger, recalled
from triage.actor import Actor
from triage.authentication import Authentication, Result
from triage.envelope import Envelope
from triage.errors import NotAllowedNow, NotFound
from triage.ids import show
from triage.models import Attempt, DecisionItem, Delivery, Message
from triage.settings import Settings
from triage.states import Event, State

RELAY = Actor.system("relay")
LEASE = timedelta(minutes=12)  # outlive the slowest final dot: 10 minutes (RFC 5321, 4.5.3.2.6)
SCHEDULE = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 20, 40, 64))  # the last one again and again
JITTER = 0.2
LANDED = "It was delivered before the purge could stop it."


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery that a worker may send now, until its lease ends."""

    delivery_id: int
    number: int  # of the attempt; fences late answers of a dead worker
    message_id: int
    mailbox: str
    reverse_path: str  # to use at the next hop, "" is null
    rule: str
    envelope: Envelope
    authentication: Authentication
    raw: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the next hop said."""

    kind: str  # delivered, deferred, bounced
    reply: str
    next_hop: str
    unreachable: bool = False  # the next hop was not there, or wanted no mail at all: nothing was said about this delivery


EVENTS = {"delivered": Event.DELIVER, "deferred": Event.DEFER, "bounced": Event.BOUNCE}


def claim(session: Session, *, limit: int, settings: Settings, now: datetime) -> list[Claim]:
    """Take at most `limit` due deliveries. The attempt is on the record before anybody dials.

    On PostgreSQL workers pass over each other's rows (SKIP LOCKED); SQLite has one writer anyway.
    """
    due = col(Delivery.state).in_([State.QUEUED, State.RELAYING]) & (col(Delivery.due_at) <= now)
    picked = list(
        session.scalars(select(col(Delivery.id)).where(due).order_by(col(Delivery.due_at)).limit(limit).with_for_update(skip_locked=True))
    )
    if not picked:
        return []
    taken = ledger.record_many(
        session, col(Delivery.id).in_(picked), Event.CLAIM, by=RELAY, now=now, attempts=col(Delivery.attempts) + 1, due_at=now + LEASE
    )
    rows = session.execute(
        select(Delivery, Message)
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(col(Delivery.id).in_([delivery_id for delivery_id, _ in taken]))
        .execution_options(populate_existing=True)
    ).all()
    claims = [one for delivery, message in rows if (one := claim_of(session, delivery, message, settings, now))]
    session.add_all(Attempt(delivery_id=one.delivery_id, number=one.number, started_at=now) for one in claims)
    session.flush()
    return claims


def claim_of(session: Session, delivery: Delivery, message: Message, settings: Settings, now: datetime) -> Claim | None:
    """All that a worker needs, as values; None for what must not or cannot be sent any more.

    A purge that met the attempt of a worker who died is carried out now. What has no content is shown as bounced.
    """
    if delivery.purge_wanted_by is not None:
        why = "The worker died: it may have been delivered."
        if settings.reaches_mailboxes:  # the recaller finds out
            ledger.record(session, delivery.id, Event.DELIVER, by=RELAY, now=now, detail={"reply": why}, due_at=None)
            land_purge(session, delivery.id, delivery.purge_wanted_by, settings=settings, now=now, why=why)
            return None
        ledger.record(session, delivery.id, Event.DEFER, by=RELAY, now=now, due_at=None)
        fire_purge(session, delivery.id, delivery.purge_wanted_by, now=now, why=why)
        return None
    try:
        raw = contents.load(session, message.content_id)
    except NotFound as gone:
        ledger.record(session, delivery.id, Event.BOUNCE, by=RELAY, now=now, due_at=None, last_reply=str(gone))
        return None
    envelope, authentication = Envelope.from_json(message.envelope), Authentication.from_json(message.authentication)
    return Claim(
        delivery_id=delivery.id,
        number=delivery.attempts,
        message_id=message.id,
        mailbox=delivery.mailbox,
        reverse_path=reverse_path(envelope, authentication, delivery.id, settings),
        rule=delivery.rule,
        envelope=envelope,
        authentication=authentication,
        raw=raw,
    )


def reverse_path(envelope: Envelope, authentication: Authentication, delivery_id: int, settings: Settings) -> str:
    """The envelope sender at the next hop (mailflow.md 2): null stays null, what SPF proves goes on, the rest bounces to us."""
    proven = any(spf.identity == "mailfrom" and spf.result is Result.PASS for spf in authentication.spf)
    if not envelope.reverse_path or proven or settings.relay.original_reverse_path:
        return envelope.reverse_path
    return f"bounce+{show(delivery_id)}@{settings.company.domains[0]}".casefold()


def settle(session: Session, claim: Claim, outcome: Outcome, *, settings: Settings, now: datetime) -> None:
    """Write down how an attempt ended. NotAllowedNow when another worker has taken over since."""
    delivery = session.get(Delivery, claim.delivery_id, with_for_update=True, populate_existing=True)
    if delivery is None:
        raise NotFound(f"there is no delivery {show(claim.delivery_id)}")
    kind = outcome.kind
    if kind == "deferred" and now - (delivery.queued_at or now) >= timedelta(hours=settings.relay.give_up_after):
        kind = "bounced"
    due = again_at(claim.number, now) if kind == "deferred" else None
    detail = {"outcome": kind, "reply": outcome.reply, "next_hop": outcome.next_hop, "attempt": claim.number}
    ledger.record(
        session, claim.delivery_id, EVENTS[kind], by=RELAY, now=now, detail=detail, fence=claim.number, due_at=due, last_reply=outcome.reply
    )
    session.execute(
        update(Attempt)
        .where(col(Attempt.delivery_id) == claim.delivery_id, col(Attempt.number) == claim.number)
        .values(ended_at=now, outcome=kind, reply=outcome.reply, next_hop=outcome.next_hop)
    )
    if delivery.purge_wanted_by is not None and kind == "delivered":
        land_purge(session, delivery.id, delivery.purge_wanted_by, settings=settings, now=now)
    elif delivery.purge_wanted_by is not None:
        fire_purge(session, delivery.id, delivery.purge_wanted_by, now=now)


def land_purge(session: Session, delivery_id: int, decision_id: int, *, settings: Settings, now: datetime, why: str = LANDED) -> None:
    """A purge met this delivery while it was under way, and it has landed: take it out of the mailbox, where there is a way in."""
    if not settings.reaches_mailboxes:
        end_purge(session, delivery_id, decision_id, "out of reach", why)
        return
    ledger.record(session, delivery_id, Event.PURGE, by=RELAY, now=now, decision_id=decision_id, **recalled.due(now))
    end_purge(session, delivery_id, decision_id, "recalling", why)


def fire_purge(session: Session, delivery_id: int, decision_id: int, *, now: datetime, why: str = "") -> None:
    """A purge met this delivery while it was under way: carry it out now that the attempt has failed."""
    ledger.record(session, delivery_id, Event.PURGE, by=RELAY, now=now, decision_id=decision_id, due_at=None)
    end_purge(session, delivery_id, decision_id, "done", why)
    recalled.bring_back(session, delivery_id, now=now)


def end_purge(session: Session, delivery_id: int, decision_id: int, outcome: str, why: str) -> None:
    """Write down what became of a purge that was in flight."""
    session.execute(
        update(DecisionItem)
        .where(col(DecisionItem.decision_id) == decision_id, col(DecisionItem.delivery_id) == delivery_id)
        .values(outcome=outcome, why=why)
    )
    session.execute(update(Delivery).where(col(Delivery.id) == delivery_id).values(purge_wanted_by=None))


def again_at(attempts: int, now: datetime) -> datetime:
    """When a delivery that was put off is tried again."""
    return now + SCHEDULE[min(attempts, len(SCHEDULE)) - 1] * random.uniform(1 - JITTER, 1 + JITTER)


def next_due(session: Session) -> datetime | None:
    """When the next delivery is due, or a dead worker's lease ends; None when nothing waits."""
    waiting = or_(col(Delivery.state) == State.QUEUED, col(Delivery.state) == State.RELAYING)
    found: datetime | None = session.scalar(select(func.min(col(Delivery.due_at))).where(waiting))
    return found


def retry_now(session: Session, delivery_id: int, *, by: Actor, now: datetime) -> None:
    """Try a waiting delivery at once, or a bounced one anew. NotAllowedNow when there is nothing to try."""
    access.may_decide(by)
    where = (col(Delivery.id) == delivery_id) & access.visible(by) & col(Delivery.erased_at).is_(None)
    state = session.scalar(select(col(Delivery.state)).where(where))
    if state is None:
        raise NotFound(f"there is no delivery {show(delivery_id)}")
    if state == State.BOUNCED:
        ledger.record(session, delivery_id, Event.RELEASE, by=by, now=now, due_at=now, queued_at=now)
    elif state == State.QUEUED:
        session.execute(update(Delivery).where(where, col(Delivery.state) == State.QUEUED).values(due_at=now))
        ledger.write(session, "retry", f"delivery:{show(delivery_id)}", by=by, now=now)
    else:
        raise NotAllowedNow(f"it is {state}: there is nothing to try again")
