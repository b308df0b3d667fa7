"""The audit log: chained in order, and every kind of tampering is found."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlmodel import Session, col

from tests.triage.arriving import ANA, NOW
from tests.triage.tampering import unguard
from triage.compliance.audit import hash_chain, verify_chain
from triage.store import db, ledger
from triage.store.models.audit import AuditRecord


@pytest.fixture
def trail(engine: Engine) -> Engine:
    with db.transaction(engine) as session:
        for number in range(5):
            ledger.write_act(
                session, "test", f"thing:{number}", by=ANA, now=NOW + timedelta(microseconds=number), detail={"größe": [1, None, "x"]}
            )
        assert hash_chain.seal_entries(session).total() == 5
    return engine


def fault(engine: Engine) -> str:
    with db.read_transaction(engine) as session:
        return verify_chain.verify_chain(session).fault


def at(sequence: int) -> object:
    return col(AuditRecord.sequence) == sequence


def swap(session: Session) -> None:
    one, other = session.scalars(select(AuditRecord).where(col(AuditRecord.sequence).in_([2, 3])).order_by(col(AuditRecord.sequence)))
    one.subject, other.subject = other.subject, one.subject


def rewrite_last(session: Session) -> None:
    last = session.scalars(select(AuditRecord).where(at(5))).one()  # type: ignore[arg-type]
    last.by = "person:nobody"
    last.sealed = hash_chain.hash_of(last)


def cut(session: Session) -> None:
    session.execute(delete(AuditRecord).where(at(5)))  # type: ignore[arg-type]


def remove(session: Session) -> None:
    session.execute(delete(AuditRecord).where(at(2)))  # type: ignore[arg-type]


def edit(session: Session) -> None:
    session.execute(update(AuditRecord).where(at(4)).values(detail={"größe": [2]}))  # type: ignore[arg-type]


def test_a_whole_trail_is_whole(trail: Engine) -> None:
    with db.read_transaction(trail) as session:
        found = verify_chain.verify_chain(session)
    assert (found.records, found.unchained, found.fault) == (5, 0, "")


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (edit, "entry 4 has been changed"),
        (remove, "entry 2 is missing"),
        (swap, "entry 2 has been changed"),
        (cut, "ends at entry 4, but 5"),
        (rewrite_last, "5 were chained"),
    ],
)
def test_tampering_is_found(trail: Engine, tamper: object, says: str) -> None:
    with db.transaction(trail) as session:
        unguard(session)
        tamper(session)  # type: ignore[operator]
    assert says in fault(trail)


def test_new_records_go_on_from_the_head(trail: Engine) -> None:
    with db.transaction(trail) as session:
        ledger.write_act(session, "test", "thing:6", by=ANA, now=NOW)
        assert hash_chain.has_unchained(session)
        assert hash_chain.seal_entries(session).total() == 1
        assert hash_chain.seal_entries(session).total() == 0
        assert hash_chain.last_sequence(session) == 6
    assert fault(trail) == ""


def test_one_sealer_at_a_time(engine: Engine) -> None:
    def elected(holder: str, later: timedelta = timedelta()) -> bool:
        with db.transaction(engine) as session:
            return hash_chain.elect_sealer(session, holder, NOW + later)

    assert elected("one")
    assert not elected("two")
    assert elected("one", timedelta(seconds=5))
    assert not elected("two", timedelta(seconds=11))
    assert elected("two", timedelta(seconds=16))
    assert not elected("one", timedelta(seconds=17))
    assert elected("two", timedelta(days=365))  # its clock was ahead
    assert not elected("one", timedelta(days=365, minutes=-59))
    assert elected("one", timedelta(seconds=18))
