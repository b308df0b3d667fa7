"""Open release requests ("May I have this one?"): who requested which message, and how a request raises its row's priority."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, exists
from sqlmodel import Session, col

from triage.message.signals import priority
from triage.message.signals.priority import Reason
from triage.quarantine.requests.employee_notes import Note, NoteTable
from triage.say import say
from triage.store.delivery_state import State
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailRequest
from triage.store.queue import dirty_counts
from triage.text.json_values import read_value

ASKABLE = (State.HELD, State.PURGED, State.EXPIRED, State.REJECTED)  # what somebody can ask for
SETTLING = ("release", "redirect", "purge", "reject")  # verbs that answer
WORD, POINTS = "requested", 50  # to the front of what is wanted; what is surely unusual rises, but not past that


def is_open() -> ColumnElement[bool]:
    """Condition: requests without an answer, where MailRequest is joined to Delivery: nobody has declined or decided about the message
    since.
    """
    decided = (
        exists()
        .where(
            col(Decision.id) == col(Delivery.decision_id),
            col(Decision.at) >= col(MailRequest.asked_at),
            col(Decision.verb).in_(SETTLING),
            col(Decision.undone_by).is_(None),
        )
        .correlate(Delivery, MailRequest)
    )
    there = and_(col(Delivery.state).in_(ASKABLE), col(Delivery.erased_at).is_(None))
    return and_(col(MailRequest.declined_at).is_(None), there, ~decided)


def note_of(row: MailRequest) -> Note:
    """A request as a row of the queue shows it."""
    return Note(row.id, row.delivery_id, row.asked_by_shown, row.asked_at, row.words)


REQUESTS = NoteTable(MailRequest, col(MailRequest.declined_at).is_(None), is_open(), note_of)


def raise_up(session: Session, delivery: Delivery, name: str) -> None:
    """Let the message stand in front of what is wanted, and say why."""
    reorder_delivery(
        session, delivery, [*urgency_without(delivery.why_here), Reason(WORD, POINTS, say("{name} requested it.", name=name)).as_json()]
    )


def lower_request(session: Session, delivery: Delivery) -> None:
    """Let it stand where it stood before."""
    reorder_delivery(session, delivery, urgency_without(delivery.why_here))


def urgency_without(why: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the other reasons for the priority."""
    return [one for one in why if one["name"] != WORD]


def reorder_delivery(session: Session, delivery: Delivery, why: list[dict[str, Any]]) -> None:
    """Give it the urgency that these reasons make, and have its row counted again."""
    reasons = sorted((read_value(Reason, one, "sentence") for one in why), key=lambda reason: -abs(reason.points))
    delivery.why_here, delivery.urgency = [one.as_json() for one in reasons], priority.sum_urgency(reasons)
    session.flush()
    dirty_counts.touch_where(session, col(Delivery.id) == delivery.id)
