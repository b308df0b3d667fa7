"""Streams of security events: which part of the audit log each has sent. A marker for each, moved on after sending: at least once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from triage.access import confidential_folders
from triage.compliance.audit import hash_chain
from triage.config.settings import Settings
from triage.notifications import security_events
from triage.store import db, versions
from triage.store.models.audit import AuditRecord
from triage.store.models.markers import Marker

LINES, SYSLOG = "lines", "syslog"
MARKER = "siem-"  # before the name of a stream: up to which record of the chain it has sent
AT_ONCE = 500  # places of the chain: more than that is never in memory


@dataclass(frozen=True, slots=True)
class Stretch:
    """The next part of the chain for a stream, and the events in it."""

    after: int
    through: int
    events: tuple[dict[str, Any], ...]


def list_streams(settings: Settings) -> list[str]:
    """The streams of the settings."""
    return [name for name, place in ((LINES, settings.siem.lines), (SYSLOG, settings.siem.syslog)) if place]


def is_behind(session: Session, stream: str) -> bool:
    """Whether there is something on the chain that the stream has not looked at."""
    marker = session.get(Marker, MARKER + stream)
    return marker is None or marker.number < hash_chain.last_sequence(session)


def read_stretch(session: Session, stream: str, settings: Settings) -> Stretch:
    """The next stretch. Never run before: begin with what happens from now on."""
    db.insert_if_missing(session, Marker, name=MARKER + stream, number=hash_chain.last_sequence(session), text="")
    after = versions.read_version(session, MARKER + stream)
    through = min(hash_chain.last_sequence(session), after + AT_ONCE)
    place = (col(AuditRecord.sequence) > after, col(AuditRecord.sequence) <= through)
    records = session.scalars(select(AuditRecord).where(*place, is_security_event()).order_by(col(AuditRecord.sequence)))
    confidential = confidential_folders.list_confidential_scopes(session)
    return Stretch(after, through, tuple(security_events.describe_events(records, settings, confidential)))


def settle_stretch(session: Session, stream: str, stretch: Stretch) -> bool:
    """Marks a stretch as sent; False when another process has already done so."""
    mine = (col(Marker.name) == MARKER + stream, col(Marker.number) == stretch.after)
    moved: Any = session.execute(update(Marker).where(*mine).values(number=stretch.through))
    return bool(moved.rowcount)


def find_unsent(session: Session, stream: str) -> tuple[int, datetime | None]:
    """Counts the audit entries that the stream has not sent, and returns the time of the first of them."""
    if session.get(Marker, MARKER + stream) is None:
        return 0, None
    later = col(AuditRecord.sequence) > versions.read_version(session, MARKER + stream)
    number, first = session.execute(select(func.count(), func.min(col(AuditRecord.at))).where(later, is_security_event())).one()
    return number, first


def is_security_event() -> Any:
    """Acts that a SIEM may be told of."""
    return col(AuditRecord.act).in_(list(security_events.EVENTS))
