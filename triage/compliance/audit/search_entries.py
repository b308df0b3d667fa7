"""Search in the audit log, newest first: entries are read batch by batch until a page is full or a time limit is reached."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, String, and_, cast, not_, or_, select, true
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor
from triage.ids import LARGEST
from triage.quarantine import viewings
from triage.quarantine.search.search_stream import AT_ONCE, LEAST, PATIENCE, PATIENCE_FURTHER
from triage.store.models.audit import AuditRecord

MOST_AT_ONCE = 3_200  # entries of a batch; the first has AT_ONCE


@dataclass(frozen=True, slots=True)
class FoundEntries:
    """Entries of a page, and one more where there are more. `reached`: where time ran out, the id down to which it looked."""

    entries: list[AuditRecord]
    reached: int | None = None


def find_entries(
    session: Session, span: Sequence[ColumnElement[bool]], kinds: Sequence[ColumnElement[bool]], limit: int, before: int | None
) -> FoundEntries:
    """Finds the newest entries before an id. `span`: conditions that an index answers. `kinds`: those that each entry is read for."""
    newest = select(AuditRecord).where(*span, *kinds).order_by(col(AuditRecord.id).desc())
    high, size, looked = before or LARGEST, AT_ONCE, 0
    if not kinds:
        return FoundEntries(list(session.scalars(newest.where(col(AuditRecord.id) < high).limit(limit + 1))))
    end = time.monotonic() + (PATIENCE if before is None else PATIENCE_FURTHER)
    found: list[AuditRecord] = []
    while True:
        low = batch_end(session, span, high, size)
        within = (col(AuditRecord.id) < high, col(AuditRecord.id) >= (low or 0))
        found += session.scalars(newest.where(*within).limit(limit + 1 - len(found)))
        if low is None or len(found) > limit:
            return FoundEntries(found)
        looked += size
        if looked >= LEAST and time.monotonic() > end:
            return FoundEntries(found, low)
        high, size = low, min(2 * size, MOST_AT_ONCE)


def batch_end(session: Session, span: Sequence[ColumnElement[bool]], high: int, size: int) -> int | None:
    """Returns the last id of the next batch, so many entries before this id; None where there are fewer."""
    ids = select(col(AuditRecord.id)).where(*span, col(AuditRecord.id) < high).order_by(col(AuditRecord.id).desc())
    return session.scalar(ids.offset(size - 1).limit(1))


def has_words(session: Session, words: str, by: Actor) -> ColumnElement[bool]:
    """SQL condition: entries with this text, in nothing that may be withheld from the actor."""
    found = [text.icontains(words, autoescape=True) for text in (col(AuditRecord.act), col(AuditRecord.subject))]
    if not confidential_folders.closed_scopes(session, by):
        seen = true() if access.may_see_viewers(by) else not_(viewings.of_others(by))
        stored = cast(col(AuditRecord.detail), String)
        found += [and_(stored.icontains(text, autoescape=True), seen) for text in as_stored(words)]
    return or_(*found)


def as_stored(words: str) -> set[str]:
    """The words as stored JSON has them: other letters than ASCII as escapes, which know no case."""
    return {json.dumps(form)[1:-1] for form in (words, words.lower(), words.upper())}
