"""After a restore nothing is sent on and nothing taken out of mailboxes, until it is known what had been sent since the backup."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, literal, select
from sqlmodel import Session, col

from triage.store.models.markers import Marker
from triage.times import from_micros, to_micros

PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when, and from when the backup is."""

    since: datetime
    backup_at: datetime


def is_running() -> ColumnElement[bool]:
    """Whether nothing is paused. As a condition, so that nobody who claims asks the database twice."""
    return ~select(literal(1)).where(col(Marker.name) == PAUSED).exists()


def pause_delivery(session: Session, *, backup_at: datetime, now: datetime) -> None:
    """Send nothing on and take nothing out of mailboxes, in every process, whoever starts it."""
    session.merge(Marker(name=PAUSED, number=to_micros(now), text=backup_at.isoformat()))


def pause_of(session: Session) -> Pause | None:
    """The pause, None when there is none."""
    row = session.get(Marker, PAUSED)
    return Pause(from_micros(row.number), datetime.fromisoformat(row.text)) if row else None


def pause_sentence(pause: Pause) -> str:
    """Says what everybody should know about the pause."""
    backup, since = f"{pause.backup_at:%d %b %Y %H:%M}", f"{pause.since:%d %b %Y %H:%M}"
    return f"a backup of {backup} UTC was restored: nothing is sent on or taken out of mailboxes since {since} UTC"


def end_pause(session: Session) -> None:
    """Go on."""
    if row := session.get(Marker, PAUSED):
        session.delete(row)
        session.flush()
