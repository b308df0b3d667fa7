"""A person here asks for a message that is held or was removed; staff decide. Asking changes nothing but the place in the queue."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import EMPLOYEE, Actor
from triage.errors import BadInput, NotAllowedNow, NotFound
from triage.ids import format_id, new_id
from triage.quarantine.requests import open_requests
from triage.quarantine.search.listing import Listed, list_some
from triage.say import say
from triage.store import db, ledger
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.employees import MailRequest

LONGEST = 300  # characters of what somebody adds
MOST_OPEN = 30  # requests of one person that wait at once
ON_ITS_WAY = frozenset({State.QUEUED, State.RELAYING, State.DELIVERED, State.RESTORING})


@dataclass(frozen=True, slots=True)
class Request:
    """A request as staff sees it, with the message it is about."""

    id: int
    by_shown: str  # whose mail it is
    recorded_by_shown: str  # who wrote it down for them; "" when they asked themselves
    at: datetime
    words: str
    mail: Listed


def request_release(session: Session, delivery_id: int, *, by: Actor, words: str, now: datetime) -> int:
    """Ask for a message: the employee whose it is, or staff for them; the id of the request. Asked again it is the same one.

    NotFound when it is none of theirs, NotAllowedNow when it is on its way or the answer was no.
    """
    words = " ".join(words.split())[:LONGEST]
    if by.kind != EMPLOYEE:
        access.may_decide(by)
    delivery = session.scalars(
        select(Delivery).where(col(Delivery.id) == delivery_id, requestable_deliveries(by)).with_for_update()
    ).first()
    if delivery is None:
        raise NotFound(say("there is no delivery {delivery_id}", delivery_id=format_id(delivery_id)))
    if earlier := session.scalars(select(MailRequest).where(col(MailRequest.delivery_id) == delivery_id)).first():
        if earlier.declined_at is not None:
            raise NotAllowedNow(
                say(
                    "{declined_by_shown} declined this: {reason}",
                    declined_by_shown=earlier.declined_by_shown,
                    reason=earlier.reason or say("no reason was given"),
                )
            )
        return earlier.id
    may_be_asked_for(session, delivery, by)
    name = name_of(session, delivery, by)
    made = new_id()
    recorded_by = "" if by.kind == EMPLOYEE else by.shown
    values = {"asked_by": str(by), "asked_by_shown": name, "recorded_by_shown": recorded_by, "asked_at": now, "words": words}
    db.insert_if_missing(session, MailRequest, id=made, delivery_id=delivery_id, **values, declined_by="", declined_by_shown="", reason="")
    open_requests.raise_up(session, delivery, name)
    ledger.write_act(session, "ask", f"delivery:{format_id(delivery_id)}", by=by, now=now, detail={"for": name, "words": words})
    return made


def may_be_asked_for(session: Session, delivery: Delivery, by: Actor) -> None:
    """NotAllowedNow when there is nothing to ask for; BadInput when one person asks for too much at once."""
    if delivery.state in ON_ITS_WAY:
        raise NotAllowedNow(say("it was released: it is in your mailbox, or on its way there"))
    if delivery.state not in open_requests.ASKABLE or delivery.erased_at is not None:
        raise NotAllowedNow(say("its content was erased: ask the sender to send it again"))
    waiting = select(func.count()).select_from(MailRequest).join(Delivery, col(Delivery.id) == col(MailRequest.delivery_id))
    if (session.scalar(waiting.where(open_requests.is_open(), col(MailRequest.asked_by) == str(by))) or 0) >= MOST_OPEN:
        raise BadInput(say("you already have {most_open} open requests: wait for the answers first", most_open=MOST_OPEN))


def requestable_deliveries(by: Actor) -> ColumnElement[bool]:
    """Condition: deliveries that an actor may request: their own, or those in their scope."""
    if by.kind == EMPLOYEE:
        return and_(col(Delivery.direction) == "in", col(Delivery.person) == by.name)
    return access.visible_deliveries(by)


def name_of(session: Session, delivery: Delivery, by: Actor) -> str:
    """Name of the person who requests: the message's recipient; for a shared folder the staff member who entered it."""
    person = session.get(Person, delivery.person) if delivery.person else None
    return person.name if person else by.shown


def decline_request(session: Session, request_id: int, *, by: Actor, reason: str, now: datetime) -> None:
    """Say no, in words that who asked can read. NotFound outside the actor's scope, NotAllowedNow when it was answered."""
    access.may_decide(by)
    found = session.execute(
        open_ones(access.visible_deliveries(by)).where(col(MailRequest.id) == request_id).with_for_update(of=MailRequest)
    ).first()
    if found is None:
        known = (
            select(col(MailRequest.id))
            .join(Delivery, col(Delivery.id) == col(MailRequest.delivery_id))
            .where(access.visible_deliveries(by))
        )
        if session.scalar(known.where(col(MailRequest.id) == request_id)) is None:
            raise NotFound(say("there is no request {request_id}", request_id=format_id(request_id)))
        raise NotAllowedNow(say("this request is already answered"))
    row, delivery = found
    row.declined_at, row.declined_by, row.declined_by_shown = now, str(by), by.shown
    row.reason = " ".join(reason.split())[:LONGEST]
    open_requests.lower_request(session, delivery)
    ledger.write_act(session, "decline-request", f"delivery:{format_id(delivery.id)}", by=by, now=now, detail={"reason": row.reason})


def open_ones(where: ColumnElement[bool]) -> Select[MailRequest, Delivery]:
    """The open requests about this message."""
    return (
        select(MailRequest, Delivery).join(Delivery, col(Delivery.id) == col(MailRequest.delivery_id)).where(open_requests.is_open(), where)
    )


def count_requests(session: Session, *, by: Actor) -> int:
    """Counts unanswered release requests in the actor's scope."""
    return session.scalar(open_ones(access.visible_deliveries(by)).with_only_columns(func.count(), maintain_column_froms=True)) or 0


def list_requests(session: Session, *, by: Actor, limit: int = 50, before: int | None = None) -> list[Request]:
    """Lists unanswered release requests in the actor's scope, newest first."""
    rows = open_ones(access.visible_deliveries(by)).order_by(col(MailRequest.id).desc()).limit(limit)
    found = session.execute(rows if before is None else rows.where(col(MailRequest.id) < before)).all()
    messages = {one.id: one for one in list_some(session, [delivery.id for _, delivery in found], by=by)}
    return [
        Request(row.id, row.asked_by_shown, row.recorded_by_shown, row.asked_at, row.words, messages[delivery.id])
        for row, delivery in found
        if delivery.id in messages
    ]
