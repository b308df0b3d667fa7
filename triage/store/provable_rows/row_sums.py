"""Sums of deliveries' states, decisions and their items: each entry of the audit log has what its act added to them and took away.

A row counts as the SHA-256 of its key and its provable columns, read as a number. Sums are kept by day (of the id of the delivery or
decision), modulo 2**256. So the log is compared with tables of any size in memory that does not grow with them.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, event, inspect, select
from sqlalchemy.orm import SessionTransaction, object_session
from sqlmodel import Session, col

from triage.ids import SEQUENCE_BITS, format_id
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.times import to_micros

MODULUS = 2**256
DAY_BITS = 86_400_000 << SEQUENCE_BITS  # ids of one day
STATE, DECISION, ITEM = "state", "decision", "item"
SUMMED = (STATE, DECISION, ITEM)
AT_ONCE = 1000  # rows read at once
OPEN = "open-sums"  # in a session: open sums of its transaction, by subject
SAVED = "saved-sums"  # in a session: what these were when each savepoint began
COVERED: tuple[Any, ...] = (Decision.at, Decision.by, Decision.verb, Decision.reason, Decision.target, Decision.second_by, Decision.undoes)
NAMES = tuple(str(inspect(column).key) for column in COVERED)
FORGET = "forget"  # the act: retention deleted rows
BEGIN, KEPT = "begin-sums", "keep-sums"  # acts: rows that are older than sums; sums of entries that are deleted
Bucket = tuple[str, int]  # what is summed, and the day: days since 2024


@dataclass(slots=True)
class Sum:
    """Number of rows, and the sum of their hashes."""

    rows: int = 0
    total: int = 0


class Sums(defaultdict[Bucket, Sum]):
    """Sums by bucket."""

    def __init__(self) -> None:
        super().__init__(Sum)

    def add(self, kind: str, key: int, value: int, sign: int = 1) -> None:
        """Adds a row, or with -1 takes it away. `key`: the id whose day counts."""
        self.add_sum((kind, key // DAY_BITS), sign, sign * value)

    def add_sum(self, bucket: Bucket, rows: int, total: int) -> None:
        """Adds so many rows, with the sum of their hashes; negative ones are taken away."""
        mine = self[bucket]
        mine.rows += rows
        mine.total = (mine.total + total) % MODULUS

    def merge(self, other: Mapping[Bucket, Sum], sign: int = 1) -> None:
        """Adds other sums, or with -1 takes them away."""
        for bucket, one in other.items():
            self.add_sum(bucket, sign * one.rows, sign * one.total)

    def times(self, sign: int) -> "Sums":
        """A copy of these sums, or with -1 the opposite: of rows that go."""
        made = Sums()
        made.merge(self, sign)
        return made

    def add_digest(self, digest: str) -> int:
        """Adds the sums in the digest of an entry; returns how many rows these are."""
        number = 0
        for bucket, rows, total in read_digest(digest):
            number += rows
            self.add_sum(bucket, rows, total)
        return number

    def format_digest(self) -> str:
        """The digest of an entry: a word for each bucket that is not zero."""
        return " ".join(f"{kind}.{day}:{one.rows}:{one.total:064x}" for (kind, day), one in sorted(self.items()) if one.rows or one.total)


def read_digest(digest: str) -> Iterator[tuple[Bucket, int, int]]:
    """Yields what the digest of an entry adds: bucket, rows, sum. Nothing where it is no such digest."""
    for word in digest.split():
        name, _, rest = word.partition(":")
        kind, dot, day = name.partition(".")
        if dot and kind in SUMMED:
            rows, _, total = rest.partition(":")
            yield (kind, int(day)), int(rows), int(total, 16)


def hash_row(row: str) -> int:
    """A row, written as text, as a number."""
    return int.from_bytes(hashlib.sha256(row.encode()).digest(), "big")


def hash_state(delivery_id: int, state: str) -> int:
    """A delivery and its state as a number."""
    return hash_row(f"{STATE} {delivery_id} {state}")


def hash_item(decision_id: int, delivery_id: int, before: str) -> int:
    """An item of a decision as a number, without its outcome, which servers change later: the delivery's state proves that."""
    return hash_row(f"{ITEM} {decision_id} {delivery_id} {before}")


