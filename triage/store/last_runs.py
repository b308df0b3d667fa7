"""Last runs of repeated work: when the last backup was made, and when a reading of the directory was last accepted."""

from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage.store import db, versions
from triage.store.models.audit import AuditRecord
from triage.store.models.columns import Instant
from triage.times import from_micros, to_micros

BACKUP = "backup"  # subject of the record that one leaves
DIRECTORY = "directory-read"  # the marker of when it was


def directory_was_read(session: Session, *, now: datetime) -> None:
    """The directory was read and believed, whether or not it says something new."""
    versions.put_version(session, DIRECTORY, to_micros(now))


def directory_read_at(session: Session) -> datetime | None:
    """Returns when the directory was last read; None when never since that is recorded."""
    number = versions.read_version(session, DIRECTORY)
    return from_micros(number) if number else None


def backup_made_at(session: Session) -> datetime | None:
    """Returns when `mailroom backup` last saved the database; None when never."""
    return session.scalar(select(func.max(col(AuditRecord.at), type_=Instant)).where(col(AuditRecord.subject) == BACKUP))


def backup_due_since(session: Session) -> datetime | None:
    """The same, else since when one is missed; None on PostgreSQL that we never saved: others do."""
    return backup_made_at(session) or (None if db.is_postgresql(session) else begun_at(session))


def begun_at(session: Session) -> datetime | None:
    """Since when there is something to save."""
    return session.scalar(select(col(AuditRecord.at)).order_by(col(AuditRecord.id)).limit(1))
