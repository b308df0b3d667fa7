"""Verifies the state: compares rules, tokens, accounts and modes with the digests of them in the audit log; and sums, with verify_sums."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import or_, select
from sqlmodel import Session, col

from triage.compliance.audit import hash_chain, verify_sums
from triage.compliance.audit.hash_chain import AT_ONCE
from triage.compliance.audit.verify_sums import LogSums
from triage.ids import format_id
from triage.say import Said, join_parts, say, say_count
from triage.store.models.audit import AuditRecord
from triage.store.models.staff import StaffMember
from triage.store.provable_rows import row_digests, row_sums
from triage.store.provable_rows.row_digests import GONE, KEEP, KIND_OF, KINDS, STAFF, SYNCED, Kind

MOST_NAMED = 100  # differences that are named one by one
PARTS: Mapping[str, Said] = {
    "identity": say("what it is about, or who made it"),
    "terms": say("its terms"),
    "pause": say("its pause"),
    "end": say("its end"),
    "role": say("its role or scope"),
    "rights": say("its rights"),
    "secret": say("its password"),
    "link": say("its links to identity providers"),
    "steps": say("its enforcement steps"),
    "times": say("its times"),
}


@dataclass(frozen=True, slots=True)
class StateVerification:
    """Result of comparing the tables with the audit log."""

    compared: int  # rows that are as their entries left them
    differences: tuple[Said, ...]  # the first 100
    different: int  # all
    unproven: int  # last changed by an entry without a digest: before 0.1.0
    forgotten: int  # deliveries, decisions and their items that retention deleted: not provable any more


@dataclass(slots=True)
class LastEntry:
    """The last entry about a row, its digest, and what had changed without an entry before."""

    place: str
    digest: str
    jumps: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class ProvingEntry:
    """Entry about a rule, token, account or mode."""

    place: str  # its number in the chain, or its id before it has one
    act: str
    subject: str
    detail: Mapping[str, Any]
    digest: str  # "": it is older than digests


def verify_state(session: Session) -> StateVerification:
    """Compares everything with the audit log: rows by their digests, then deliveries, decisions and their items by sums."""
    if verify_sums.is_due(session):
        found = verify_rows(session)
        return replace(found, unproven=found.unproven + verify_sums.count_rows(session))
    log = LogSums()
    start, _ = hash_chain.start_of(session)
    kept = or_(col(AuditRecord.sequence).is_(None), col(AuditRecord.sequence) > start)  # older ones are carried on, and go
    verify_sums.add_entries(log, session, kept)
    compared = list(verify_sums.compare_tables(session, log))
    differences = [one.difference for one in compared if one.difference]
    return add_sums(verify_rows(session), sum(one.rows for one in compared), differences, len(differences), log)


def add_sums(found: StateVerification, compared: int, differences: Sequence[Said], different: int, log: LogSums) -> StateVerification:
    """The result of the rows with that of the sums."""
    return StateVerification(
        compared=found.compared + compared,
        differences=(*found.differences, *differences)[:MOST_NAMED],
        different=found.different + different,
        unproven=found.unproven + log.unproven,
        forgotten=log.forgotten,
    )


def verify_rows(session: Session) -> StateVerification:
    """Walks the entries with digests of rows, then compares the last one of each row with the row.

    Memory grows with the rows, not with the entries.
    """
    known: dict[str, dict[str, LastEntry]] = {kind.name: {} for kind in KINDS}
    synced = False
    for entry in read_entries(session):
        kind = KIND_OF[entry.act]
        synced |= entry.act == SYNCED
        follow_entry(known[kind.name], kind, entry)
    compared, unproven, different = 0, 0, 0
    found: list[Said] = []
    older = frozenset() if synced else unsynced_accounts(session)
    for kind in KINDS:
        for faults, is_proven in compare_rows(session, kind, known[kind.name], older):
            found += faults[: MOST_NAMED - len(found)]
            different += len(faults)
            compared += is_proven and not faults
            unproven += not is_proven and not faults
    return StateVerification(compared, tuple(found), different, unproven, 0)


def fault_of(found: StateVerification) -> str:
    """Names the first difference and how many there are, "" where there is none."""
    if not found.different:
        return ""
    return say_count(
        "the database differs from the audit log: {first}",
        "the database differs from the audit log in {count} places: {first}, …",
        count=found.different,
        first=found.differences[0],
    )


def read_entries(session: Session) -> Iterator[ProvingEntry]:
    """Yields the entries about such rows in the order of the chain; those that are not chained yet come last."""
    columns: tuple[Any, ...] = (AuditRecord.id, AuditRecord.sequence, AuditRecord.act, AuditRecord.subject)
    about = select(*columns, col(AuditRecord.detail), col(AuditRecord.digest)).where(col(AuditRecord.act).in_(sorted(KIND_OF)))
    chained = about.where(col(AuditRecord.sequence).is_not(None)).order_by(col(AuditRecord.sequence))
    fresh = about.where(col(AuditRecord.sequence).is_(None)).order_by(col(AuditRecord.id))
    for rows in (chained, fresh):
        for number, sequence, act, subject, detail, digest in session.execute(rows, execution_options={"yield_per": AT_ONCE}):
            yield ProvingEntry(str(sequence or format_id(number)), act, subject, detail, digest)


def follow_entry(known: dict[str, LastEntry], kind: Kind, entry: ProvingEntry) -> None:
    """Takes an entry over as the last one about its row, and notes parts that had changed and that its act cannot change."""
    before = known.get(entry.subject)
    if entry.act.startswith(KEEP) and before is not None:
        return  # it stands for entries that are still there
    left, found = row_digests.split_found(entry.digest)
    jumps = before.jumps if before else ()
    if before is None and kind.makers and entry.act not in kind.makers:
        jumps = (say("{subject} was changed by entry {number}, but no entry made it", subject=entry.subject, number=entry.place),)
    elif before is not None and before.digest and entry.digest:
        allowed = kind.changes(entry.act, entry.detail)
        odd = [part for part in row_digests.parts_that_differ(before.digest, left) if part not in allowed]
        odd += [part for part in row_digests.parts_that_differ(before.digest, found or before.digest) if part not in odd]
        params = describe_parts(entry.subject, odd, entry.place)
        words = say("{subject}: {parts} had changed before entry {number} without an entry", **params)
        jumps = (*jumps, words) if odd else jumps
    known[entry.subject] = LastEntry(entry.place, left, jumps)


def describe_parts(subject: str, parts: Sequence[str], place: str) -> dict[str, Any]:
    """Parameters of a sentence about parts of a row."""
    return {"subject": subject, "parts": join_parts(", ", [PARTS[part] for part in parts]), "number": place}


def compare_rows(session: Session, kind: Kind, known: dict[str, LastEntry], older: frozenset[str]) -> Iterator[tuple[Sequence[Said], bool]]:
    """Yields what is wrong with each row of a kind, and whether an entry proves it; at the end the rows that are missing.

    `older`: subjects that need no entry.
    """
    for subject, digest in row_digests.read_digests(session, kind):
        last = known.pop(subject, None)
        if last is None:
            unknown = say("{subject} is in the database, but no entry made it", subject=subject)
            yield ((), False) if subject in older else ((unknown,), False)
        elif last.digest == GONE:
            gone = say("{subject} is in the database, but entry {number} removed it", subject=subject, number=last.place)
            yield (*last.jumps, gone), True
        elif not last.digest:
            yield last.jumps, False
        else:
            odd = row_digests.parts_that_differ(last.digest, digest)
            words = say("{subject}: {parts} differ from entry {number}", **describe_parts(subject, odd, last.place))
            yield (*last.jumps, words) if odd else last.jumps, True
    yield from missing_rows(known)


def missing_rows(known: Mapping[str, LastEntry]) -> Iterator[tuple[Sequence[Said], bool]]:
    """Yields what is wrong with the rows that entries are about and that the database does not have."""
    for subject, last in known.items():
        if last.digest == GONE:
            yield last.jumps, True
        elif last.digest:
            missing = say("{subject} is not in the database, but entry {number} left it there", subject=subject, number=last.place)
            yield (*last.jumps, missing), True


def unsynced_accounts(session: Session) -> frozenset[str]:
    """The subjects of the directory's accounts: before 0.1.0 a sync wrote no entries for them."""
    logins = session.scalars(select(col(StaffMember.login)).where(col(StaffMember.source) == "directory"))
    return frozenset(map(STAFF.subject_of, logins))


def list_retained(session: Session, first: int, through: int) -> list[tuple[str, str, str]]:
    """Digests that new entries carry on before the entries after `first`, up to `through`, are deleted: (act, subject, digest)."""
    about = col(AuditRecord.act).in_(sorted(KIND_OF))
    columns = select(col(AuditRecord.act), col(AuditRecord.subject), col(AuditRecord.digest)).where(about)
    old = columns.where(col(AuditRecord.sequence) > first, col(AuditRecord.sequence) <= through).order_by(col(AuditRecord.sequence))
    last = {(KIND_OF[act].name, subject): digest for act, subject, digest in session.execute(old)}
    later = columns.where((col(AuditRecord.sequence) > through) | col(AuditRecord.sequence).is_(None))
    for act, subject, _ in session.execute(later):
        last.pop((KIND_OF[act].name, subject), None)
    left = {about: row_digests.split_found(digest)[0] for about, digest in last.items()}
    kept = [(KEEP + kind, subject, digest) for (kind, subject), digest in left.items() if digest != GONE]
    log = LogSums()
    verify_sums.add_entries(log, session, col(AuditRecord.sequence).between(first + 1, through))
    return [*kept, (row_sums.KEPT, "audit", words)] if (words := log.sums.format_digest()) else kept
