"""Compares deliveries, decisions and their items with the audit log slice by slice, and remembers in the database where it was.

Each slice is a transaction of its own that reads a part: first the entries from the beginning, then one day of a table after another. What
is written meanwhile is in both: each slice first reads the entries that are new.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Engine, select
from sqlmodel import Session, col

from triage.compliance.audit import hash_chain, verify_state, verify_sums
from triage.compliance.audit.verify_state import MOST_NAMED, StateVerification
from triage.compliance.audit.verify_sums import LogSums
from triage.say import Said
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.markers import Marker
from triage.store.provable_rows import row_sums
from triage.store.provable_rows.row_sums import DAY_BITS, KEY_OF, SUMMED, Bucket, Sum

WALK = "state-walk"  # the marker: where the comparison is; its number is the last entry that was read
SLICE = 5_000  # entries or rows of a slice


@dataclass(slots=True)
class Walk:
    """Place of a comparison, and its result so far."""

    start: int  # the last deleted entry when it began
    through: int  # the last entry that was read
    words: str = ""  # sums of the entries until then
    forgotten: int = 0
    unproven: int = 0
    place: tuple[int, int] = (0, -1)  # the last day of which table was compared: index in SUMMED, day
    compared: int = 0
    different: int = 0
    differences: list[str] = field(default_factory=list)
    is_over: bool = False


def begin_walk(session: Session) -> None:
    """Begins a comparison."""
    start, _ = hash_chain.start_of(session)
    save_walk(session, Walk(start, start))


def read_walk(session: Session) -> Walk | None:
    """The comparison that is under way."""
    marker = session.get(Marker, WALK)
    if marker is None:
        return None
    said = json.loads(marker.text)
    return Walk(**said | {"place": tuple(said["place"])})


def save_walk(session: Session, walk: Walk) -> None:
    """Remembers where a comparison is."""
    session.merge(Marker(name=WALK, number=walk.through, text=json.dumps(asdict(walk))))


def end_walk(session: Session) -> None:
    """Forgets a comparison that is over."""
    if marker := session.get(Marker, WALK):
        session.delete(marker)


def walk_slice(engine: Engine) -> Walk | None:
    """Compares the next slice and returns the walk; None: no comparison is under way. Where entries were deleted it begins again."""
    with db.read_transaction(engine) as session:
        walk = read_walk(session)
        if walk is None or walk.is_over:
            return walk
        start, _ = hash_chain.start_of(session)
        if walk.start != start:
            walk = Walk(start, start)
        log = LogSums(forgotten=walk.forgotten, unproven=walk.unproven)
        log.sums.add_digest(walk.words)
        if read_entries(session, walk, log):
            compare_days(session, walk, log)
        walk.words, walk.forgotten, walk.unproven = log.sums.format_digest(), log.forgotten, log.unproven
    with db.transaction(engine) as session:
        save_walk(session, walk)
    return walk


def read_entries(session: Session, walk: Walk, log: LogSums) -> bool:
    """Reads the next entries of the chain; whether these were all."""
    later = select(col(AuditRecord.sequence)).where(col(AuditRecord.sequence) > walk.through).order_by(col(AuditRecord.sequence))
    last = session.scalar(later.offset(SLICE - 1).limit(1))
    through = last or hash_chain.last_sequence(session)
    verify_sums.add_entries(log, session, col(AuditRecord.sequence).between(walk.through + 1, through))
    walk.through = through
    return last is None


def compare_days(session: Session, walk: Walk, log: LogSums) -> None:
    """Compares the next days of the tables, until that were enough rows; at the end the undos."""
    fresh = LogSums()
    verify_sums.add_entries(fresh, session, col(AuditRecord.sequence).is_(None))
    rows = 0
    while rows < SLICE:
        bucket = next_bucket(session, walk, {*log.sums, *fresh.sums})
        if bucket is None:
            for one in verify_sums.compare_undos(session):
                take_over(walk, one)
            walk.is_over = True
            return
        kind, day = bucket
        logged = row_sums.Sums()
        logged.merge({bucket: log.sums.get(bucket, Sum())})
        logged.merge({bucket: fresh.sums.get(bucket, Sum())})
        here = row_sums.read_sums(session, kind, row_sums.of_day(kind, day)).get(bucket, Sum())
        take_over(walk, verify_sums.compare_bucket(session, bucket, logged[bucket], here))
        rows += here.rows
        walk.place = (SUMMED.index(kind), day)


def take_over(walk: Walk, one: verify_sums.Compared) -> None:
    """Adds the result of a day."""
    walk.compared += one.rows
    walk.different += one.difference is not None
    if one.difference and len(walk.differences) < MOST_NAMED:
        walk.differences.append(str(one.difference))


def next_bucket(session: Session, walk: Walk, logged: set[Bucket]) -> Bucket | None:
    """The next day of a table, in the table or in the log; None: that were all."""
    index, after = walk.place
    for kind in SUMMED[index:]:
        key: Any = KEY_OF[kind]
        first = session.scalar(select(key).where(key >= (after + 1) * DAY_BITS).order_by(key).limit(1))
        days = [day for one, day in logged if one == kind and day > after]
        days += [first // DAY_BITS] if first is not None else []
        if days:
            return kind, min(days)
        after = -1
    return None


def add_result(found: StateVerification, walk: Walk) -> StateVerification:
    """The result of the rows with that of the walk."""
    log = LogSums(forgotten=walk.forgotten, unproven=walk.unproven)
    return verify_state.add_sums(found, walk.compared, [Said(text, text) for text in walk.differences], walk.different, log)
