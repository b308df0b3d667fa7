"""How far each sent folder was read for seeding: so that the next run, or the rest of one that broke off, learns nothing twice."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete
from sqlmodel import Session, col, select

from triage.models import SeededFolder


class Reach(NamedTuple):
    """What of a folder was read: everything up to `last` that was written on or after the day `since` ("": everything)."""

    since: str
    validity: str
    last: str


def reached(session: Session, source: str) -> dict[str, dict[str, list[Reach]]]:
    """By account and folder, everything that was read of a source."""
    found: dict[str, dict[str, list[Reach]]] = {}
    for row in session.exec(select(SeededFolder).where(col(SeededFolder.source) == source)):
        found.setdefault(row.account, {}).setdefault(row.folder, []).append(Reach(row.since, row.validity, row.last))
    return found


def remember(session: Session, source: str, account: str, folder: str, reach: Reach, *, messages: int, now: datetime) -> None:
    """So many messages more were read, to here. What was read before the folder was numbered anew counts no more."""
    same = (col(SeededFolder.source) == source, col(SeededFolder.account) == account, col(SeededFolder.folder) == folder)
    session.exec(delete(SeededFolder).where(*same, col(SeededFolder.validity) != reach.validity))
    row = session.get(SeededFolder, (source, account, folder, reach.since))
    row = row or SeededFolder(source=source, account=account, folder=folder, since=reach.since, read_at=now)
    row.validity, row.last, row.messages, row.read_at = reach.validity, reach.last, row.messages + messages, now
    session.add(row)
