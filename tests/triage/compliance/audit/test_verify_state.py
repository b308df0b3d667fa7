"""The database against the audit log: whoever changes rules, tokens, accounts or modes by SQL is found, and nobody who did not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, delete, text, update
from sqlmodel import Session, SQLModel, col

from tests.triage.arriving import COMPANY, IDA, NOW, SYNC
from tests.triage.compliance.audit.busy_house import SHELL, allow, rule_of, work
from tests.triage.tampering import unguard
from triage.access import accounts
from triage.compliance.audit import hash_chain, verify_state
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.policy.rules import store as rules
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.provable_rows import row_digests


def copied(table: str, where: str, **changed: str) -> str:
    """SQL that inserts a copy of a row, with some columns changed."""
    names = SQLModel.metadata.tables[table].columns.keys()
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(changed.get(name, f'"{name}"') for name in names)
    return f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} WHERE {where}"


def changed(table: str, where: str, what: str) -> str:
    """SQL that changes rows."""
    return f"UPDATE {table} SET {what} WHERE {where}"


ONE, FOUR, WIRES = "value = 'one@supplier.example'", "value = 'four@supplier.example'", "value = 'wires'"
LEA, ANA, IT = "login = 'lea'", "login = 'ana'", "scope = 'person:joe.fern'"
NEW = {"id": "id + 1"}
TAMPERED = {  # what somebody does, and what is said of it
    copied("rule", ONE, **NEW, value="'spy@bad.example'", author="'Ana Roth'"): "no entry made it",
    copied("rule", "value = 'bad.example'", **NEW, effect="'allow'"): "no entry made it",
    "DELETE FROM rule WHERE value = 'bad.example'": "is not in the database",
    "DELETE FROM rule WHERE value = 'x@bad.example'": "is not in the database",
    changed("rule", ONE, "value = 'spy@bad.example'"): "what it is about",
    changed("rule", ONE, "author = 'Ben Okafor'"): "who made it",
    changed("rule", ONE, "scope = 'person:joe.fern'"): "what it is about",
    changed("rule", "value = 'bad.example'", "effect = 'allow'"): "what it is about",
    changed("rule", "value = 'bad.example'", "match = 'address'"): "what it is about",
    changed("rule", ONE, "second_by = 'person:ben'"): "who made it",
    changed("rule", ONE, "origin = 'import'"): "who made it",
    changed("rule", ONE, "created_at = created_at - 1"): "who made it",
    changed("rule", "effect = 'redirect'", "target = 'person:joe.fern'"): "what it is about",
    changed("rule", "effect = 'redirect'", "recipient = 'mara.berg@company.example'"): "what it is about",
    changed("rule", ONE, "kept_out = '[\"person:joe.fern\"]'"): "what it is about",
    changed("rule", WIRES, 'conditions = \'{"link_domain": ["other.example"]}\''): "what it is about",
    changed("rule", "value = 'bad.example'", "holds_until = created_at + 1"): "what it is about",
    changed("rule", ONE, "proof = 'aligned'"): "its terms",
    changed("rule", ONE, "risky = true"): "its terms",
    changed("rule", ONE, "unchecked = true"): "its terms",
    changed("rule", ONE, "encrypted = true"): "its terms",
    changed("rule", ONE, "note = 'the boss said so'"): "its terms",
    changed("rule", "value = 'bad.example'", "unproven_only = true"): "its terms",
    changed("rule", "value = 'bad.example'", "unsigned_only = true"): "its terms",
    changed("rule", "value = 'watch@supplier.example'", "until = created_at"): "its terms",
    changed("rule", "value = 'two@supplier.example'", "lapse_days = 3650"): "its terms",
    changed("rule", WIRES, "paused_at = NULL"): "its pause",
    changed("rule", FOUR, "removed_at = NULL, removed_by = ''"): "its end",
    changed("rule", FOUR, "removed_by = 'person:ana'"): "its end",
    changed("rule", "value = 'bad.example'", "removed_at = created_at, removed_by = 'person:ida'"): "its end",
    copied("api_token", "name = 'monitoring'", **NEW, key_sha256="'ab'"): "no entry made it",
    "DELETE FROM api_token WHERE name = 'old'": "is not in the database",
    changed("api_token", "name = 'monitoring'", "key_sha256 = 'ab'"): "what it is about",
    changed("api_token", "name = 'monitoring'", "grants = '[\"admin\"]'"): "what it is about",
    changed("api_token", "name = 'monitoring'", "scope = '[\"department:it\"]'"): "what it is about",
    changed("api_token", "name = 'tickets'", "expires_at = expires_at + 1"): "what it is about",
    changed("api_token", "name = 'old'", "revoked_at = NULL"): "its end",
    copied("staff_member", LEA, login="'mallory'"): "no entry made it",
    "DELETE FROM staff_member WHERE login = 'lea'": "is not in the database",
    changed("staff_member", LEA, "role = 'triage'"): "its role or scope",
    changed("staff_member", ANA, "role = 'admin'"): "its role or scope",
    changed("staff_member", ANA, "scope = '[\"department:it\"]'"): "its role or scope",
    changed("staff_member", ANA, "source = 'local'"): "its role or scope",
    changed("staff_member", LEA, "active = false"): "its role or scope",
    changed("staff_member", LEA, "is_locked = true"): "its role or scope",
    changed("staff_member", ANA, "rights = '[\"hunt\"]'"): "its rights",
    changed("staff_member", LEA, "password_hash = (SELECT password_hash FROM staff_member WHERE login = 'ida')"): "its password",
    changed("staff_member", LEA, "printed_code_sha256 = 'ab'"): "its password",
    changed("staff_member", LEA, "unlinked_from = '[\"https://id.example\"]'"): "its links",
    changed("staff_member", "login = 'eve'", "is_break_glass = false"): "its role or scope",
    changed("enforcement_step", IT, "step = 'record-only'"): "its enforcement steps",
    changed("enforcement_step", "scope = 'department:legal'", "starts_at = 0"): "its enforcement steps",
    "DELETE FROM enforcement_step WHERE scope = 'department:legal'": "is not in the database",
    copied("enforcement_step", IT, **NEW, step="'record-only'"): "its enforcement steps",
    copied("enforcement_step", IT, **NEW, scope="'department:it'"): "removed it",
    copied("enforcement_step", IT, **NEW, scope="'person:mara.berg'"): "no entry made it",
    changed("emergency", "closed_at IS NOT NULL", "closed_at = NULL"): "its times",
    copied("emergency", "closed_at IS NULL", **NEW, until='"until" + 1'): "its times",
}


@pytest.fixture
def house(engine: Engine, settings: Settings) -> Engine:
    """The database of a busy company, all entries chained."""
    work(engine, settings)
    with db.transaction(engine) as session:
        hash_chain.seal_entries(session)
    return engine


def verified(house: Engine) -> verify_state.StateVerification:
    """Result of verification."""
    with db.read_transaction(house) as session:
        return verify_state.verify_state(session)


def differences_after(house: Engine, statement: str) -> tuple[str, ...]:
    """Differences after one SQL statement, which is taken back then."""
    with Session(house) as session:
        assert session.connection().exec_driver_sql(statement).rowcount > 0, statement
        found = verify_state.verify_state(session).differences
        session.rollback()
    return found


def test_nothing_is_invented(house: Engine) -> None:
    """An honest database has no difference."""
    found = verified(house)
    assert (found.differences, found.unproven) == ((), 0)
    with db.read_transaction(house) as session:
        rows = sum(len(list(row_digests.read_digests(session, kind))) for kind in row_digests.KINDS)
    assert found.compared >= rows > 20


def test_every_change_by_sql_is_found(house: Engine) -> None:
    """Fifty and more ways to change the state without an act; each is found, and it alone."""
    assert len(TAMPERED) >= 50
    wrong = {}
    for statement, said in TAMPERED.items():
        found = differences_after(house, statement)
        if len(found) != 1 or said not in found[0]:
            wrong[statement] = found
    assert wrong == {}


def test_a_later_act_does_not_hide_a_change(house: Engine, settings: Settings) -> None:
    """A rule is changed by SQL, then removed as staff does it: what had changed before is still said."""
    with db.transaction(house) as session:
        session.execute(text("UPDATE rule SET scope = 'person:joe.fern' WHERE value = 'one@supplier.example'"))
        session.expire_all()
        rules.remove_rule(session, rule_of(session, "one@supplier.example").id, by=IDA, now=NOW)
    (said,) = verified(house).differences
    assert "what it is about, or who made it had changed before entry" in said


def test_a_rule_that_no_entry_made_cannot_be_made_honest(house: Engine) -> None:
    """A rule that was inserted by SQL, and paused, changed or removed later, is still not of staff."""
    with db.transaction(house) as session:
        session.connection().exec_driver_sql(copied("rule", ONE, **NEW, value="'spy@bad.example'"))
        rules.remove_rule(session, rule_of(session, "spy@bad.example").id, by=IDA, now=NOW)
    (said,) = verified(house).differences
    assert "but no entry made it" in said


def test_entries_before_digests_are_not_provable(house: Engine, settings: Settings) -> None:
    """Entries of older versions prove nothing; their rows are counted, and are no differences."""
    before = verified(house).compared
    with db.transaction(house) as session:
        unguard(session)
        session.execute(update(AuditRecord).values(digest=""))
    found = verified(house)
    assert (found.differences, found.unproven > 20) == ((), True)
    with db.transaction(house) as session:
        rules.add_rule(session, allow("new@supplier.example"), by=IDA, now=NOW, settings=settings)
    again = verified(house)
    assert (again.differences, again.compared, again.unproven) == ((), found.compared + 1, found.unproven)
    assert found.compared < before


def test_an_old_account_of_the_directory_needs_no_entry_before_the_next_sync(house: Engine, settings: Settings) -> None:
    """Before 0.1.0 a sync wrote no entries of accounts. The next one does."""
    with db.transaction(house) as session:
        unguard(session)
        session.execute(delete(AuditRecord).where(col(AuditRecord.subject) == "staff:ana"))
        session.execute(delete(AuditRecord).where(col(AuditRecord.act) == "sync-staff"))
    assert [verified(house).differences, verified(house).unproven] == [(), 2]
    with db.transaction(house) as session:
        wanted = replace(COMPANY, staff=COMPANY.staff[:1])
        directory.apply_directory(session, wanted, settings.company, by=SYNC, now=NOW, confirmed=True)
    assert [verified(house).differences, verified(house).unproven] == [(), 0]


def test_renamed_people_are_followed(house: Engine, settings: Settings) -> None:
    """Rules, steps, tokens and accounts go along with a person who is called otherwise, and are proven under the new name."""
    with db.transaction(house) as session:
        accounts.add_account(session, accounts.Account("joe.fern", "Joe", "admin", ("person:joe.fern",)), "", by=SHELL, now=NOW)
    for uid in ("joe.fern", "joe.woods"):
        people = tuple(replace(one, uid=uid, identity="7") if one.uid == "joe.fern" else one for one in COMPANY.people)
        with db.transaction(house) as session:
            wanted = replace(COMPANY, people=people, postmaster=COMPANY.postmaster)
            directory.apply_directory(session, wanted, settings.company, by=SYNC, now=NOW, confirmed=True)
    found = verified(house)
    assert found.differences == ()
    with db.read_transaction(house) as session:
        assert rule_of(session, "x@bad.example").scope == "person:joe.woods"


def test_deleted_entries_are_carried_on(house: Engine) -> None:
    """Retention deletes old entries; new entries carry on what they prove first, so that a change is found after three years too."""
    with db.transaction(house) as session:
        last = hash_chain.last_sequence(session)
        hash_chain.move_chain_start(session, last, now=NOW + timedelta(days=1100), kept=verify_state.list_retained(session, 0, last))
    with db.transaction(house) as session:
        hash_chain.drop_released(session)
        hash_chain.seal_entries(session)
    found = verified(house)
    assert (found.differences, found.unproven) == ((), 0)
    assert found.compared > 20
    (said,) = differences_after(house, changed("rule", ONE, "unchecked = true"))
    assert "its terms differ from entry" in said


def test_many_differences_are_counted_and_a_hundred_named(house: Engine, settings: Settings) -> None:
    """A whole table that was changed is one number, not a flood."""
    with db.transaction(house) as session:
        for number in range(110):
            rules.add_rule(session, allow(f"s{number}@supplier.example"), by=IDA, now=NOW, settings=settings)
        session.execute(text("UPDATE rule SET unchecked = true"))
    found = verified(house)
    assert [len(found.differences), found.different] == [100, 119]
    assert "in 119 places: rule:" in verify_state.fault_of(found)
