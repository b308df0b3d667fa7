"""PostgreSQL's matches of words, newest first: its indexes of words know no order, so the newest rows are read before they are asked."""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from triage.quarantine.search.search_stream import END, Batch, Place, batch_rows

FEW = 7_000  # matches of the index that are sorted
WALK = 0.01  # seconds in which the newest rows are read until the index is asked
ROWS = 1_000  # that are read at first
MOST_ROWS = 16_000  # and at once later
CANCELLED = "57014"  # SQLSTATE of a statement that took too long


@dataclass(frozen=True, slots=True)
class Words:
    """A table of texts by the id of what they are of, and two conditions that mean the same: for rows at hand, and for its index."""

    number: Any
    here: ColumnElement[bool]
    by_index: ColumnElement[bool]


def match_newest(session: Session, words: Words, most: int, patience: float) -> Generator[Batch]:
    """Matches up to the id `most`: of the newest rows, then of the index, if they are few and it finds them within `patience` seconds."""
    end = time.monotonic() + WALK
    size = ROWS
    while True:
        batch = read_rows(session, words, most, size)
        yield batch
        if batch.reached == END:
            return
        most, size = batch.reached[0] - 1, min(2 * size, MOST_ROWS)
        if time.monotonic() > end:
            break
    found = ask_index(session, words, most, patience)
    if found is not None:
        yield from batch_rows(found)
        return
    while batch.reached != END:
        batch = read_rows(session, words, most, size)
        yield batch
        most = batch.reached[0] - 1


def read_rows(session: Session, words: Words, most: int, size: int) -> Batch:
    """The matches among so many rows."""
    number = words.number
    rows = select(number.label("number"), words.here.label("fits")).where(number <= most).order_by(number.desc()).limit(size).subquery()
    matching = func.array_agg(rows.c.number).filter(rows.c.fits)
    last, count, found = session.execute(select(func.min(rows.c.number), func.count(), matching).select_from(rows)).one()
    places: Sequence[Place] = [(one, one) for one in sorted(found or (), reverse=True)]
    return Batch(places, END if count < size else (last, 0), rows=count)


def ask_index(session: Session, words: Words, most: int, patience: float) -> list[int] | None:
    """All matches of the index up to an id, newest first; None where they are many, or take too long to find."""
    number = words.number
    statement = select(number).where(words.by_index, number <= most).limit(FEW + 1)
    savepoint = session.begin_nested()
    try:
        session.execute(select(func.set_config("statement_timeout", f"{max(1, round(1000 * patience))}", True)))
        found = list(session.scalars(statement))
    except OperationalError as fault:
        if getattr(fault.orig, "sqlstate", "") != CANCELLED:
            raise
        found = None
    finally:
        savepoint.rollback()  # which takes the time limit back too
    return sorted(found, reverse=True) if found is not None and len(found) <= FEW else None