def hash_decision(decision_id: int, values: Iterable[Any]) -> int:
    """A decision as a number: its `COVERED` columns."""
    plain = [str(value) if isinstance(value, str) else to_micros(value) if isinstance(value, datetime) else value for value in values]
    return hash_row(f"{DECISION} {(decision_id, *plain)!r}")


def sum_states(states: Iterable[tuple[int, str]], sign: int = 1) -> Sums:
    """Sums of deliveries in these states."""
    sums = Sums()
    for delivery_id, state in states:
        sums.add(STATE, delivery_id, hash_state(delivery_id, state), sign)
    return sums


def sum_changes(changes: Iterable[tuple[int, str, str]]) -> Sums:
    """Sums of deliveries that changed: (id, state before, state after)."""
    sums = Sums()
    for delivery_id, before, after in changes:
        sums.add(STATE, delivery_id, hash_state(delivery_id, before), -1)
        sums.add(STATE, delivery_id, hash_state(delivery_id, after))
    return sums


def sum_items(items: Iterable[tuple[int, int, str]], sign: int = 1) -> Sums:
    """Sums of items: (decision, delivery, state before)."""
    sums = Sums()
    for decision_id, delivery_id, before in items:
        sums.add(ITEM, decision_id, hash_item(decision_id, delivery_id, before), sign)
    return sums


def sum_decisions(rows: Iterable[tuple[Any, ...]], sign: int = 1) -> Sums:
    """Sums of decisions: (id, *COVERED)."""
    sums = Sums()
    for decision_id, *values in rows:
        sums.add(DECISION, decision_id, hash_decision(decision_id, values), sign)
    return sums


def rows_of(kind: str) -> Any:
    """The statement that reads the rows of a kind, in the order of its ids."""
    if kind == STATE:
        return select(col(Delivery.id), col(Delivery.state)).order_by(col(Delivery.id))
    if kind == ITEM:
        columns = (col(DecisionItem.decision_id), col(DecisionItem.delivery_id), col(DecisionItem.before))
        return select(*columns).order_by(col(DecisionItem.decision_id), col(DecisionItem.delivery_id))
    return select(col(Decision.id), *map(col, COVERED)).order_by(col(Decision.id))


KEY_OF = {STATE: col(Delivery.id), ITEM: col(DecisionItem.decision_id), DECISION: col(Decision.id)}
SUM_ROWS: Mapping[str, Callable[[Iterable[Any]], "Sums"]] = {STATE: sum_states, ITEM: sum_items, DECISION: sum_decisions}


def read_sums(session: Session, kind: str, *where: Any) -> Sums:
    """The sums of the rows of a kind as they are now."""
    session.flush()
    return SUM_ROWS[kind](read_rows(session, kind, *where))


def read_rows(session: Session, kind: str, *where: Any) -> Iterable[Any]:
    """The rows of a kind, in the order of their ids, with what is summed of each."""
    return session.execute(rows_of(kind).where(*where), execution_options={"yield_per": AT_ONCE})


def of_day(kind: str, day: int) -> ColumnElement[bool]:
    """Condition: the rows of a kind that are of one day."""
    first = day * DAY_BITS
    return KEY_OF[kind].between(first, first + DAY_BITS - 1)


def subject_of(decision_id: int) -> str:
    """Subject of the entries of a decision."""
    return f"decision:{format_id(decision_id)}"


@dataclass(slots=True)
class Open:
    """Sums that a transaction has still to write into entries about one subject."""

    written: Sums = field(default_factory=Sums)  # rows that no entry covers yet
    promised: Sums = field(default_factory=Sums)  # rows to be written, which the next entry covers
    owed: Sums = field(default_factory=Sums)  # covered before they were written

    def copied(self) -> "Open":
        """The same sums."""
        return Open(self.written.times(1), self.promised.times(1), self.owed.times(1))


def open_of(session: Session, subject: str) -> Open:
    """Returns the open sums of this transaction about a subject."""
    found: Open = session.info.setdefault(OPEN, {}).setdefault(subject, Open())
    return found


