"""Reconciles after a restore: finds messages sent since the backup in the mailboxes and does not send them again; unclear ones wait.

A delivery that waits for a decision is queued without a time: `mailroom outgoing retry ID` sends it, `give-up` ends it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import ColumnElement, and_, func, insert, select, update
from sqlmodel import Session, SQLModel, col

from triage.access import scope as access
from triage.actor import Actor, Role
from triage.config.settings import Settings
from triage.delivery import groups
from triage.delivery.journal import JOURNAL
from triage.delivery.routes import INWARD, next_hop_of, place_of
from triage.errors import NotFound
from triage.ids import format_id, made_at, new_id
from triage.say import form_of, say
from triage.store import bodies, ledger, restore_pause
from triage.store.db import is_among
from triage.store.delivery_state import Event, State
from triage.store.message_columns import named_id
from triage.store.models.deliveries import Attempt, Delivery, reply_columns
from triage.store.models.messages import Message
from triage.store.restore_pause import Pause

BY = Actor.system("restore")
UNSENT = (State.HELD, State.QUEUED, State.RELAYING)
FOUND = say("found in the mailbox: it was delivered before the backup was restored")
UNKNOWN = say("restored from a backup: it is unknown whether it was sent since; send it, or give it up")
NOTE = say("It may have been delivered before the backup was restored.")
AT_ONCE = 50  # messages of one mailbox that are searched together
ATTEMPT = SQLModel.metadata.tables[str(Attempt.__tablename__)]


@dataclass(frozen=True, slots=True)
class Sought:
    """Delivery that may have been sent since the backup."""

    delivery_id: int
    marker: str  # the value of X-Mailroom-Message, as this database has it
    message_id: str  # the Message-ID, "" without one
    received_at: datetime
    content: bytes | None
    renumbered: bool  # entered from the spool after the restore: the copy sent before has another number


@dataclass(frozen=True, slots=True)
class Box:
    """Mailbox to search."""

    place: str  # maildir:DIRECTORY or the IMAP server's URL; "" when there is no way in
    mailbox: str


def pause_in_force(session: Session) -> Pause:
    """Returns the pause of delivery after a restore; NotFound when nothing is paused."""
    pause = restore_pause.pause_of(session)
    if pause is None:
        raise NotFound(say("delivery is not paused: no backup was restored here, or delivery was resumed already"))
    return pause


def doubtful_deliveries(pause: Pause) -> ColumnElement[bool]:
    """Condition for messages from before the restore that the lost system may have sent already."""
    return and_(col(Delivery.state).in_(UNSENT), col(Delivery.received_at) <= pause.since)


def doubtful_mailboxes(session: Session, settings: Settings) -> list[Box]:
    """Lists mailboxes that may hold doubtful messages. A distribution list that another system expands has no mailbox to search."""
    place = (col(Delivery.department), col(Delivery.mailbox))
    where = and_(doubtful_deliveries(pause_in_force(session)), col(Delivery.direction).in_(INWARD))
    rows = session.execute(select(*place).where(where).distinct().order_by(*place)).all()
    lists = groups.find_expanding(session, (mailbox for _, mailbox in rows))
    found = []
    for department, mailbox in rows:
        hop = next_hop_of(settings, department=department, mailbox=mailbox, direction="in")
        found.append(Box("" if mailbox in lists or not mailbox else place_of(hop, settings), mailbox))
    return list(dict.fromkeys(found))


def list_searched_deliveries(session: Session, box: Box) -> Iterable[list[Sought]]:
    """Yields the deliveries to search for in one mailbox, some at a time."""
    pause = pause_in_force(session)
    rows = session.execute(
        select(col(Delivery.id), col(Message.id), named_id(), col(Message.content_id), col(Message.received_at))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(doubtful_deliveries(pause), col(Delivery.direction).in_(INWARD), col(Delivery.mailbox) == box.mailbox)
        .order_by(col(Delivery.id))
    )
    while some := list(islice(rows, AT_ONCE)):
        yield [
            Sought(
                one,
                format_id(message_id),
                named or "",
                at,
                bodies.find_body(session, content_id),
                made_at(one) > pause.since,
            )
            for one, message_id, named, content_id, at in some
        ]


def list_elsewhere(session: Session) -> list[int]:
    """Lists doubtful deliveries to places that cannot be searched, except for the archive, which gets its copies again."""
    outward = col(Delivery.direction).not_in((*INWARD, JOURNAL))
    return list(
        session.scalars(select(col(Delivery.id)).where(doubtful_deliveries(pause_in_force(session)), outward).order_by(col(Delivery.id)))
    )


def resume_delivery(
    session: Session, *, found: Collection[int], absent: Collection[int], unknown: Collection[int], by: Actor, now: datetime, send: bool
) -> list[int]:
    """Resumes delivery: marks `found` as delivered, sends `absent`, and lets `unknown` wait for a person; returns the waiting ids.

    `send`: send the unknown ones too.
    """
    access.over_everything(by, Role.ADMIN)
    pause = pause_in_force(session)
    mark_delivered(session, found, now)
    archive = and_(doubtful_deliveries(pause), col(Delivery.direction) == JOURNAL)
    for where in (is_among(session, col(Delivery.id), [*absent, *(unknown if send else ())]), archive):
        queue_again(session, where, due_at=now, reply="", now=now)
    waiting = [] if send else put_aside(session, unknown, now)
    restore_pause.end_pause(session)
    counts = {"found": len(found), "absent": len(absent), "unknown": len(unknown), "sent": send, "backup": pause.backup_at.isoformat()}
    ledger.write_act(session, "resume", "restore", by=by, now=now, detail=counts)
    return waiting


def mark_delivered(session: Session, ids: Collection[int], now: datetime) -> None:
    """Marks deliveries found in their mailbox as delivered, by the steps that they took then."""
    mine = is_among(session, col(Delivery.id), ids)
    ledger.record_many(session, mine & (col(Delivery.state) == State.HELD), Event.RELEASE, by=BY, now=now, due_at=None, queued_at=now)
    ledger.record_many(session, mine, Event.CLAIM, by=BY, now=now, attempts=col(Delivery.attempts) + 1, due_at=None)
    sent = mine & (col(Delivery.state) == State.RELAYING)
    rows = session.execute(select(col(Delivery.id), col(Delivery.attempts)).where(sent)).all()
    made = {"started_at": now, "ended_at": now, "next_hop": "", "outcome": "delivered", "reply": str(FOUND), "reply_form": form_of(FOUND)}
    if rows:
        session.execute(insert(ATTEMPT), [{"id": new_id(), "delivery_id": one, "number": number} | made for one, number in rows])
    detail = {"reply": str(FOUND), "reply_form": form_of(FOUND)}
    ledger.record_many(session, sent, Event.DELIVER, by=BY, now=now, detail=detail, due_at=None, waits_for="", **reply_columns(FOUND))


def queue_again(session: Session, where: ColumnElement[bool], *, due_at: datetime | None, reply: str, now: datetime) -> list[int]:
    """Queues these deliveries again, from now on; returns those that were queued or being delivered."""
    ledger.record_many(session, where & (col(Delivery.state) == State.RELAYING), Event.DEFER, by=BY, now=now)
    queued = where & (col(Delivery.state) == State.QUEUED)
    ids = list(session.scalars(select(col(Delivery.id)).where(queued).order_by(col(Delivery.id))))
    values = {"due_at": due_at, "queued_at": now, "waits_for": ""} | reply_columns(reply)
    session.execute(update(Delivery).where(is_among(session, col(Delivery.id), ids)).values(**values))
    return ids


def put_aside(session: Session, ids: Collection[int], now: datetime) -> list[int]:
    """Defers deliveries until a person decides; held ones get a note for the person who releases them."""
    mine = is_among(session, col(Delivery.id), ids)
    held = mine & (col(Delivery.state) == State.HELD)
    session.execute(update(Delivery).where(held).values(note=func.trim(col(Delivery.note) + " " + NOTE)))
    return queue_again(session, mine, due_at=None, reply=UNKNOWN, now=now)
