"""Search, newest first: candidates of one or more indexes are checked until a page is full or a time limit is reached."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from triage.ids import LARGEST, made_at
from triage.store import db
from triage.store.models.deliveries import Delivery

Place = tuple[int, int]  # in a list: the key of the index that found a delivery, and its id; the newest has the greatest
TOP: Place = (LARGEST, LARGEST)
END: Place = (0, 0)
PATIENCE = 0.025  # seconds until a search stops looking for more; what it has begun may take as long again
PATIENCE_FURTHER = 0.3  # where somebody asked to look further back
LEAST = 200  # candidates and rows that are looked at, however long it takes
AT_ONCE = 100  # candidates of the first batch of an index
MOST_AT_ONCE = 800  # and of later ones


@dataclass(frozen=True, slots=True)
class Batch:
    """The next candidates of an index, newest first. `reached`: it has no others down to this place. `rows`: so many were read for them."""

    places: Sequence[Place]
    reached: Place
    rows: int = 0


@dataclass(slots=True)
class Source:
    """An index of candidates. `key` and `named` are the columns of their place and of the number by which they are checked.

    `first` are conditions that keep out most of what the search does not mean; only for the rest of them `condition` is asked.
    """

    key: Any
    named: Any
    condition: ColumnElement[bool]
    batches: Generator[Batch]
    first: Sequence[ColumnElement[bool]] = ()
    of_row: Callable[[Any], int] = int  # the key as a whole number
    instant: Callable[[int], datetime] = made_at  # of a key
    waiting: list[Place] = field(default_factory=list)
    reached: Place = TOP

    def read_batch(self) -> int:
        """Reads the next candidates; returns how many rows that took beside them."""
        batch = next(self.batches, Batch((), END))
        self.waiting += batch.places
        self.reached = batch.reached
        return batch.rows

    def moment(self, place: Place) -> datetime:
        """Moment of a place: all later arrivals are at this place or before it."""
        return self.instant(place[0])

    def take(self, low: Place) -> list[Place]:
        """Takes the candidates down to a place."""
        taken = [place for place in self.waiting if place >= low]
        self.waiting = self.waiting[len(taken) :]
        return taken


@dataclass(frozen=True, slots=True)
class Found:
    """Hits of a search, newest first. `reached`: the place where it stopped for lack of time; None: it has a full page, or all hits."""

    places: tuple[Place, ...]
    reached: Place | None = None
    is_all: bool = False


def find_places(session: Session, sources: Sequence[Source], limit: int, after: Place = TOP) -> Found:
    """Finds the next places and at least one more than `limit` where there are more, but looks no longer than a search may take."""
    try:
        return read_sources(session, sources, limit, after)
    finally:
        for source in sources:
            source.batches.close()


def read_sources(session: Session, sources: Sequence[Source], limit: int, after: Place) -> Found:
    """Reads the source that has come least far down, until there is a page, or the time is over and each source was read further down."""
    end = time.monotonic() + patience_at(after)
    found: list[Place] = []
    looked = 0
    while len(found) <= limit:
        looked += max(sources, key=lambda source: source.reached).read_batch()
        low = max(source.reached for source in sources)
        for source in sources:
            taken = source.take(low)
            looked += len(taken)
            found += (place for place in check_candidates(session, source, taken) if place < after)
        if low == END:
            return Found(tuple(sorted(found, reverse=True)), is_all=True)
        if low < after and looked >= LEAST and len(found) <= limit and time.monotonic() > end:
            return Found(tuple(sorted(found, reverse=True)), reached=low)
    return Found(tuple(sorted(found, reverse=True)))


def patience_at(after: Place) -> float:
    """Returns how long a search looks, in seconds, from a place on."""
    return PATIENCE if after == TOP else PATIENCE_FURTHER


def check_candidates(session: Session, source: Source, places: Sequence[Place]) -> Iterator[Place]:
    """Yields the candidates that match the search, in no order."""
    if not places:
        return
    named = db.is_among(session, col(source.named), (place[0 if source.named is source.key else 1] for place in places))
    where = (named, *source.first, db.correlate_condition(session, source.condition))
    for key, one in session.execute(select(col(source.key), col(Delivery.id)).where(*where)):
        yield source.of_row(key), one


def batch_rows(rows: Iterable[int], first: int | None = None) -> Generator[Batch]:
    """Batches of an index's ids, which come newest first, each twice as large as the one before. `first`: so many in the first one."""
    some: list[int] = []
    size = first or AT_ONCE
    for one in rows:
        some.append(one)
        if len(some) == size:
            yield Batch([(number, number) for number in some], (one, 0))
            some, size = [], min(2 * size, MOST_AT_ONCE)
    yield Batch([(number, number) for number in some], END)
