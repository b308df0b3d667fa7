"""Verifies deliveries' states, decisions and their items: compares the sums in the audit log with those of the tables, day by day.

Memory grows with the days. Only a day that differs is read again, to name the row where one row explains the difference.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, func, literal, select, true
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage.actor import Actor
from triage.ids import format_id
from triage.say import Said, say, say_count
from triage.store import db, ledger
from triage.store.delivery_state import SHOWN, State
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.markers import Marker
from triage.store.provable_rows import row_sums
from triage.store.provable_rows.row_sums import BEGIN, DAY_BITS, DECISION, FORGET, ITEM, KEPT, MODULUS, STATE, SUMMED, Bucket, Sum, Sums

DUE = "sums-due"  # the marker: there are rows from before there were sums
FIRST_DAY = date(2024, 1, 1)  # of ids
AT_ONCE = 1000  # entries read at once


@dataclass(slots=True)
class LogSums:
    """Sums of all entries that were read."""

    sums: Sums = field(default_factory=Sums)
    forgotten: int = 0  # rows that retention deleted
    unproven: int = 0  # rows from before there were sums


@dataclass(frozen=True, slots=True)
class Compared:
    """Result of comparing one day of one table, or all that day's undos."""

    rows: int
    difference: Said | None = None


def add_entries(found: LogSums, session: Session, where: ColumnElement[bool] | None = None) -> None:
    """Adds the sums of these entries."""
    entries = select(col(AuditRecord.act), col(AuditRecord.digest)).where(
        true() if where is None else where, col(AuditRecord.digest).contains(".")
    )
    for act, digest in session.execute(entries, execution_options={"yield_per": AT_ONCE}):
        rows = found.sums.add_digest(digest)
        found.forgotten -= rows if act == FORGET else 0
        found.unproven += rows if act == BEGIN else 0


def is_due(session: Session) -> bool:
    """Whether there are rows from before there were sums, and upkeep has not begun with them."""
    begun = select(literal(1)).where(col(AuditRecord.act).in_((BEGIN, KEPT))).limit(1)
    return session.get(Marker, DUE) is not None and session.scalar(begun) is None


def count_rows(session: Session) -> int:
    """Number of deliveries, decisions and their items."""
    return sum(session.scalar(select(func.count()).select_from(table)) or 0 for table in (Delivery, Decision, DecisionItem))


def begin_sums(engine: Engine, *, by: Actor, now: datetime) -> None:
    """Puts in the audit log what the sums of the tables are more than those of its entries: what was there before them.

    The difference is of one moment, and stays the same: each later act changes both.
    """
    with db.read_transaction(engine) as session:
        if not is_due(session):
            return
        log = LogSums()
        add_entries(log, session)
        before = Sums()
        for kind in SUMMED:
            before.merge(row_sums.read_sums(session, kind))
        before.merge(log.sums, -1)
    with db.transaction(engine) as session:
        taken: Any = session.execute(delete(Marker).where(col(Marker.name) == DUE))
        if taken.rowcount:
            rows = sum(one.rows for one in before.values())
            ledger.write_act(session, BEGIN, "audit", by=by, now=now, items=rows, digest=before.format_digest())


def compare_tables(session: Session, log: LogSums) -> Iterator[Compared]:
    """Compares every day of the tables with these sums."""
    for kind in SUMMED:
        here = row_sums.read_sums(session, kind)
        for bucket in sorted({*here, *(one for one in log.sums if one[0] == kind)}):
            yield compare_bucket(session, bucket, log.sums.get(bucket, Sum()), here.get(bucket, Sum()))
    yield from compare_undos(session)


def compare_bucket(session: Session, bucket: Bucket, logged: Sum, here: Sum) -> Compared:
    """Compares a day of a table."""
    more, off = here.rows - logged.rows, (here.total - logged.total) % MODULUS
    if not (more or off):
        return Compared(here.rows)
    kind, day = bucket
    found = name_delivery(session, day, more, off) if kind == STATE else name_decision(session, kind, day, off)
    return Compared(0, found or describe_day(kind, day, more))


def describe_day(kind: str, day: int, more: int) -> Said:
    """Says that a day's rows differ, where no single row explains it."""
    what = {STATE: say("deliveries"), DECISION: say("decisions"), ITEM: say("items of decisions")}[kind]
    params: dict[str, Any] = {"what": what, "day": f"{FIRST_DAY + timedelta(days=day):%Y-%m-%d}"}
    if more < 0:
        return say_count("{what} from {day}: {count} is missing", "{what} from {day}: {count} are missing", count=-more, **params)
    if more > 0:
        return say_count("{what} from {day}: {count} has no entry", "{what} from {day}: {count} have no entry", count=more, **params)
    return say("{what} from {day} were changed without an entry", **params)


def name_delivery(session: Session, day: int, more: int, off: int) -> Said | None:
    """Names the delivery whose state alone explains the difference of its day."""
    for delivery_id, state in list(row_sums.read_rows(session, STATE, row_sums.of_day(STATE, day))):  # all: an open cursor would stay
        mine = row_sums.hash_state(delivery_id, state)
        subject = f"delivery:{format_id(delivery_id)}"
        if more == 1 and mine == off:
            return say("{subject} is in the database, but no entry made it", subject=subject)
        for other in () if more else State:
            if (mine - row_sums.hash_state(delivery_id, other)) % MODULUS == off:
                shown = {"state": SHOWN.get(state, state), "before": SHOWN[other]}
                return say("{subject} is {state}, but the audit log left it {before}", subject=subject, **shown)
    return None


def name_decision(session: Session, kind: str, day: int, off: int) -> Said | None:
    """Names the decision that alone explains the difference of its day."""
    sums: dict[str, int] = defaultdict(int)
    for row in row_sums.read_rows(session, kind, row_sums.of_day(kind, day)):
        value = row_sums.hash_item(*row) if kind == ITEM else row_sums.hash_decision(row[0], row[1:])
        sums[row_sums.subject_of(row[0])] += value
    bounds = row_sums.subject_of(day * DAY_BITS), row_sums.subject_of((day + 1) * DAY_BITS - 1)
    entries = select(col(AuditRecord.subject), col(AuditRecord.digest)).where(col(AuditRecord.subject).between(*bounds))
    for subject, digest in session.execute(entries.where(col(AuditRecord.digest).contains(f"{kind}.{day}:"))):
        sums[subject] -= sum(total for bucket, _, total in row_sums.read_digest(digest) if bucket == (kind, day))
    for subject, rest in sums.items():
        if rest % MODULUS == off:
            if kind == ITEM:
                return say("{subject}: its items differ from the audit log", subject=subject)
            return say("{subject} differs from the audit log", subject=subject)
    return None


def compare_undos(session: Session) -> Iterator[Compared]:
    """Yields decisions that are said to be undone by one that does not undo them, and those whose undo they do not name."""
    undo, undone = aliased(Decision), aliased(Decision)
    named = select(col(undone.id)).outerjoin(undo, col(undo.id) == col(undone.undone_by)).where(col(undone.undone_by).is_not(None))
    for number in session.scalars(named.where(col(undo.undoes).is_distinct_from(col(undone.id)))):
        yield Compared(0, say("{subject} is marked as undone, but no decision undid it", subject=row_sums.subject_of(number)))
    silent = select(col(undone.id)).join(undo, col(undo.undoes) == col(undone.id))
    for number in session.scalars(silent.where(col(undone.undone_by).is_distinct_from(col(undo.id)))):
        yield Compared(0, say("{subject} was undone, but is not marked as undone", subject=row_sums.subject_of(number)))
