"""A person's own mail that is held or was taken away, as they see it themselves: who sent it and what it is called, no more."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Row, Select, and_, literal, or_, select, true, tuple_
from sqlmodel import Session, col

from triage.config.settings import Settings
from triage.quarantine.campaigns.attack_copies import is_counted
from triage.quarantine.requests.open_requests import ASKABLE
from triage.say import join_parts, say
from triage.store.delivery_state import FOR_ASSISTANT, State
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailRequest

AT_ONCE = 100  # messages of each part
SHOWN = timedelta(days=7)  # removed messages are on the list at least so long: the daily digest refers to it
ORDER = (col(Delivery.urgency), col(Delivery.received_at), col(Delivery.id))  # all descend
Place = tuple[int, datetime, int]  # of a message in that order


@dataclass(frozen=True, slots=True)
class Own:
    """Message of an employee, as they see it."""

    id: int
    message_id: int
    author: str
    author_name: str
    claimed: bool  # the author is unclear: it only claims to be from this one
    subject: str
    received_at: datetime
    waits: bool  # else it was taken away
    gone_at: datetime | None  # when that was
    expires_at: datetime | None
    asked_at: datetime | None
    declined: str  # why a request was not granted; "" while it has no answer
    urgency: int
    counted: bool  # it looks dangerous or was sent to many people: the daily digest does not name it

    @property
    def place(self) -> Place:
        """Sort key among messages that wait, or among those that were removed."""
        return (self.urgency, self.received_at, self.id)


def list_part(
    session: Session,
    uid: str,
    waits: bool,
    *,
    settings: Settings,
    now: datetime,
    since: datetime | None = None,
    after: Place | None = None,
    limit: int = AT_ONCE,
) -> list[Own]:
    """Lists messages that are held, or were removed lately: likely wanted ones first. `after`: only those behind this place."""
    which = and_(held_or_removed(uid, waits, settings, now, since), after_place(after) if after else true())
    return select_own(session, which, settings=settings, limit=limit)


def select_own(session: Session, which: ColumnElement[bool], *, settings: Settings, limit: int) -> list[Own]:
    """Lists messages as their recipient sees them: likely wanted ones first."""
    return [as_seen(row, timedelta(days=settings.retention.held_days)) for row in session.execute(rows_of(which).limit(limit))]


def find_own(session: Session, uid: str, delivery_id: int, *, settings: Settings, now: datetime) -> Own | None:
    """This message of theirs, wherever it stands; None where it neither waits nor was taken away lately."""
    either = or_(*(held_or_removed(uid, waits, settings, now, None) for waits in (True, False)))
    row = session.execute(rows_of(and_(either, col(Delivery.id) == delivery_id))).first()
    return as_seen(row, timedelta(days=settings.retention.held_days)) if row else None


def held_or_removed(uid: str, waits: bool, settings: Settings, now: datetime, since: datetime | None) -> ColumnElement[bool]:
    """Condition: a person's deliveries that are held, or were removed lately."""
    mine = and_(col(Delivery.person) == uid, col(Delivery.direction) == "in", col(Delivery.erased_at).is_(None))
    if waits:
        return and_(mine, col(Delivery.state) == State.HELD)
    days = max(SHOWN, timedelta(days=max(settings.retention.purged_days, settings.retention.held_days)))
    gone = [state for state in ASKABLE if state is not State.HELD]
    lately = and_(col(Delivery.received_at) > now - 2 * days, col(Delivery.settled_at) > (since or now - days))
    return and_(mine, col(Delivery.state).in_(gone), lately)


def after_place(place: Place) -> ColumnElement[bool]:
    """Condition: deliveries behind a place."""
    urgency, received_at, delivery_id = place
    return tuple_(*ORDER) < tuple_(literal(urgency), literal(received_at, Instant), literal(delivery_id))


def rows_of(which: ColumnElement[bool]) -> Select[Delivery, MailRequest, datetime, bool]:
    """Mail with the request for it and the last decision about it, and whether a digest only counts it."""
    return (
        select(Delivery, MailRequest, col(Decision.at), is_counted())
        .outerjoin(MailRequest, col(MailRequest.delivery_id) == col(Delivery.id))
        .outerjoin(Decision, col(Decision.id) == col(Delivery.decision_id))
        .where(which)
        .order_by(*(column.desc() for column in ORDER))
    )


def as_seen(row: Row[Delivery, MailRequest, datetime, bool], ends: timedelta) -> Own:
    """A row as the person sees it."""
    delivery, request, decided_at, counted = row
    waits = delivery.state == State.HELD
    begun = max(delivery.received_at, decided_at or delivery.received_at)
    return Own(
        id=delivery.id,
        message_id=delivery.message_id,
        author=delivery.author,
        author_name=delivery.author_name,
        claimed=delivery.claimed,
        subject=delivery.subject,
        received_at=delivery.received_at,
        waits=waits,
        gone_at=None if waits else delivery.settled_at,
        expires_at=begun + ends if waits and delivery.rule != FOR_ASSISTANT else None,
        asked_at=request.asked_at if request else None,
        declined=request_refusal(request, delivery) if request else "",
        urgency=delivery.urgency,
        counted=bool(counted),
    )


def request_refusal(request: MailRequest, delivery: Delivery) -> str:
    """Returns the answer to a request that was not granted; removing the message is an answer too."""
    if request.declined_at:
        declined = say("declined by {name}", name=request.declined_by_shown)
        return join_parts(": ", (declined, request.reason)) if request.reason else declined
    answered = delivery.state != State.HELD and delivery.settled_at and delivery.settled_at > request.asked_at
    return say("it was reviewed and not released") if answered and delivery.state != State.EXPIRED else ""
