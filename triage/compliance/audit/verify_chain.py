"""Verifies the audit log: walks its hash chain and compares it with the signed checkpoints outside the database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.compliance.audit import checkpoints, hash_chain
from triage.compliance.audit.checkpoints import Checkpoint, Found
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.store import ledger
from triage.store.models.audit import AuditRecord
from triage.store.models.markers import Marker

TAMPERED = "audit-tampered"  # the act: the audit log is not whole


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of verifying the audit log. `fault` is "" when the audit log is whole."""

    records: int  # chained ones that are still there
    unchained: int
    head: str
    fault: str
    checkpoints: int  # that the audit log was compared with


def verify_chain(session: Session, found: Iterable[Found] = (), *, kept_since: datetime | None = None) -> Verification:
    """Walk from the first record to the head: edits, deletions, swaps, a cut end and, by the checkpoints, a trail written again are found.

    `found` are the checkpoints that were kept; `kept_since`: no record younger than this may have been released.
    """
    claims, fault = trusted_checkpoints(found)
    start, previous = hash_chain.start_of(session)
    fault = fault or (fault_of_start(start, previous, claims, kept_since) if claims else "")
    expected, confirmed = start, start
    while not fault and (some := hash_chain.sealed_after(session, expected)):
        for record in some:
            expected += 1
            fault = fault_of(record, expected, previous) or fault_by(claims.get(expected), record, confirmed)
            if fault:
                break
            previous = record.sealed
            confirmed = expected if expected in claims else confirmed
        session.expunge_all()
    fault = fault or fault_of_end(session, expected, previous, claims)
    unchained = session.scalar(select(func.count()).select_from(AuditRecord).where(col(AuditRecord.sequence).is_(None))) or 0
    return Verification(expected - start, unchained, previous, fault, len(claims))


def record_fault(session: Session, fault: str, *, by: Actor, now: datetime) -> None:
    """Put in the audit log that the audit log is not whole: whoever follows it is told."""
    ledger.write_act(session, TAMPERED, "audit", by=by, now=now, detail={"fault": fault})


def trusted_checkpoints(found: Iterable[Found]) -> tuple[Mapping[int, Checkpoint], str]:
    """The checkpoints by the record that they saw last, and the first thing that is wrong with them."""
    claims: dict[int, Checkpoint] = {}
    for one in found:
        if one.checkpoint is None:
            return claims, one.fault
        earlier = claims.setdefault(one.checkpoint.sequence, one.checkpoint)
        if earlier.head != one.checkpoint.head:
            return claims, f"{one.where} saw another record {earlier.sequence} than the checkpoint of {earlier.at:%Y-%m-%d %H:%M} UTC"
    return claims, ""


def fault_of_start(start: int, head: str, claims: Mapping[int, Checkpoint], kept_since: datetime | None) -> str:
    """Names what is wrong with the beginning of the chain, "" where it was deleted by retention."""
    if start == 0:
        return ""
    seen = claims.get(start)
    if seen is None or seen.head != head:
        return f"the records up to {start} are gone, and no checkpoint was made there"
    if kept_since is not None and seen.at > kept_since:
        return f"the records up to {start} are gone, although those of {seen.at:%Y-%m-%d} should have been kept"
    return ""


def fault_of(record: AuditRecord, expected: int, previous: str) -> str:
    """Returns the fault of the record that should be the `expected` one, "" when there is none."""
    if record.sequence != expected:
        return f"record {expected} is missing"
    if record.previous != previous or record.sealed != hash_chain.hash_of(record):
        return f"record {expected} has been changed"
    return ""


def fault_by(seen: Checkpoint | None, record: AuditRecord, confirmed: int) -> str:
    """Returns the fault of a record that differs from its checkpoint, "" when it is the same."""
    if seen is None or seen.head == record.sealed:
        return ""
    between = f"between record {confirmed} and {seen.sequence}"
    return f"the trail was written anew: {between} it is not what the checkpoint of {seen.at:%Y-%m-%d %H:%M} UTC saw"


def fault_of_end(session: Session, expected: int, previous: str, claims: Mapping[int, Checkpoint]) -> str:
    """Whether the end of the walk is the end of the audit log."""
    head = session.get(Marker, hash_chain.HEAD)
    if head is not None and (head.number, head.text) != (expected, previous):
        return f"the trail ends at record {expected}, but {head.number} were sealed"
    last = max(claims, default=0)
    if last > expected:
        return f"the trail ends at record {expected}, but the checkpoint of {claims[last].at:%Y-%m-%d %H:%M} UTC saw record {last}"
    return ""


def kept_since(settings: Settings, now: datetime) -> datetime:
    """Records since then are kept."""
    return now - timedelta(days=settings.retention.audit_days)


def claimed_checkpoints(settings: Settings, directory: Path | None = None, public_key: str | None = None) -> list[Found]:
    """The checkpoints to compare the audit log with; none where none are made."""
    where = directory or (Path(settings.audit.checkpoints) if settings.audit.checkpoints else None)
    if where is None:
        return []
    known = public_key or settings.audit.public_key
    if not known and not settings.audit.key_file:
        raise BadInput("give the key that signed the checkpoints: --public-key, audit.public_key or audit.key_file")
    key = checkpoints.read_public(known) if known else checkpoints.load_key(settings.audit.key_file).public_key()
    return list(checkpoints.read_checkpoints(where, key))
