"""The recaller's verbs: claim what is to be taken out of mailboxes or put back, secure it, settle what became of it."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from triage import contents, ledger, recalled
from triage.db import among
from triage.errors import NotAllowedNow, NotFound
from triage.ids import show
from triage.models import Attempt, Delivery, Message
from triage.recalled import BY, Copy
from triage.routes import next_hop_of
from triage.settings import Settings
from triage.states import Event, State

LEASE = timedelta(minutes=4)  # a session with one mailbox ends before
DUE = frozenset({State.RECALLING, State.RESTORING})
MOST = 100  # deliveries of one mailbox in one session
LOOKED_AT = 1000  # due deliveries that one claim sorts by mailbox
SHORTEST, LONGEST = timedelta(seconds=10), timedelta(hours=1)  # pauses before a mailbox is tried again
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Errand:
    """One delivery that a worker may take out of its mailbox, or put back, until the lease ends."""

    delivery_id: int
    number: int  # of the attempt; fences late answers of a dead worker
    restoring: bool
    mailbox: str
    place: str  # maildir:DIRECTORY or the IMAP server's URL; "" when there is no way in
    marker: str  # the value of X-Mailroom-Message
    message_id: str  # the Message-ID, "" without one
    received_at: datetime
    content: bytes | None  # as received; None when erased
    sure: bool = True  # False: the relay's worker died, so nobody knows whether it was delivered
    copies: tuple[Copy, ...] = ()  # restoring: what to put back
    gone: bool = False  # restoring: there was no copy when it was taken


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of an errand: taken (or gone already), restored, there (still), absent, deferred or refused; and what to say."""

    kind: str
    why: str = ""


def claim(session: Session, *, mailboxes: int, busy: Iterable[str] = (), settings: Settings, now: datetime) -> list[list[Errand]]:
    """Take everything that is due in at most so many mailboxes, none of them in `busy`; the errands of each mailbox."""
    due = col(Delivery.state).in_(DUE) & (col(Delivery.due_at) <= now) & col(Delivery.mailbox).not_in(list(busy))
    rows = session.execute(
        select(col(Delivery.id), col(Delivery.mailbox))
        .where(due)
        .order_by(col(Delivery.due_at), col(Delivery.id))
        .limit(LOOKED_AT)
        .with_for_update(skip_locked=True)
    )
    picked: dict[str, list[int]] = {}
    for delivery_id, mailbox in rows:
        if mailbox in picked or len(picked) < mailboxes:
            picked.setdefault(mailbox, []).append(delivery_id)
    ids = [delivery_id for some in picked.values() for delivery_id in some[:MOST]]
    if not ids:
        return []
    ledger.record_many(
        session,
        among(session, col(Delivery.id), ids) & col(Delivery.state).in_(DUE),
        Event.CLAIM,
        by=BY,
        now=now,
        attempts=col(Delivery.attempts) + 1,
        due_at=now + LEASE,
    )
    return [errands for some in picked.values() if (errands := errands_of(session, some[:MOST], settings, now))]


def errands_of(session: Session, ids: list[int], settings: Settings, now: datetime) -> list[Errand]:
    """The errands of one mailbox, their attempts on the record before anybody dials."""
    rows = session.execute(
        select(Delivery, Message)
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(among(session, col(Delivery.id), ids))
        .order_by(col(Delivery.id))
        .execution_options(populate_existing=True)
    ).all()
    hops = delivered_by(session, ids)
    errands = []
    for delivery, message in rows:
        if called_off(session, delivery, now):
            continue
        hop = hops.get(delivery.id, "")
        way = hop or next_hop_of(settings, department=delivery.department, mailbox=delivery.mailbox, direction=delivery.direction)
        errands.append(errand_of(session, delivery, message, place_of(way, settings), sure=bool(hop)))
    session.add_all(Attempt(delivery_id=one.delivery_id, number=one.number, started_at=now, next_hop=one.place) for one in errands)
    session.flush()
    return errands


def errand_of(session: Session, delivery: Delivery, message: Message, place: str, *, sure: bool) -> Errand:
    """All that a worker needs, as values."""
    try:
        content = contents.load(session, message.content_id)
    except NotFound:
        content = None
    restoring = State(delivery.state) is State.RESTORING
    kept = recalled.current(session, delivery.id) if restoring else []
    return Errand(
        delivery_id=delivery.id,
        number=delivery.attempts,
        restoring=restoring,
        mailbox=delivery.mailbox,
        place=place,
        marker=show(message.id),
        message_id=message.summary.get("message_id", ""),
        received_at=message.received_at,
        content=content,
        sure=sure,
        copies=tuple(recalled.copy_of(row, content) for row in kept if row.head is not None),
        gone=any(row.gone for row in kept),
    )


def delivered_by(session: Session, ids: list[int]) -> dict[int, str]:
    """The next hop that took each of these over."""
    rows = session.execute(
        select(col(Attempt.delivery_id), col(Attempt.next_hop))
        .where(among(session, col(Attempt.delivery_id), ids), col(Attempt.outcome) == "delivered")
        .order_by(col(Attempt.number))
    )
    return dict(rows.all())


def place_of(next_hop: str, settings: Settings) -> str:
    """Where a delivered copy lies: the Maildirs that it was written into, or behind the IMAP server; "" without a way in."""
    return next_hop if next_hop.startswith("maildir:") else settings.recall.imap


