"""A person's own mail that is held or was taken away, as they see it themselves: who sent it and what it is called, no more."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Row, Select, and_, select
from sqlmodel import Session, col

from triage.asked import ASKABLE
from triage.models import Decision, Delivery, MailRequest
from triage.settings import Settings
from triage.states import State


@dataclass(frozen=True, slots=True)
class Own:
    """One mail."""

    id: int
    author: str
    author_name: str
    subject: str
    received_at: datetime
    waits: bool  # else it was taken away
    gone_at: datetime | None  # when that was
    expires_at: datetime | None
    asked_at: datetime | None
    declined: str  # why a request did not let it in, in words; "" while nothing is said to it


def of_person(
    session: Session, uid: str, *, settings: Settings, now: datetime, since: datetime | None = None, limit: int = 100
) -> list[Own]:
    """What waits first, of each what they may want first, at most `limit` of each. `since`: of what was taken away only later ones."""
    days = timedelta(days=max(settings.retention.purged_days, settings.retention.held_days))
    mine = and_(col(Delivery.person) == uid, col(Delivery.direction) == "in", col(Delivery.erased_at).is_(None))
    waits = and_(mine, col(Delivery.state) == State.HELD)
    gone = [state for state in ASKABLE if state is not State.HELD]
    lately = and_(col(Delivery.received_at) > now - 2 * days, col(Delivery.settled_at) > (since or now - days))
    taken = and_(mine, col(Delivery.state).in_(gone), lately)
    ends = timedelta(days=settings.retention.held_days)
    return [as_seen(row, ends) for which in (waits, taken) for row in session.execute(rows_of(which).limit(limit))]


def rows_of(which: ColumnElement[bool]) -> Select[Delivery, MailRequest, datetime]:
    """Mail with the request for it and the last decision about it."""
    return (
        select(Delivery, MailRequest, col(Decision.at))
        .outerjoin(MailRequest, col(MailRequest.delivery_id) == col(Delivery.id))
        .outerjoin(Decision, col(Decision.id) == col(Delivery.decision_id))
        .where(which)
        .order_by(col(Delivery.urgency).desc(), col(Delivery.received_at).desc())
    )


def as_seen(row: Row[Delivery, MailRequest, datetime], ends: timedelta) -> Own:
    """A row as the person sees it."""
    delivery, request, decided_at = row
    waits = delivery.state == State.HELD
    begun = max(delivery.received_at, decided_at or delivery.received_at)
    return Own(
        id=delivery.id,
        author=delivery.author,
        author_name=delivery.author_name,
        subject=delivery.subject,
        received_at=delivery.received_at,
        waits=waits,
        gone_at=None if waits else delivery.settled_at,
        expires_at=begun + ends if waits else None,
        asked_at=request.asked_at if request else None,
        declined=refusal(request, delivery) if request else "",
    )


def refusal(request: MailRequest, delivery: Delivery) -> str:
    """What was said to a request; taking the mail away is an answer too."""
    if request.declined_at:
        return f"{request.declined_by_shown}: {request.reason or 'no'}"
    answered = delivery.state != State.HELD and delivery.settled_at and delivery.settled_at > request.asked_at
    return "it was looked at and not let in" if answered and delivery.state != State.EXPIRED else ""
