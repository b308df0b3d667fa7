"""When held mail expires, as a condition and as a moment: `retention.held_days` after it came in, or after somebody decided about it."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage.models import Decision, Delivery, Marker
from triage.states import State

SOON = timedelta(days=1)  # so long before it is said
DAYS = "held-days"  # the marker: how long held mail lasts, as the process that lets it expire has it from its settings


def over(now: datetime, days: int) -> ColumnElement[bool]:
    """Which held mail has lain here for so many days by then, legal holds aside."""
    old = now - timedelta(days=days)
    last = aliased(Decision)
    decided_lately = select(col(last.id)).where(col(last.id) == col(Delivery.decision_id), col(last.at) >= old)
    return and_(col(Delivery.state) == State.HELD, col(Delivery.received_at) < old, ~decided_lately.exists())


def note(session: Session, days: int) -> None:
    """Let every process know how long held mail lasts."""
    session.merge(Marker(name=DAYS, number=days))


def known_days() -> ScalarSelect[int]:
    """How long held mail lasts, as a column; NULL where nobody has let any expire yet."""
    return select(col(Marker.number)).where(col(Marker.name) == DAYS).scalar_subquery()


def begun() -> ColumnElement[datetime]:
    """Since when the time runs, where Decision is (outer) joined to Delivery: the last decision about it begins it anew."""
    return case((col(Decision.at) > col(Delivery.received_at), col(Decision.at)), else_=col(Delivery.received_at))


def moment(state: str, received_at: datetime, decided_at: datetime | None, days: int | None) -> datetime | None:
    """When this mail expires; None when it does not."""
    if state != State.HELD or days is None:
        return None
    return max(received_at, decided_at or received_at) + timedelta(days=days)