def called_off(session: Session, delivery: Delivery, now: datetime) -> bool:
    """A purge that was undone before anything was taken: the copy stays where it is."""
    undone_by = delivery.back_wanted_by
    if State(delivery.state) is not State.RECALLING or delivery.back_to != "mailbox" or recalled.current(session, delivery.id):
        return False
    purge = delivery.decision_id
    changes: dict[str, Any] = {"due_at": None, "back_wanted_by": None, "back_to": ""}
    ledger.record(session, delivery.id, Event.GIVE_UP, by=BY, now=now, decision_id=undone_by, detail={"why": "it was undone"}, **changes)
    recalled.tell(session, purge, delivery.id, "done", "Called off before it was taken.")
    recalled.tell(session, undone_by, delivery.id, "done", "It had not been taken yet.")
    return True


def secure(session: Session, errand: Errand, copies: Iterable[Copy], *, now: datetime) -> None:
    """Write down the copies that are about to be taken (mailflow.md 13). NotAllowedNow when another worker has taken over."""
    held(session, errand)
    recalled.keep(session, errand.delivery_id, errand.content, copies, now=now)


def settle(session: Session, errand: Errand, ending: Ending, *, settings: Settings, now: datetime) -> None:
    """Write down how an errand ended. NotAllowedNow when another worker has taken over since."""
    delivery = held(session, errand)
    session.execute(
        update(Attempt)
        .where(col(Attempt.delivery_id) == errand.delivery_id, col(Attempt.number) == errand.number)
        .values(ended_at=now, outcome=ending.kind, reply=ending.why)
    )
    if ending.kind == "deferred" and now - (delivery.queued_at or now) < timedelta(hours=settings.recall.give_up_after):
        put_off(session, delivery, ending.why, now)
    elif errand.restoring:
        settle_restore(session, delivery, ending, settings, now)
    else:
        settle_recall(session, delivery, errand, ending, now)


def held(session: Session, errand: Errand) -> Delivery:
    """The delivery, locked, while the errand's attempt is the last one. NotAllowedNow when it is not."""
    delivery = session.get(Delivery, errand.delivery_id, with_for_update=True, populate_existing=True)
    if delivery is None:
        raise NotFound(f"there is no delivery {show(errand.delivery_id)}")
    if delivery.attempts != errand.number or State(delivery.state) not in DUE:
        raise NotAllowedNow(f"attempt {errand.number} is over: it is {delivery.state} in attempt {delivery.attempts}")
    return delivery


def put_off(session: Session, delivery: Delivery, why: str, now: datetime) -> None:
    """Try it again later: the longer it has not worked, the later."""
    pause = min(max(now - (delivery.queued_at or now), SHORTEST), LONGEST) * random.uniform(1 - JITTER, 1 + JITTER)
    session.execute(update(Delivery).where(col(Delivery.id) == delivery.id).values(due_at=now + pause, last_reply=why))
    under_way = "restoring" if State(delivery.state) is State.RESTORING else "recalling"
    recalled.tell(session, delivery.decision_id, delivery.id, under_way, f"Tried again later: {why}")


def settle_recall(session: Session, delivery: Delivery, errand: Errand, ending: Ending, now: datetime) -> None:
    """It is out of the mailbox, was gone already, or stays there."""
    purge, undone_by = delivery.decision_id, delivery.back_wanted_by
    if ending.kind == "taken":
        copies = recalled.current(session, delivery.id)
        if errand.sure and not copies:
            recalled.keep_absence(session, delivery.id, now=now)
        outcome = "done" if copies or not errand.sure else "already gone"
        why = f"{recalled.in_words(copies) or absence(errand)} {ending.why}".strip()
        ledger.record(session, delivery.id, Event.RECALL, by=BY, now=now, detail={"why": why}, due_at=None, last_reply="")
        recalled.tell(session, purge, delivery.id, outcome, why)
        recalled.bring_back(session, delivery.id, now=now)
        return
    detail = {"why": ending.why}
    changes: dict[str, Any] = {"due_at": None, "last_reply": ending.why, "back_wanted_by": None, "back_to": ""}
    ledger.record(session, delivery.id, Event.GIVE_UP, by=BY, now=now, detail=detail, **changes)
    recalled.end(session, delivery.id, now=now)
    recalled.tell(session, purge, delivery.id, "out of reach", ending.why)
    if undone_by not in (None, purge):
        recalled.tell(session, undone_by, delivery.id, "done", "It never left the mailbox.")


def absence(errand: Errand) -> str:
    """Why there was nothing to take, in words."""
    return "Its owner had deleted it already." if errand.sure else "It never arrived."


def settle_restore(session: Session, delivery: Delivery, ending: Ending, settings: Settings, now: datetime) -> None:
    """It is in its mailbox again, or is to be delivered anew; a purge that met it on the way is carried out."""
    decision, purge = delivery.decision_id, delivery.purge_wanted_by
    detail = {"why": ending.why}
    there = ending.kind in ("restored", "there")
    if there:
        ledger.record(session, delivery.id, Event.DELIVER, by=BY, now=now, detail=detail, due_at=None, last_reply=ending.why)
    else:
        ledger.record(session, delivery.id, Event.GIVE_UP, by=BY, now=now, detail=detail, due_at=now, queued_at=now, last_reply="")
    recalled.end(session, delivery.id, now=now)
    recalled.tell(session, decision, delivery.id, "still there" if ending.kind == "there" else "done", ending.why)
    if purge is not None:
        session.execute(update(Delivery).where(col(Delivery.id) == delivery.id).values(purge_wanted_by=None))
        ledger.record(session, delivery.id, Event.PURGE, by=BY, now=now, decision_id=purge, **recalled.due(now))
        recalled.tell(session, purge, delivery.id, "recalling" if there else "done", "")
        if not there:
            recalled.bring_back(session, delivery.id, now=now)


def next_due(session: Session) -> datetime | None:
    """When the next errand is due, or a dead worker's lease ends; None when nothing waits."""
    found: datetime | None = session.scalar(select(func.min(col(Delivery.due_at))).where(col(Delivery.state).in_(DUE)))
    return found
