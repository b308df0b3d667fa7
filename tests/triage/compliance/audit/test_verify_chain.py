"""The audit log against its signed checkpoints: a thief with the whole database, but without the key, is found."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, delete, select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col

from tests.triage.arriving import ANA, NOW
from tests.triage.tampering import unguard
from triage.compliance.audit import checkpoints, hash_chain, verify_chain
from triage.compliance.audit.checkpoints import Checkpoint
from triage.store import db, ledger
from triage.store.models.audit import AuditRecord
from triage.store.models.markers import Marker

KEY = Ed25519PrivateKey.generate()
Tamper = Callable[[Session], None]


@pytest.fixture
def trail(engine: Engine, tmp_path: Path) -> Engine:
    """Nine acts, with a checkpoint after each third."""
    for number in range(1, 10):
        with db.transaction(engine) as session:
            ledger.write_act(session, "test", f"thing:{number}", by=ANA, now=NOW + timedelta(minutes=number))
            hash_chain.seal_entries(session)
        if number % 3 == 0:
            sign(engine, tmp_path, NOW + timedelta(minutes=number))
    return engine


def sign(engine: Engine, directory: Path, now: datetime, key: Ed25519PrivateKey = KEY) -> None:
    """Make a checkpoint of where the audit log ends."""
    with db.read_transaction(engine) as session:
        head = session.get_one(Marker, hash_chain.HEAD)
        checkpoint = Checkpoint(head.number, head.text, now)
    checkpoints.append_checkpoint(directory, checkpoint, key)


def fault(engine: Engine, directory: Path, retained_since: datetime | None = None) -> str:
    """Fault that verification finds."""
    claims = list(checkpoints.read_checkpoints(directory, KEY.public_key()))
    with db.read_transaction(engine) as session:
        return verify_chain.verify_chain(session, claims, retained_since=retained_since).fault


def chain_anew(session: Session) -> None:
    """Rebuild the hash chain over the remaining entries as a forger would, and set the head to its end."""
    number, previous = 0, ""
    for record in session.scalars(select(AuditRecord).order_by(col(AuditRecord.sequence))).all():
        number += 1
        record.sequence, record.previous = number, previous
        session.flush()
        previous = record.sealed = hash_chain.hash_of(record)
    head = session.get_one(Marker, hash_chain.HEAD)
    head.number, head.text = number, previous


def edit_and_chain(session: Session) -> None:
    session.scalars(select(AuditRecord).where(col(AuditRecord.sequence) == 5)).one().by = "person:nobody"
    chain_anew(session)


def delete_and_chain(session: Session) -> None:
    session.execute(delete(AuditRecord).where(col(AuditRecord.sequence) == 2))
    chain_anew(session)


def cut_and_chain(session: Session) -> None:
    session.execute(delete(AuditRecord).where(col(AuditRecord.sequence) > 7))
    chain_anew(session)


def begin_later(session: Session) -> None:
    fourth = session.scalars(select(AuditRecord).where(col(AuditRecord.sequence) == 4)).one()
    session.add(Marker(name=hash_chain.START, number=4, text=fourth.sealed))
    session.execute(delete(AuditRecord).where(col(AuditRecord.sequence) <= 4))


def begin_at_a_checkpoint(session: Session) -> None:
    sixth = session.scalars(select(AuditRecord).where(col(AuditRecord.sequence) == 6)).one()
    session.add(Marker(name=hash_chain.START, number=6, text=sixth.sealed))
    session.execute(delete(AuditRecord).where(col(AuditRecord.sequence) <= 6))


def test_a_whole_trail_is_whole(trail: Engine, tmp_path: Path) -> None:
    claims = list(checkpoints.read_checkpoints(tmp_path, KEY.public_key()))
    with db.read_transaction(trail) as session:
        found = verify_chain.verify_chain(session, claims)
    assert (found.records, found.unchained, found.fault, found.checkpoints) == (9, 0, "", 3)


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (edit_and_chain, "was rebuilt: between entries 3 and 6 it differs from the checkpoint of 2026-"),
        (delete_and_chain, "was rebuilt: between entries 0 and 3"),
        (cut_and_chain, "the audit log ends at entry 7, but the checkpoint"),
        (begin_later, "the entries up to 4 are missing, and no checkpoint was made there"),
        (begin_at_a_checkpoint, "the entries up to 6 are missing, although those of 2026-"),
    ],
)
def test_a_trail_written_anew_is_found(trail: Engine, tmp_path: Path, tamper: Tamper, says: str) -> None:
    with db.transaction(trail) as session:
        unguard(session)
        tamper(session)
    assert says in fault(trail, tmp_path, retained_since=NOW)


def test_a_checkpoint_that_somebody_else_signed(trail: Engine, tmp_path: Path) -> None:
    sign(trail, tmp_path, NOW + timedelta(minutes=10), Ed25519PrivateKey.generate())
    assert fault(trail, tmp_path) == f"checkpoints-{NOW:%Y-%m}.jsonl:4 was not signed by this key"


def test_a_line_that_is_no_checkpoint(trail: Engine, tmp_path: Path) -> None:
    (tmp_path / "checkpoints-2020-01.jsonl").write_text('{"sequence": 1}\n')
    assert fault(trail, tmp_path) == "checkpoints-2020-01.jsonl:1 is no checkpoint"


def test_a_line_that_a_crash_has_cut_was_never_kept(trail: Engine, tmp_path: Path) -> None:
    (file,) = tmp_path.glob("checkpoints-*.jsonl")
    with file.open("ab") as opened:
        opened.write(b'{"sequence": 9, "he')
    assert fault(trail, tmp_path) == ""
    sign(trail, tmp_path, NOW + timedelta(minutes=11))
    assert fault(trail, tmp_path) == ""
    assert len(file.read_bytes().splitlines()) == 4


@pytest.mark.parametrize(
    ("through", "until", "found"),
    [
        (9, datetime(2026, 3, 31, tzinfo=UTC), 5),
        (9, datetime(2026, 3, 10, tzinfo=UTC), 4),
        (9, datetime(2026, 2, 20, tzinfo=UTC), 2),  # a line of the same month, and a month without any, are later
        (3, datetime(2026, 3, 31, tzinfo=UTC), 2),
        (1, datetime(2026, 3, 31, tzinfo=UTC), 0),
        (9, datetime(2025, 12, 31, tzinfo=UTC), 0),
    ],
)
def test_the_newest_checkpoint_of_a_time(tmp_path: Path, through: int, until: datetime, found: int) -> None:
    for sequence, at in (
        (2, datetime(2026, 1, 5, tzinfo=UTC)),
        (4, datetime(2026, 3, 5, tzinfo=UTC)),
        (5, datetime(2026, 3, 20, tzinfo=UTC)),
    ):
        checkpoints.append_checkpoint(tmp_path, Checkpoint(sequence, "head", at), KEY)
    checkpoints.append_checkpoint(
        tmp_path, Checkpoint(6, "head", datetime(2026, 3, 25, tzinfo=UTC)), Ed25519PrivateKey.generate()
    )  # not ours
    assert checkpoints.newest_checkpoint(tmp_path, KEY.public_key(), through=through, until=until) == found


def test_old_entries_are_deleted_and_the_rest_is_proven(trail: Engine, tmp_path: Path) -> None:
    with db.transaction(trail) as session:
        hash_chain.move_chain_start(session, 3, now=NOW)
        assert hash_chain.drop_released(session, limit=2) == 2
    assert fault(trail, tmp_path, retained_since=NOW + timedelta(days=1)) == ""
    with db.transaction(trail) as session:
        assert (hash_chain.drop_released(session), hash_chain.drop_released(session)) == (1, 0)
        assert hash_chain.seal_entries(session).total() == 1, "that it was let go is on the record"
    assert fault(trail, tmp_path, retained_since=NOW + timedelta(days=1)) == ""
    with db.read_transaction(trail) as session:
        assert verify_chain.verify_chain(session).records == 7


def test_how_far_back_the_trail_is_old(engine: Engine) -> None:
    with db.transaction(engine) as session:
        for number in range(4):
            ledger.write_act(session, "test", f"thing:{number}", by=ANA, now=NOW)
        hash_chain.seal_entries(session)
        assert hash_chain.last_before(session, NOW + timedelta(days=1)) == 3, "the last of all is always kept"
        assert hash_chain.last_before(session, NOW - timedelta(days=1)) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_record SET by = 'person:nobody' WHERE sequence = 4",
        "UPDATE audit_record SET sealed = '' WHERE sequence = 4",
        "UPDATE audit_record SET subject = 'x' WHERE sequence IS NULL",
        "DELETE FROM audit_record WHERE sequence = 9",
        "DELETE FROM audit_record WHERE sequence IS NULL",
    ],
)
def test_the_database_itself_keeps_the_trail(trail: Engine, statement: str) -> None:
    with db.transaction(trail) as session:
        ledger.write_act(session, "test", "thing:unsealed", by=ANA, now=NOW)
    with pytest.raises(DBAPIError, match="append-only"), db.transaction(trail) as session:
        session.execute(text(statement))