def note_written(session: Session, subject: str, sums: Sums) -> None:
    """Notes written rows: the next entry about this subject covers them, or one that the commit writes."""
    open_of(session, subject).written.merge(sums)


def promise_rows(session: Session, decision: Decision, items: Iterable[tuple[int, str]]) -> None:
    """Has the next entry about a decision cover its items (delivery, state before), and a new decision itself, before they are written."""
    promised = open_of(session, subject_of(decision.id)).promised
    if not inspect(decision).persistent:
        promised.merge(sum_decisions([row_of(decision)]))
    promised.merge(sum_items((decision.id, one, before) for one, before in items))


def take_digest(session: Session, subject: str) -> str:
    """The digest of an entry about this subject: of rows that were written or are promised."""
    found: Open | None = session.info.get(OPEN, {}).get(subject)
    if found is None:
        return ""
    sums, found.written = found.written, Sums()
    sums.merge(found.promised)
    found.owed.merge(found.promised)
    found.promised = Sums()
    return sums.format_digest()


def settle_rows(session: Session, subject: str) -> None:
    """Ends a promise, kept or not: the difference is left to the next entry."""
    found = open_of(session, subject)
    found.written.merge(found.owed, -1)
    found.owed, found.promised = Sums(), Sums()


def enter_items(session: Session, decision_id: int, items: Iterable[tuple[int, str]]) -> None:
    """The decision and these items (delivery, state before) are written."""
    session.flush()
    note_written(session, subject_of(decision_id), sum_items((decision_id, one, before) for one, before in items))
    settle_rows(session, subject_of(decision_id))


def take_rest(session: Session) -> list[tuple[str, str]]:
    """Returns the sums that no entry of this transaction has, as (subject, digest)."""
    session.flush()
    subjects = list(session.info.get(OPEN, {}))
    for subject in subjects:
        settle_rows(session, subject)
    rest = [(subject, take_digest(session, subject)) for subject in subjects]
    forget_open(session)
    return [(subject, words) for subject, words in rest if words]


def forget_open(session: Session) -> None:
    """Forgets open sums: the transaction has ended, or was rolled back."""
    session.info.pop(OPEN, None)
    session.info.pop(SAVED, None)


def save_open(session: Session, begun: SessionTransaction) -> None:
    """Saves open sums when a savepoint begins."""
    if begun.nested:
        saved = {subject: one.copied() for subject, one in session.info.get(OPEN, {}).items()}
        session.info.setdefault(SAVED, {})[begun] = saved


def restore_open(session: Session, ended: SessionTransaction) -> None:
    """Brings open sums back to what they were before a savepoint that was rolled back."""
    if ended.nested:
        session.info[OPEN] = session.info.get(SAVED, {}).pop(ended, {})
    elif ended.parent is None:
        forget_open(session)


def row_of(decision: Decision) -> tuple[Any, ...]:
    """The id and the covered columns of a decision."""
    return (decision.id, *(getattr(decision, name) for name in NAMES))


def note_change(session: Session, decision: Decision, before: tuple[Any, ...]) -> None:
    """A covered column of a decision was changed: `before` is its `row_of` until then."""
    sums = sum_decisions([before], -1)
    sums.merge(sum_decisions([row_of(decision)]))
    note_written(session, subject_of(decision.id), sums)


def note_decision(_mapper: object, _connection: object, decision: Decision) -> None:
    """A decision was inserted."""
    session: Any = object_session(decision)
    note_written(session, subject_of(decision.id), sum_decisions([row_of(decision)]))


def note_item(_mapper: object, _connection: object, item: DecisionItem) -> None:
    """An item was inserted by itself."""
    session: Any = object_session(item)
    note_written(session, subject_of(item.decision_id), sum_items([(item.decision_id, item.delivery_id, item.before)]))


event.listen(Decision, "after_insert", note_decision)
event.listen(DecisionItem, "after_insert", note_item)
event.listen(Session, "after_transaction_create", save_open)
event.listen(Session, "after_soft_rollback", restore_open)
