"""Deliveries, decisions and their items against the audit log: whoever changes them by SQL is found, and nobody who did not."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text, update
from sqlmodel import Session, col

from tests.triage.arriving import NOW
from tests.triage.compliance.audit.busy_decisions import work
from tests.triage.compliance.audit.test_verify_state import changed, copied, differences_after, verified
from tests.triage.quarantine.decisions.test_decide import Office, by_id
from tests.triage.tampering import unguard
from triage.actor import Actor
from triage.compliance.audit import hash_chain, verify_state, verify_sums
from triage.config.settings import Settings
from triage.quarantine.decisions.decision_request import Verb
from triage.store import db, ledger
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.markers import Marker
from triage.store.provable_rows import row_sums

UPKEEP = Actor.system("upkeep")


def first(table: str, where: str) -> str:
    """Condition: the first row of a table for which this is so."""
    return f"id = (SELECT min(id) FROM {table} WHERE {where})"


def first_item(where: str) -> str:
    """Condition: one item of the first decision with such an item."""
    mine = f"decision_id = (SELECT min(decision_id) FROM decision_item WHERE {where})"
    return f"{mine} AND delivery_id = (SELECT min(delivery_id) FROM decision_item WHERE {mine} AND {where})"


RELEASE = first("decision", "verb = 'release' AND undone_by IS NULL")
UNDO, UNDONE = first("decision", "verb = 'undo'"), first("decision", "undone_by IS NOT NULL")
DONE = first_item("outcome = 'done'")
HELD, PURGED, QUEUED = (first("delivery", f"state = '{state}'") for state in ("held", "purged", "queued"))
NEW = {"id": "id + 7"}
TAMPERED = {  # what somebody does, and what is said of it
    changed("delivery", HELD, "state = 'queued'"): "is queued, but the audit log left it held",
    changed("delivery", HELD, "state = 'delivered'"): "is delivered, but the audit log left it held",
    changed("delivery", HELD, "state = 'purged'"): "is purged, but the audit log left it held",
    changed("delivery", HELD, "state = 'expired'"): "is expired, but the audit log left it held",
    changed("delivery", PURGED, "state = 'delivered'"): "is delivered, but the audit log left it purged",
    changed("delivery", PURGED, "state = 'held'"): "is held, but the audit log left it purged",
    changed("delivery", QUEUED, "state = 'rejected'"): "is rejected, but the audit log left it queued",
    changed("delivery", QUEUED, "state = 'lost'"): "is lost, but the audit log left it queued",
    f"DELETE FROM delivery WHERE {HELD}": "1 is missing",
    f"DELETE FROM delivery WHERE {PURGED}": "1 is missing",
    copied("delivery", HELD, **NEW, recipient="'spy@company.example'"): "is in the database, but no entry made it",
    copied("delivery", QUEUED, **NEW, recipient="'spy@company.example'", state="'delivered'"): "is in the database, but no entry made it",
    changed("delivery", "state = 'queued'", "state = 'purged'"): "were changed without an entry",
    f"DELETE FROM decision_item WHERE {DONE}": "its items differ from",
    changed("decision_item", DONE, "before = 'delivered'"): "its items differ from",
    changed("decision_item", DONE, "delivery_id = delivery_id + 7"): "its items differ from",
    f"DELETE FROM decision_item WHERE decision_id = (SELECT id FROM decision WHERE {RELEASE})": "its items differ from",
    copied("decision_item", DONE, delivery_id="delivery_id + 7"): "its items differ from",
    changed("decision", RELEASE, "by = 'person:ben'"): "differs from the audit log",
    changed("decision", RELEASE, "verb = 'purge'"): "differs from the audit log",
    changed("decision", RELEASE, "reason = 'the boss said so'"): "differs from the audit log",
    changed("decision", RELEASE, "target = 'spy@bad.example'"): "differs from the audit log",
    changed("decision", RELEASE, "second_by = 'person:ben'"): "differs from the audit log",
    changed("decision", RELEASE, "at = at - 1"): "differs from the audit log",
    changed("decision", RELEASE, "undoes = id - 7"): "differs from the audit log",
    f"DELETE FROM decision WHERE {RELEASE}": "differs from the audit log",
    copied("decision", RELEASE, **NEW, idempotency_key="NULL"): "differs from the audit log",
    changed("decision", RELEASE, f"undone_by = (SELECT id FROM decision WHERE {UNDO})"): "no decision undid it",
    changed("decision", RELEASE, "undone_by = id + 7"): "no decision undid it",
    changed("decision", UNDONE, "undone_by = NULL"): "is not marked as undone",
}


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    """The database of a busy company, all entries chained."""
    made = work(engine, settings)
    seal(engine)
    return made


def seal(engine: Engine) -> None:
    """Chains all entries."""
    with db.transaction(engine) as session:
        hash_chain.seal_entries(session)


def test_nothing_is_invented(office: Office) -> None:
    """A database in which everything was done by acts has no difference; what retention deleted is counted."""
    found = verified(office.engine)
    assert (found.differences, found.unproven) == ((), 0)
    with db.read_transaction(office.engine) as session:
        assert found.compared >= verify_sums.count_rows(session) > 50
    assert found.forgotten > 50


def test_every_change_by_sql_is_found(office: Office) -> None:
    """Ways to change states, decisions and items without an act; each is found, and named where it is one row."""
    wrong = {}
    for statement, said in TAMPERED.items():
        found = differences_after(office.engine, statement)
        if not any(said in one for one in found) or len(found) > 2:
            wrong[statement] = found
    assert wrong == {}


def test_a_changed_state_stays_known_after_an_act_over_it(office: Office) -> None:
    """A message is released by SQL and then held by staff: that does not hide the release."""
    mail = office.arrives()
    with db.transaction(office.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == mail).values(state="queued"))
    assert len(verified(office.engine).differences) == 1
    office.decides(Verb.PURGE, by_id(mail))
    assert len(verified(office.engine).differences) == 1


def test_what_is_taken_back_is_not_sealed(office: Office) -> None:
    """A transaction that is rolled back, whole or to a savepoint, leaves nothing to the next entry, and what came before the savepoint."""
    mail = office.arrives()
    with Session(office.engine) as session:
        with session.begin():
            session.add(plain_decision())
            for _ in range(2):
                with session.begin_nested() as inner:
                    session.add(plain_decision())
                    session.flush()
                    inner.rollback()
            with session.begin_nested():
                session.add(plain_decision())
        with session.begin():
            session.add(DecisionItem(decision_id=7, delivery_id=mail, before="held", outcome="done"))
            session.flush()
            session.rollback()
    assert verified(office.engine).differences == ()
    with db.read_transaction(office.engine) as session:
        filed = session.scalars(select(Decision).where(col(Decision.reason) == "said")).all()
        entries = select(col(AuditRecord.act)).where(col(AuditRecord.subject).in_([row_sums.subject_of(one.id) for one in filed]))
        assert session.scalars(entries).all() == [ledger.FILED] * len(filed) == [ledger.FILED] * 2


def plain_decision() -> Decision:
    """A decision without messages."""
    return Decision(at=NOW, by="person:ana", by_shown="Ana", verb="release", selection={}, reason="said", count=1, done=0)


def test_deleted_entries_are_carried_on(office: Office) -> None:
    """Retention deletes old entries; a new one has their sums, so that nothing is invented and a change is still found."""
    before = verified(office.engine).compared
    with db.transaction(office.engine) as session:
        last = hash_chain.last_sequence(session)
        assert hash_chain.lock_start(session) == 0
        hash_chain.move_chain_start(session, last, now=NOW + timedelta(days=1100), kept=verify_state.list_retained(session, 0, last))
    assert verified(office.engine).differences == (), "old entries lie there still"
    with db.transaction(office.engine) as session:
        assert hash_chain.lock_start(session) == last
        assert hash_chain.drop_released(session)
    seal(office.engine)
    office.decides(Verb.RELEASE, by_id(office.arrives()))
    found = verified(office.engine)
    assert (found.differences, found.unproven, found.compared > before) == ((), 0, True)
    assert "left it held" in differences_after(office.engine, changed("delivery", HELD, "state = 'delivered'"))[0]


def test_rows_from_before_are_counted_and_provable_from_then_on(office: Office) -> None:
    """Entries of older versions have no sums: upkeep begins with what is there, and a change after that is found."""
    with db.transaction(office.engine) as session:
        unguard(session)
        session.execute(update(AuditRecord).where(col(AuditRecord.digest).contains(".")).values(digest=""))
        session.add(Marker(name=verify_sums.DUE))
        rows = verify_sums.count_rows(session)
    assert (verified(office.engine).differences, verified(office.engine).unproven) == ((), rows)
    office.decides(Verb.RELEASE, by_id(office.arrives()))
    for _ in range(2):  # the second time there is nothing to do
        verify_sums.begin_sums(office.engine, by=UPKEEP, now=NOW)
    office.decides(Verb.RELEASE, by_id(office.arrives()))
    found = verified(office.engine)
    assert (found.differences, found.unproven) == ((), rows)
    assert "left it held" in differences_after(office.engine, changed("delivery", HELD, "state = 'delivered'"))[0]
    with db.transaction(office.engine) as session:
        session.add(Marker(name=verify_sums.DUE))  # by somebody who would like to begin again
        session.execute(text(changed("delivery", HELD, "state = 'delivered'")))
    verify_sums.begin_sums(office.engine, by=UPKEEP, now=NOW)
    assert len(verified(office.engine).differences) == 1
