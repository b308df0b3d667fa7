"""Accounts by an identity provider: bound to `sub`, made, changed and closed by groups, and never taken over by a name."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel, col

from tests.peers import circle, processes
from tests.triage.arriving import IDA, NOW
from triage.access import accounts, external_accounts, staff_login, staff_members
from triage.access.accounts import Account
from triage.access.external_accounts import Admission, Proof
from triage.access.staff_login import How
from triage.access.webmail import webmail_links
from triage.actor import Actor, Role, Scope
from triage.config.identity_providers import Provider
from triage.errors import BadInput, NotAllowed
from triage.store import db
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.directory import ConfidentialFolder, Person
from triage.store.models.sign_in import ExternalIdentity, WebmailLink
from triage.store.models.staff import StaffMember, StaffSession, Substitution

ISSUER = "https://id.company.example"
COMPANY = Provider("company", ISSUER, "mailroom", title="Company", groups=("crew => triage company", "chiefs => admin company"))
NORA = Proof(ISSUER, "sub-nora", "Nora", "Nora Falk", frozenset({"crew"}))


@pytest.fixture
def admit(sqlite_engine: Engine) -> Callable[..., Admission]:
    """Admits a sign-in and commits it."""

    def enter(proof: Proof, provider: Provider = COMPANY, later: timedelta = timedelta()) -> Admission:
        with transaction(sqlite_engine) as session:
            return external_accounts.admit_identity(session, provider, proof, now=NOW + later)

    return enter


def changes(engine: Engine) -> list[str]:
    """Changes of accounts in the audit log."""
    with read_transaction(engine) as session:
        return [one["what"] for one in session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == "staff"))]


def test_groups_make_change_close_and_reopen_an_account(sqlite_engine: Engine, admit: Callable[..., Admission]) -> None:
    assert admit(NORA) == Admission("nora")
    with read_transaction(sqlite_engine) as session:
        actor = staff_members.find_staff_actor(session, "nora", NOW)
        assert actor is not None
        assert (actor.role, actor.scope.words(), actor.shown) == ("triage", ["company"], "Nora Falk")
    assert admit(replace(NORA, groups=frozenset({"crew", "chiefs"}))) == Admission("nora")
    with transaction(sqlite_engine) as session:
        assert accounts.list_administrators(session, ways=("oidc",)) == ["nora"]
        how = How("oidc", "company", "s1")
        assert staff_login.start_session(session, "nora", "192.0.2.1", how, lasts=timedelta(hours=12), now=NOW)
    gone = admit(replace(NORA, groups=frozenset()))
    assert "no group of yours gives you a role here" in gone.refusal
    with read_transaction(sqlite_engine) as session:
        assert staff_members.find_staff_actor(session, "nora", NOW) is None
        assert session.scalars(select(StaffSession)).all() == []
    assert admit(NORA) == Admission("nora")
    assert changes(sqlite_engine) == ["add", "link", "groups", "close", "groups"]


def test_without_a_group_nobody_has_an_account(admit: Callable[..., Admission], sqlite_engine: Engine) -> None:
    with pytest.raises(NotAllowed, match="to add you to one that does"):
        admit(replace(NORA, groups=frozenset()))
    with pytest.raises(NotAllowed, match="sends no groups in “groups”"):
        admit(replace(NORA, groups=frozenset(), sends_groups=False))
    with pytest.raises(NotAllowed, match="sends no usable preferred_username"):
        admit(replace(NORA, login=""))
    assert changes(sqlite_engine) == []


def test_a_name_gives_nobody_the_account_of_another(sqlite_engine: Engine, admit: Callable[..., Admission]) -> None:
    with transaction(sqlite_engine) as session:
        session.add(StaffMember(login="nora", name="Nora", role="admin", scope=["company"], password_hash="x"))
    with pytest.raises(NotAllowed, match="not linked to Company; an administrator links it: `mailroom staff link nora company SUB`"):
        admit(NORA)
    with transaction(sqlite_engine) as session:
        external_accounts.link_identity(session, "nora", COMPANY, "sub-nora", by=IDA, now=NOW)
    assert admit(NORA) == Admission("nora")
    with read_transaction(sqlite_engine) as session:
        assert session.get_one(StaffMember, "nora").role == "admin", "the directory's account is what the directory says"


def test_where_logins_are_the_companys_own_a_name_is_enough_once(sqlite_engine: Engine, admit: Callable[..., Admission]) -> None:
    trusting = replace(COMPANY, link_by_login=True)
    with transaction(sqlite_engine) as session:
        session.add(StaffMember(login="nora", name="Nora", role="admin", scope=["company"], password_hash="x"))
    assert admit(NORA, trusting) == Admission("nora")
    with pytest.raises(NotAllowed, match="by another identifier"):
        admit(replace(NORA, sub="sub-mallory"), trusting)
    with transaction(sqlite_engine) as session:
        external_accounts.link_identity(session, "nora", trusting, "sub-mallory", by=IDA, now=NOW)
    with pytest.raises(NotAllowed, match="by another identifier"):
        admit(NORA, trusting)


def test_a_changed_name_keeps_the_account(admit: Callable[..., Admission]) -> None:
    assert admit(NORA) == Admission("nora")
    assert admit(replace(NORA, login="nora.berg", name="Nora Berg")) == Admission("nora")


def test_an_identity_has_one_account(sqlite_engine: Engine, admit: Callable[..., Admission]) -> None:
    admit(NORA)
    admit(Proof(ISSUER, "sub-otto", "otto", "Otto", frozenset({"crew"})))
    with transaction(sqlite_engine) as session:
        with pytest.raises(BadInput, match="it is linked to nora"):
            external_accounts.link_identity(session, "otto", COMPANY, "sub-nora", by=IDA, now=NOW)
        with pytest.raises(BadInput, match="printable"):
            external_accounts.link_identity(session, "otto", COMPANY, "", by=IDA, now=NOW)
        assert external_accounts.unlink_identities(session, "nora", by=IDA, now=NOW) == 1


def test_accounts_that_nobody_uses_any_more_are_closed(sqlite_engine: Engine, admit: Callable[..., Admission]) -> None:
    admit(NORA)
    later = NOW + timedelta(days=31)
    with transaction(sqlite_engine) as session:
        assert external_accounts.close_unused(session, timedelta(days=40), now=later) == 0
        assert external_accounts.close_unused(session, timedelta(days=30), now=later) == 1
        assert external_accounts.close_unused(session, timedelta(days=30), now=later) == 0
    assert admit(NORA, later=timedelta(days=32)) == Admission("nora")


@pytest.mark.parametrize(
    ("sub", "sid", "ended"),
    [("sub-nora", "", 2), ("", "s1", 1), ("sub-nora", "s1", 1), ("x", "s1", 0), ("sub-nora", "s3", 0), ("x", "", 0), ("", "", 0)],
)
def test_a_provider_ends_its_own_sessions(sqlite_engine: Engine, admit: Callable[..., Admission], sub: str, sid: str, ended: int) -> None:
    admit(NORA)
    with transaction(sqlite_engine) as session:
        for how in (How("oidc", "company", "s1"), How("oidc", "company", "s2"), How()):
            staff_login.start_session(session, "nora", "192.0.2.1", how, lasts=timedelta(hours=12), now=NOW)
        later = NOW + timedelta(minutes=1)
        assert external_accounts.end_provider_sessions(session, COMPANY, sub, sid, begun_before=NOW, now=later) == 0
        assert external_accounts.end_provider_sessions(session, COMPANY, sub, sid, begun_before=later, now=later) == ended


def identities(engine: Engine) -> list[tuple[str, str]]:
    """Lists the `sub` and login of the identities."""
    with read_transaction(engine) as session:
        return [(one.sub, one.login) for one in session.scalars(select(ExternalIdentity).order_by(col(ExternalIdentity.sub)))]


def test_an_identity_ends_with_its_account(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        accounts.add_account(session, Account("nora", "", "triage", ("company",)), "x", by=IDA, now=NOW)
        external_accounts.link_identity(session, "nora", COMPANY, "sub-nora", by=IDA, now=NOW)
        accounts.remove_account(session, "nora", by=IDA, now=NOW)
    assert identities(sqlite_engine) == []


def test_an_identity_whose_account_is_gone_never_gets_a_later_account(sqlite_engine: Engine, admit: Callable[..., Admission]) -> None:
    with transaction(sqlite_engine) as session:
        session.add(ExternalIdentity(issuer=ISSUER, sub="sub-nora", provider="company", login="nora", linked_at=NOW, seen_at=NOW))
    assert "the account nora was removed" in admit(NORA).refusal
    assert identities(sqlite_engine) == []
    with transaction(sqlite_engine) as session:
        accounts.add_account(session, Account("nora", "", "admin", ("company",)), "x", by=IDA, now=NOW)
    with pytest.raises(NotAllowed, match="not linked to Company"):
        admit(NORA)


@pytest.mark.parametrize("sub", ["sub-nora", "sub-mallory"])
def test_nobody_is_linked_by_login_to_an_account_that_was_unlinked(
    sqlite_engine: Engine, admit: Callable[..., Admission], sub: str
) -> None:
    trusting = replace(COMPANY, link_by_login=True)
    with transaction(sqlite_engine) as session:
        accounts.add_account(session, Account("nora", "", "triage", ("company",)), "x", by=IDA, now=NOW)
    assert admit(NORA, trusting) == Admission("nora")
    with transaction(sqlite_engine) as session:
        webmail_links.create_link(session, "Roundcube", by=Actor.person("nora", Role.TRIAGE, Scope(company=True)), now=NOW)
        external_accounts.unlink_identities(session, "nora", by=IDA, now=NOW)
        assert session.scalars(select(WebmailLink)).all() == []  # made by whoever had the identity
    with pytest.raises(NotAllowed, match="an administrator links it"):
        admit(replace(NORA, sub=sub), trusting)
    with transaction(sqlite_engine) as session:
        external_accounts.link_identity(session, "nora", trusting, sub, by=IDA, now=NOW)
    assert admit(replace(NORA, sub=sub), trusting) == Admission("nora")


def test_a_locked_account_stays_closed_until_it_is_unlocked(sqlite_engine: Engine, admit: Callable[..., Admission]) -> None:
    admit(NORA)
    with transaction(sqlite_engine) as session:
        external_accounts.lock_account(session, "nora", by=IDA, now=NOW)
        accounts.add_account(session, Account("otto", "", "triage", ("company",)), "x", by=IDA, now=NOW)
        with pytest.raises(BadInput, match="was not made by an identity provider"):
            external_accounts.lock_account(session, "otto", by=IDA, now=NOW)
    assert "the account nora is closed" in admit(NORA).refusal
    with transaction(sqlite_engine) as session:
        external_accounts.unlock_account(session, "nora", by=IDA, now=NOW)
    assert admit(NORA) == Admission("nora")
    assert changes(sqlite_engine) == ["add", "link", "close", "add", "unlock", "groups"]


@pytest.mark.parametrize(
    "row",
    [
        ConfidentialFolder(kind="department", name="board", login="nora"),
        Substitution(absent="ida", substitute="nora", starts_at=NOW, ends_at=NOW + timedelta(days=1), made_by="person:ida", made_at=NOW),
    ],
    ids=lambda one: type(one).__name__,
)
def test_nobody_gets_a_login_that_has_rights_already(sqlite_engine: Engine, admit: Callable[..., Admission], row: SQLModel) -> None:
    with transaction(sqlite_engine) as session:
        session.add(type(row)(**row.model_dump(exclude={"id"})))
    with pytest.raises(NotAllowed, match=r"already has rights here.*`mailroom staff link nora company SUB`"):
        admit(NORA)


def test_an_employee_whom_the_directory_calls_so_too_gets_an_account_by_groups(
    sqlite_engine: Engine, admit: Callable[..., Admission]
) -> None:
    with transaction(sqlite_engine) as session:
        session.add(Person(uid="nora", name="Nora", department="it", mailbox="nora@company.example", login="nora"))
    assert admit(NORA).login == "nora"


def test_substitutions_end_with_the_account(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        for login in ("nora", "otto"):
            accounts.add_account(session, Account(login, "", "triage", ("company",)), "x", by=IDA, now=NOW)
        days = timedelta(days=1)
        session.add(Substitution(absent="otto", substitute="nora", starts_at=NOW, ends_at=NOW + days, made_by="person:ida", made_at=NOW))
        accounts.remove_account(session, "nora", by=IDA, now=NOW)
        assert session.scalars(select(Substitution)).all() == []


def test_two_identities_of_a_provider_never_share_an_account(sqlite_engine: Engine, admit: Callable[..., Admission]) -> None:
    admit(NORA)
    with pytest.raises(IntegrityError), transaction(sqlite_engine) as session:
        external_accounts.bind_identity(session, COMPANY, "sub-mallory", "nora", by=IDA, now=NOW)


@pytest.mark.postgresql
def test_of_two_first_sign_ins_at_once_both_are_in(postgresql_url: str) -> None:
    engine = db.open_engine(postgresql_url)
    found: list[Admission] = []

    def sign_in_too() -> None:
        with transaction(engine) as session:
            found.append(external_accounts.admit_identity(session, COMPANY, NORA, now=NOW))

    thread = threading.Thread(target=sign_in_too)
    with transaction(engine) as session:
        first = external_accounts.admit_identity(session, COMPANY, NORA, now=NOW)
        thread.start()
        processes.until(lambda: bool(found) or circle.somebody_waits(engine), "the other sign-in to wait")
    thread.join(processes.HANG)
    assert found == [first]
    engine.dispose()
