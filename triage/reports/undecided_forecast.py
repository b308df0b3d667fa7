"""Read-only: which messages of the last days would have been delivered undecided, and which of these turned out bad."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.business_hours import worked_until
from triage.config.settings import Settings
from triage.ids import first_id_at
from triage.quarantine.search import undecided
from triage.store.delivery_state import State
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.store.models.messages import Message

DAYS = 14
SHOWN = 20  # messages that turned out bad and are named
MOST = 20_000  # messages that are looked at, the newest
BAD_STATES = frozenset({State.PURGED, State.RECALLING, State.REJECTED})


@dataclass(frozen=True, slots=True)
class BadMessage:
    """Message that would have been delivered, and that somebody removed or reported."""

    id: int
    message_id: int
    received_at: datetime
    author: str
    subject: str
    removed: bool
    reported: bool


@dataclass(frozen=True, slots=True)
class UndecidedForecast:
    """Forecast for a department and its minutes, an upper bound: comments and the like spare some messages."""

    department: str
    minutes: int
    days: int
    delivered: int
    removed: int
    reported: int
    items: tuple[BadMessage, ...]  # the newest of those that were removed or reported


def forecast_undecided(
    session: Session, department: str, minutes: int, *, by: Actor, settings: Settings, now: datetime
) -> UndecidedForecast:
    """Counts in the actor's scope the messages of DAYS that waited so long without a decision and had nothing that would have kept them."""
    decided = (
        select(func.min(Decision.at, type_=Instant))
        .join(DecisionItem, col(DecisionItem.decision_id) == col(Decision.id))
        .where(col(DecisionItem.delivery_id) == col(Delivery.id))
        .correlate(Delivery)
        .scalar_subquery()
    )
    begun = now - timedelta(days=DAYS)
    reported = select(col(MailReport.id)).where(col(MailReport.delivery_id) == col(Delivery.id)).correlate(Delivery).exists()
    these = (
        col(Delivery.department) == department,
        col(Delivery.received_at) >= begun,
        col(Delivery.id) >= first_id_at(begun),
        access.real_deliveries(by),
        undecided.has_no_warnings(),
        undecided.is_answered(),
    )
    columns = [col(getattr(Delivery, name)) for name in ("id", "message_id", "received_at", "author", "subject", "state", "settled_at")]
    rows = session.execute(
        select(*columns, decided.label("decided_at"), reported.label("reported"))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(*these)
        .order_by(col(Delivery.received_at).desc())
        .limit(MOST)
    ).all()
    hours = undecided.Terms.of_settings(settings).hours
    found = [row for row in rows if waited(row, minutes, hours, settings.coverage.time_zone, now)]
    bad = [
        BadMessage(row.id, row.message_id, row.received_at, row.author, row.subject, State(row.state) in BAD_STATES, bool(row.reported))
        for row in found
        if State(row.state) in BAD_STATES or row.reported
    ]
    removed, told = sum(one.removed for one in bad), sum(one.reported for one in bad)
    return UndecidedForecast(department, minutes, DAYS, len(found), removed, told, tuple(bad[:SHOWN]))


def waited(row: Any, minutes: int, hours: tuple[str, ...], zone: str, now: datetime) -> bool:
    """Whether nobody had decided about a message, and it had not expired, when its time was over."""
    expired = row.settled_at if row.state == State.EXPIRED else None
    ended: datetime = min(filter(None, (row.decided_at, expired, now)))
    return worked_until(hours, zone, row.received_at, timedelta(minutes=minutes)) <= ended
