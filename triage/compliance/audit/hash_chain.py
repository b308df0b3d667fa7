"""The sealer: one process gives committed audit records their order and chains them by hash, within a second."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from triage.actor import Actor
from triage.ids import first_id_at
from triage.store import db, ledger, versions
from triage.store.models.audit import AuditRecord
from triage.store.models.markers import Marker
from triage.times import to_micros

LOUD = "loud-acts"  # the marker: how many chained acts changed what others may see
QUIET = frozenset({"view", "fetch", "viewed", "page"})  # acts that change nothing
START = "trail-start"  # the marker: number is the last record that was released, text its hash
HEAD = "sealer"  # the marker: number is the last sequence, text the hash of that record
LEASE = timedelta(seconds=10)
AHEAD = timedelta(hours=1)  # that the clocks of two machines are never apart
AT_ONCE = 1000


def elect_sealer(session: Session, holder: str, now: datetime, *, duty: str = HEAD, lease: timedelta = LEASE) -> bool:
    """Be the one who has this duty until the lease ends, if nobody else is: compare-and-set on one row.

    A lease that ends in a far future is none: it was taken while a clock was ahead.
    """
    until = to_micros(now + lease)
    name = f"{duty}-lease"
    db.insert_if_missing(session, Marker, name=name, number=0, text="")
    over = (col(Marker.number) < to_micros(now)) | (col(Marker.number) > to_micros(now + lease + AHEAD))
    free = (col(Marker.text) == holder) | over
    changed = session.execute(update(Marker).where(col(Marker.name) == name, free).values(number=until, text=holder))
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def has_unchained(session: Session) -> bool:
    """Whether there is anything to seal."""
    return session.scalar(select(col(AuditRecord.id)).where(col(AuditRecord.sequence).is_(None)).limit(1)) is not None


def seal_entries(session: Session) -> Counter[str]:
    """Chain the committed records that have no sequence yet, oldest first, at most 1,000; how many of each act that were.

    Records become visible when their acts commit, which need not be the order of their ids: the order of sealing is the order of the
    audit log.
    """
    waiting = list(
        session.scalars(select(AuditRecord).where(col(AuditRecord.sequence).is_(None)).order_by(col(AuditRecord.id)).limit(AT_ONCE))
    )
    if not waiting:
        return Counter()
    head = session.get(Marker, HEAD, with_for_update=True)
    if head is None:
        head = Marker(name=HEAD)
        session.add(head)
    versions.advance_version(session, LOUD, sum(record.act not in QUIET for record in waiting))
    sequence, previous = head.number, head.text
    for record in waiting:
        sequence += 1
        record.sequence, record.previous = sequence, previous
        previous = record.sealed = hash_of(record)
    head.number, head.text = sequence, previous
    session.flush()
    return Counter(record.act for record in waiting)


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


def last_sequence(session: Session) -> int:
    """The last sequence given."""
    return versions.read_version(session, HEAD)


def chained_after(session: Session, sequence: int) -> list[AuditRecord]:
    """The next slice of the chain."""
    later = select(AuditRecord).where(col(AuditRecord.sequence) > sequence)
    return list(session.scalars(later.order_by(col(AuditRecord.sequence)).limit(AT_ONCE)))


def start_of(session: Session) -> tuple[int, str]:
    """The last deleted entry and its hash: the audit log begins after it."""
    start = session.get(Marker, START)
    return (start.number, start.text) if start else (0, "")


def lock_start(session: Session) -> int:
    """The number of the last deleted entry, which nobody else moves until the transaction ends."""
    session.get(Marker, START, with_for_update=True, populate_existing=True)
    return start_of(session)[0]


def move_chain_start(session: Session, through: int, *, now: datetime, kept: Sequence[tuple[str, str, str]] = ()) -> None:
    """Moves the start of the audit log after the chained entry `through`.

    `drop_released` deletes what is before in slices; the chain stays provable. `kept`: digests that no later entry has, as
    (act, subject, digest), which new entries carry on.
    """
    record = session.scalars(select(AuditRecord).where(col(AuditRecord.sequence) == through)).one()
    former, _ = start_of(session)
    session.merge(Marker(name=START, number=through, text=record.sealed))
    detail = {"first": former + 1, "through": through}
    ledger.write_act(session, "delete-entries", "audit", by=Actor.system("retention"), now=now, detail=detail, items=through - former)
    ledger.write_digests(session, kept, by=Actor.system("retention"), now=now)


def drop_released(session: Session, limit: int = AT_ONCE) -> int:
    """Deletes entries before the start; how many, at most `limit`. The database refuses to delete any other."""
    gone = (
        select(col(AuditRecord.id))
        .where(col(AuditRecord.sequence) <= start_of(session)[0])
        .order_by(col(AuditRecord.sequence))
        .limit(limit)
    )
    ids = list(session.scalars(gone))
    if ids:
        session.execute(delete(AuditRecord).where(db.is_among(session, col(AuditRecord.id), ids)))
    return len(ids)


def last_before(session: Session, moment: datetime) -> int:
    """The last record of the chain before which all are older; 0 when none is. Ids follow the clock, the chain follows the commits."""
    young = select(col(AuditRecord.sequence)).where(col(AuditRecord.id) >= first_id_at(moment)).order_by(col(AuditRecord.id)).limit(AT_ONCE)
    sealed = [number for number in session.scalars(young) if number is not None]
    return min(sealed, default=last_sequence(session)) - 1
