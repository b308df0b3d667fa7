"""Accounts of our own: made, changed, taken away, and never touched by a sync."""

import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import COMPANY, IDA, NOW, SYNC
from triage.access import accounts, staff_login, staff_members
from triage.access.accounts import DIRECTORY, LOCAL, Account
from triage.actor import Right
from triage.addressing.company import StaffEntry
from triage.config.settings import Settings
from triage.directory import apply as directory, directory_rows
from triage.errors import BadInput, NotAllowedNow, NotFound
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.staff import StaffMember, StaffSession

NORA = Account("Nora", "Nora Falk", "admin", ("department:legal", "person:joe.fern"))
HASH = "$argon2id$not-checked-here"


@pytest.fixture
def known(engine: Engine, settings: Settings) -> Engine:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        accounts.add_account(session, NORA, HASH, by=IDA, now=NOW)
    return engine


def acts(session: Session) -> list[dict[str, object]]:
    """Details of the audit entries about accounts."""
    return list(session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == "staff").order_by(col(AuditRecord.id))))


def test_an_account_is_staff_and_on_the_record_without_its_password(known: Engine) -> None:
    with db.read_transaction(known) as session:
        nora = staff_members.find_staff_actor(session, "NORA", NOW)
        assert nora is not None
        assert (nora.name, nora.shown, nora.role) == ("nora", "Nora Falk", "admin")
        assert nora.scope.words() == ["department:legal", "person:joe.fern"]
        assert acts(session) == [{"what": "add", "role": "admin", "scope": ["department:legal", "person:joe.fern"]}]


def test_no_sync_changes_it_and_it_is_no_change_of_the_directory(known: Engine, settings: Settings) -> None:
    twin = replace(COMPANY, staff=(*COMPANY.staff, StaffEntry("nora", "Somebody Else", "auditor", ("company",))))
    with db.transaction(known) as session:
        applied = directory.apply_directory(session, COMPANY, settings.company, by=SYNC, now=NOW)
        assert applied.plan.changes == ()
        directory.apply_directory(session, twin, settings.company, by=SYNC, now=NOW)
        directory.apply_directory(session, replace(COMPANY, staff=()), settings.company, by=SYNC, now=NOW)
        assert [(one.login, one.name, one.source) for one in session.scalars(select(StaffMember))] == [("nora", "Nora Falk", "local")]
        assert directory_rows.read_directory(session).staff == ()


@pytest.mark.parametrize(
    ("account", "why"),
    [
        (replace(NORA, login="nora"), "nora is already a member of staff"),
        (replace(NORA, login="ana"), "the directory already makes ana staff"),
        (replace(NORA, login=""), "a login has 1 to 64 characters"),
        (replace(NORA, login="a b"), "a login has 1 to 64 characters"),
        (replace(NORA, login="a\x1b"), "a login has 1 to 64 characters"),
        (replace(NORA, login="x", role="boss"), "there is no role “boss”; there are triage, admin, auditor"),
        (replace(NORA, login="x", rights=("everything",)), "rights: there is no right “everything”; there are remove-delivered"),
        (replace(NORA, login="x", scope=()), "scope: write company"),
        (replace(NORA, login="x", scope=("everything",)), "scope: “everything” is not a scope"),
        (replace(NORA, login="x", scope=("department:hr",)), "scope: there is no department “hr”"),
        (replace(NORA, login="x", scope=("person:nobody",)), "scope: there is no person “nobody”"),
    ],
)
def test_what_is_no_account(known: Engine, account: Account, why: str) -> None:
    with pytest.raises(BadInput, match=why), db.transaction(known) as session:
        accounts.add_account(session, account, HASH, by=IDA, now=NOW)


def test_an_account_gets_rights_and_loses_them(known: Engine) -> None:
    with db.transaction(known) as session:
        accounts.add_account(session, replace(NORA, login="nils", rights=("remove-delivered",)), HASH, by=IDA, now=NOW)
        accounts.give_rights(session, "Nora", ("remove-delivered",), by=IDA, now=NOW)
        accounts.give_rights(session, "nils", (), by=IDA, now=NOW)
        found = {login: staff_members.find_staff_actor(session, login, NOW) for login in ("nora", "nils")}
        assert {login: one and one.rights for login, one in found.items()} == {"nora": {Right.REMOVE_DELIVERED}, "nils": frozenset()}
        assert [one.get("rights") for one in acts(session)] == [None, ["remove-delivered"], ["remove-delivered"], []]
        with pytest.raises(BadInput, match="ana comes from the directory"):
            accounts.give_rights(session, "ana", ("remove-delivered",), by=IDA, now=NOW)


