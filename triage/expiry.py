"""When held mail expires, as a condition and as a moment: `retention.held_days` after it was entered, or decided about by somebody."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, select, type_coerce
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage.ids import EPOCH_MS, SEQUENCE_BITS, first_id_at, made_at
from triage.models import Decision, Delivery, Instant, Marker
from triage.states import State

SOON = timedelta(days=1)  # so long before it is said
DAYS = "held-days"  # the marker: how long held mail lasts, as the process that lets it expire has it from its settings


def over(now: datetime, days: int) -> ColumnElement[bool]:
    """Which held mail has lain here for so many days by then, legal holds aside."""
    old = now - timedelta(days=days)
    last = aliased(Decision)
    decided_lately = select(col(last.id)).where(col(last.id) == col(Delivery.decision_id), col(last.at) >= old)
    entered = col(Delivery.id) < first_id_at(old)
    return and_(col(Delivery.state) == State.HELD, col(Delivery.received_at) < old, entered, ~decided_lately.exists())


def note(session: Session, days: int) -> None:
    """Let every process know how long held mail lasts."""
    session.merge(Marker(name=DAYS, number=days))


def known_days() -> ScalarSelect[int]:
    """How long held mail lasts, as a column; NULL where nobody has let any expire yet."""
    return select(col(Marker.number)).where(col(Marker.name) == DAYS).scalar_subquery()


def begun() -> ColumnElement[datetime]:
    """Since when the time runs, where Decision is (outer) joined to Delivery: the last decision about it begins it anew."""
    came, decided = col(Delivery.received_at), col(Decision.at)
    entered = type_coerce((col(Delivery.id) // 2**SEQUENCE_BITS + EPOCH_MS) * 1000, Instant)  # ids.made_at
    there = case((entered > came, entered), else_=came)
    return case((decided > there, decided), else_=there)


def moment(state: str, delivery_id: int, received_at: datetime, decided_at: datetime | None, days: int | None) -> datetime | None:
    """When this mail expires; None when it does not. It may have lain in the spool for days, while nobody could see it."""
    if state != State.HELD or days is None:
        return None
    return max(received_at, made_at(delivery_id), decided_at or received_at) + timedelta(days=days)
