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
from triage.say import say
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


def verify_chain(session: Session, found: Iterable[Found] = (), *, retained_since: datetime | None = None) -> Verification:
    """Walks from the first entry to the head; finds edits, deletions, swaps, a cut end and, by the checkpoints, a rebuilt chain.

    `found` are the checkpoints that were kept; `retained_since`: no entry younger than this may have been deleted.
    """
    claims, fault = trusted_checkpoints(found)
    start, previous = hash_chain.start_of(session)
    fault = fault or (fault_of_start(start, previous, claims, retained_since) if claims else "")
    expected, confirmed = start, start
    while not fault and (some := hash_chain.chained_after(session, expected)):
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
    """Records in the audit log that it is not whole, so that a SIEM learns of it."""
    ledger.write_act(session, TAMPERED, "audit", by=by, now=now, detail={"fault": fault})


def trusted_checkpoints(found: Iterable[Found]) -> tuple[Mapping[int, Checkpoint], str]:
    """The checkpoints by the last entry that they saw, and their first fault."""
    claims: dict[int, Checkpoint] = {}
    for one in found:
        if one.checkpoint is None:
            return claims, one.fault
        earlier = claims.setdefault(one.checkpoint.sequence, one.checkpoint)
        if earlier.head != one.checkpoint.head:
            return claims, say(
                "{where} saw another entry {number} than the checkpoint of {at} UTC",
                where=one.where,
                number=earlier.sequence,
                at=f"{earlier.at:%Y-%m-%d %H:%M}",
            )
    return claims, ""


def fault_of_start(start: int, head: str, claims: Mapping[int, Checkpoint], retained_since: datetime | None) -> str:
    """Names what is wrong with the beginning of the chain, "" where it was deleted by retention."""
    if start == 0:
        return ""
    seen = claims.get(start)
    if seen is None or seen.head != head:
        return say("the entries up to {number} are missing, and no checkpoint was made there", number=start)
    if retained_since is not None and seen.at > retained_since:
        return say(
            "the entries up to {number} are missing, although those of {day} are still to be kept", number=start, day=f"{seen.at:%Y-%m-%d}"
        )
    return ""


def fault_of(record: AuditRecord, expected: int, previous: str) -> str:
    """Returns the fault of the entry that should be the `expected` one, "" when there is none."""
    if record.sequence != expected:
        return say("entry {number} is missing", number=expected)
    if record.previous != previous or record.sealed != hash_chain.hash_of(record):
        return say("entry {number} has been changed", number=expected)
    return ""


def fault_by(seen: Checkpoint | None, record: AuditRecord, confirmed: int) -> str:
    """Returns the fault of an entry that differs from its checkpoint, "" when it is the same."""
    if seen is None or seen.head == record.sealed:
        return ""
    return say(
        "the audit log was rebuilt: between entries {first} and {last} it differs from the checkpoint of {at} UTC",
        first=confirmed,
        last=seen.sequence,
        at=f"{seen.at:%Y-%m-%d %H:%M}",
    )


def fault_of_end(session: Session, expected: int, previous: str, claims: Mapping[int, Checkpoint]) -> str:
    """Returns the fault where the walk ended before the end of the audit log, else ""."""
    head = session.get(Marker, hash_chain.HEAD)
    if head is not None and (head.number, head.text) != (expected, previous):
        return say("the audit log ends at entry {last}, but {number} were chained", last=expected, number=head.number)
    last = max(claims, default=0)
    if last > expected:
        return say(
            "the audit log ends at entry {last}, but the checkpoint of {at} UTC saw entry {number}",
            last=expected,
            at=f"{claims[last].at:%Y-%m-%d %H:%M}",
            number=last,
        )
    return ""


def retained_since(settings: Settings, now: datetime) -> datetime:
    """Time since which entries are kept."""
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