def test_another_password_and_removal_end_what_is_open(known: Engine) -> None:
    for what in ("password", "remove"):
        with db.transaction(known) as session:
            session.add(StaffSession(key_sha256=what, login="nora", started_at=NOW, seen_at=NOW))
            session.add(StaffSession(key_sha256=f"ana {what}", login="ana", started_at=NOW, seen_at=NOW))
            if what == "password":
                accounts.set_password(session, "Nora", "$argon2id$other", by=IDA, now=NOW)
            else:
                accounts.remove_account(session, "nora", by=IDA, now=NOW)
        with db.read_transaction(known) as session:
            assert "nora" not in session.scalars(select(col(StaffSession.login))).all()
    with db.read_transaction(known) as session:
        assert [act["what"] for act in acts(session)] == ["add", "password", "remove"]
        assert staff_members.find_staff_actor(session, "nora", NOW) is None


CHIEF = Account("chief", "Ann Chief", "admin", ("company",))


@pytest.mark.parametrize(
    ("other", "values", "ways", "stays"),
    [
        (None, {}, LOCAL, True),
        (replace(CHIEF, login="second"), {}, LOCAL, False),
        (replace(CHIEF, login="second"), {"active": False}, LOCAL, True),
        (replace(CHIEF, login="second"), {"password_hash": ""}, LOCAL, True),
        (replace(CHIEF, login="second", role="auditor"), {}, LOCAL, True),
        (replace(CHIEF, login="second", scope=("department:legal", "department:it")), {}, LOCAL, True),
        (replace(CHIEF, login="second"), {"source": "directory"}, LOCAL, False),
        (None, {}, DIRECTORY, False),  # she could not sign in anyway
    ],
)
def test_the_last_administrator_of_the_company_stays(
    known: Engine, other: Account | None, values: dict[str, object], ways: str, stays: bool
) -> None:
    with db.transaction(known) as session:
        for account in filter(None, (CHIEF, other)):
            accounts.add_account(session, account, HASH, by=IDA, now=NOW)
        if values:
            session.execute(update(StaffMember).where(col(StaffMember.login) == "second").values(**values))
    refused: AbstractContextManager[object] = (
        pytest.raises(NotAllowedNow, match="chief is the only administrator") if stays else nullcontext()
    )
    with refused, db.transaction(known) as session:
        accounts.remove_account(session, "Chief", by=IDA, now=NOW, ways=(ways,))
    with db.transaction(known) as session:
        assert (session.get(StaffMember, "chief") is not None) is stays
        accounts.remove_account(session, "nora", by=IDA, now=NOW)  # who administers a part only may always go


BOSS = StaffEntry("boss", "Eve Boss", "admin", ("company",), password_hash=HASH)


@pytest.mark.parametrize("other", ["second", "boss"])
def test_two_who_go_at_the_same_moment_leave_one(known: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    """The second is taken away in another shell, or by a sync."""

    def go(login: str) -> None:
        with db.transaction(known) as session:
            if login == "boss":
                directory.apply_directory(session, COMPANY, settings.company, by=SYNC, now=NOW)
            else:
                accounts.remove_account(session, login, by=IDA, now=NOW)

    with db.transaction(known) as session:
        accounts.add_account(session, CHIEF, HASH, by=IDA, now=NOW)
        if other == "boss":
            directory.apply_directory(session, replace(COMPANY, staff=(*COMPANY.staff, BOSS)), settings.company, by=SYNC, now=NOW)
        else:
            accounts.add_account(session, replace(CHIEF, login=other), HASH, by=IDA, now=NOW)
    both, counted = threading.Barrier(2, timeout=1), accounts.list_administrators

    def counting(session: Session, *, ways: Collection[str]) -> list[str]:
        found = counted(session, ways=ways)
        with suppress(threading.BrokenBarrierError):
            both.wait()
        return found

    monkeypatch.setattr(accounts, "list_administrators", counting)
    with ThreadPoolExecutor(2) as shells:
        refused = [went.exception() for went in [shells.submit(go, login) for login in ("chief", other)]]
    assert sorted(type(one).__name__ for one in refused if one) in (["NotAllowedNow"], ["Braked"])
    with db.read_transaction(known) as session:
        assert len(counted(session, ways=(LOCAL,))) == 1


def test_the_directorys_accounts_are_changed_in_the_directory(known: Engine) -> None:
    with db.transaction(known) as session:
        for change in (
            lambda: accounts.remove_account(session, "ana", by=IDA, now=NOW),
            lambda: accounts.get_local_account(session, "ben"),
        ):
            with pytest.raises(BadInput, match="comes from the directory"):
                change()
        with pytest.raises(NotFound, match="there is no staff account “nobody”"):
            accounts.get_local_account(session, "nobody")


def test_where_the_directorys_passwords_count_no_other_does(known: Engine) -> None:
    with db.transaction(known) as session:
        own = staff_login.begin_attempt(session, "nora", "192.0.2.1", now=NOW, ways=(DIRECTORY,))
        theirs = staff_login.begin_attempt(session, "ana", "192.0.2.1", now=NOW, ways=(DIRECTORY,))
    assert not staff_login.verify_password(own, "whatever", lambda login, password: True)
    assert staff_login.verify_password(theirs, "whatever", lambda login, password: True)
