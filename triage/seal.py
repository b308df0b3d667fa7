"""The sealer: one process gives committed audit records their order and chains them by hash, within a second."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from triage import db, markers
from triage.models import AuditRecord, Marker
from triage.times import to_micros

HEAD = "sealer"  # the marker: number is the last sequence, text the hash of that record
LEASE = timedelta(seconds=10)
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk along the chain found. `fault` is "" when it is whole."""

    records: int
    unsealed: int
    head: str
    fault: str


def elect(session: Session, holder: str, now: datetime, *, duty: str = HEAD, lease: timedelta = LEASE) -> bool:
    """Be the one who has this duty until the lease ends, if nobody else is: compare-and-set on one row."""
    until = to_micros(now + lease)
    name = f"{duty}-lease"
    db.insert_if_missing(session, Marker, name=name, number=0, text="")
    free = (col(Marker.text) == holder) | (col(Marker.number) < to_micros(now))
    changed = session.execute(update(Marker).where(col(Marker.name) == name, free).values(number=until, text=holder))
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def waiting(session: Session) -> bool:
    """Is there anything to seal?"""
    return session.scalar(select(col(AuditRecord.id)).where(col(AuditRecord.sequence).is_(None)).limit(1)) is not None


def seal(session: Session, *, now: datetime) -> int:
    """Chain the committed records that have no sequence yet, oldest first, at most 1,000; how many that were.

    Records become visible when their acts commit, which need not be the order of their ids: the order of sealing is the order of the trail.
    """
    waiting = list(
        session.scalars(select(AuditRecord).where(col(AuditRecord.sequence).is_(None)).order_by(col(AuditRecord.id)).limit(AT_ONCE))
    )
    if not waiting:
        return 0
    head = session.get(Marker, HEAD, with_for_update=True)
    if head is None:
        head = Marker(name=HEAD)
        session.add(head)
    sequence, previous = head.number, head.text
    for record in waiting:
        sequence += 1
        record.sequence, record.previous = sequence, previous
        previous = record.sealed = hash_of(record)
    head.number, head.text = sequence, previous
    session.flush()
    return len(waiting)


def hash_of(record: AuditRecord) -> str:
    """SHA-256 over the record, its place and the hash of the one before."""
    fields = [
        record.sequence,
        record.previous,
        record.id,
        to_micros(record.at),
        record.by,
        record.act,
        record.subject,
        record.detail,
        record.items,
        record.digest,
    ]
    return hashlib.sha256(json.dumps(fields, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def sequence(session: Session) -> int:
    """The last sequence given: moves whenever something happened that staff may want to see."""
    return markers.read(session, HEAD)


def verify(session: Session) -> Verification:
    """Walk the chain from the first record to the head: edits, deletions, swaps and a cut end are all found."""
    expected, previous, fault = 0, "", ""
    while not fault and (some := sealed_after(session, expected)):
        for record in some:
            expected += 1
            fault = fault_of(record, expected, previous)
            if fault:
                break
            previous = record.sealed
        session.expunge_all()
    head = session.get(Marker, HEAD)
    if not fault and head is not None and (head.number, head.text) != (expected, previous):
        fault = f"the trail ends at record {expected}, but {head.number} were sealed"
    unsealed = session.scalar(select(func.count()).select_from(AuditRecord).where(col(AuditRecord.sequence).is_(None))) or 0
    return Verification(expected, unsealed, previous, fault)


def sealed_after(session: Session, sequence: int) -> list[AuditRecord]:
    """The next slice of the chain."""
    later = select(AuditRecord).where(col(AuditRecord.sequence) > sequence)
    return list(session.scalars(later.order_by(col(AuditRecord.sequence)).limit(AT_ONCE)))


def fault_of(record: AuditRecord, expected: int, previous: str) -> str:
    """What is wrong with the record that should be the `expected` one, "" when nothing is."""
    if record.sequence != expected:
        return f"record {expected} is missing"
    if record.previous != previous or record.sealed != hash_of(record):
        return f"record {expected} has been changed"
    return ""
