"""Staff accounts of our own, for companies without a directory server: kept in the database, and left alone by every sync."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, literal, or_, select, union_all
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col

from triage.access import preferences, scope as access
from triage.actor import Actor, Role, Scope, rights_of
from triage.addressing.company import StaffEntry
from triage.addressing.envelope import fold_text
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound
from triage.say import error_sentence, mark, quote_text, say
from triage.store import db, ledger
from triage.store.models.directory import Department, Person
from triage.store.models.notifications import PushSubscription
from triage.store.models.sign_in import AuthenticatorApp, ExternalIdentity, Passkey, RecoveryCode, WebmailLink
from triage.store.models.staff import BrowserPin, StaffMember, StaffSession, Substitution

LOCAL, DIRECTORY = "local", "directory"  # where an account comes from, and a way to sign in
PROVIDER = "provider"  # an account that an identity provider's groups made
OIDC = "oidc"  # a way to sign in: at an identity provider
PROXY = "proxy"  # a way to sign in: as whom a proxy in front of the console names
BREAK_GLASS = "break-glass"  # a way to sign in: with a printed code
LOGIN_TAKEN = {  # why a login cannot be made, by where its account comes from
    LOCAL: mark("{login} is already a member of staff"),
    DIRECTORY: mark("the directory already makes {login} staff"),
    PROVIDER: mark("an identity provider already makes {login} staff"),
}
LONGEST_LOGIN = 64  # characters
FACTORS = (AuthenticatorApp, Passkey, RecoveryCode)  # tables of second factors
TURN = 0x6164  # who takes administrators away does so under this number


@dataclass(frozen=True, slots=True)
class Account:
    """An account that shall be."""

    login: str
    name: str
    role: str
    scope: tuple[str, ...]
    rights: tuple[str, ...] = ()


def add_account(session: Session, account: Account, password_hash: str, *, by: Actor, now: datetime) -> str:
    """Make an account; its login as it is kept. BadInput when the login is taken or no login, or names in the scope are nobody's."""
    login = checked_login(account.login)
    taken = session.get(StaffMember, login)
    if taken is not None:
        raise BadInput(say(LOGIN_TAKEN[taken.source], login=login))
    scope = checked_scope(session, account.scope)
    role = checked_role(account.role)
    name = account.name.strip() or login
    rights = checked_rights(account.rights)
    made = StaffMember(login=login, name=name, role=role, scope=scope, rights=rights, password_hash=password_hash, source=LOCAL)
    session.add(made)
    record_account_change(session, login, by, now, what="add", role=role, scope=scope, **({"rights": rights} if rights else {}))
    return login


def remove_account(session: Session, login: str, *, by: Actor, now: datetime, ways: Collection[str] = (LOCAL,)) -> None:
    """Take an account away; who is signed in with it is out at once. NotAllowedNow when nobody would administer the company any more."""
    take_turns(session)
    member = get_local_account(session, login)
    if list_administrators(session, ways=ways) == [member.login]:
        raise NotAllowedNow(
            say(
                "{login} is the only administrator of the whole company: name another one first, `mailroom staff add LOGIN --role admin "
                "--scope company`",
                login=member.login,
            )
        )
    session.delete(member)
    end_sessions(session, member.login)
    session.execute(delete(ExternalIdentity).where(col(ExternalIdentity.login) == member.login))
    delete_factors(session, member.login)
    session.execute(delete(Substitution).where(or_(col(Substitution.absent) == member.login, col(Substitution.substitute) == member.login)))
    preferences.forget_preferences(session, member.login)
    record_account_change(session, member.login, by, now, what="remove")


def set_password(session: Session, login: str, password_hash: str, *, by: Actor, now: datetime) -> None:
    """Give an account another password; whoever is signed in with the old one is out at once. BadInput for a break-glass account."""
    member = get_local_account(session, login)
    if member.is_break_glass:
        raise BadInput(
            say(
                "{login} is a break-glass account, which has no password: print a new code with `mailroom staff break-glass {login}`, or "
                "remove the account and add it again",
                login=member.login,
            )
        )
    member.password_hash = password_hash
    end_sessions(session, member.login)
    record_account_change(session, member.login, by, now, what="password")


def give_rights(session: Session, login: str, rights: tuple[str, ...], *, by: Actor, now: datetime) -> None:
    """Give an account these rights and no others. BadInput when one is none, or the account comes from the directory."""
    member = get_local_account(session, login)
    member.rights = checked_rights(rights)
    record_account_change(session, member.login, by, now, what="rights", rights=member.rights)


@dataclass(frozen=True, slots=True)
class Member:
    """Staff member with login, role, scope and rights."""

    login: str
    name: str
    role: str
    scope: tuple[str, ...]
    rights: tuple[str, ...]
    source: str
    active: bool
    away_until: datetime | None
    sessions: int


def list_accounts(session: Session, *, by: Actor, now: datetime, limit: int, after: str = "") -> list[Member]:
    """Staff by login, for administrators and auditors of the whole company; `after` is the login to go on from."""
    access.require_role(by, Role.ADMIN, Role.AUDITOR)
    if not by.scope.company:
        raise NotAllowed(say("the list of staff is about the whole company; your scope is {yours}", yours=access.scope_shown(by)))
    rows = session.scalars(select(StaffMember).where(col(StaffMember.login) > after).order_by(col(StaffMember.login)).limit(limit)).all()
    signed_in = Counter(session.scalars(select(col(StaffSession.login)).where(col(StaffSession.login).in_([one.login for one in rows]))))
    return [member_of_row(one, signed_in[one.login], now) for one in rows]


def member_of_row(row: StaffMember, signed_in: int, now: datetime) -> Member:
    """A row as a value."""
    away = row.away_until if row.away_until and row.away_until > now else None
    return Member(row.login, row.name, row.role, tuple(row.scope), tuple(row.rights), row.source, row.active, away, signed_in)


def list_administrators(session: Session, *, ways: Collection[str]) -> list[str]:
    """Returns the logins that can sign in by one of these ways (api.sign_in) and administer the whole company."""
    rows = session.scalars(select(StaffMember).where(col(StaffMember.active)).order_by(col(StaffMember.login)))
    return [one.login for one in rows if is_company_administrator(one, one.source, ways=ways)]


def take_turns(session: Session) -> None:
    """Let nobody else take an administrator away until this transaction ends: two who do so at once would each count on the other one."""
    db.take_advisory_locks(session, TURN)


def is_company_administrator(one: StaffMember | StaffEntry, source: str = DIRECTORY, *, ways: Collection[str]) -> bool:
    """Whether this is an administrator of the whole company who can sign in."""
    if isinstance(one, StaffMember) and one.is_break_glass:
        return False
    return one.role == Role.ADMIN and Scope.parse(tuple(one.scope)).company and can_sign_in(source, bool(one.password_hash), ways)


def can_sign_in(source: str, has_password: bool, ways: Collection[str]) -> bool:
    """Whether there is a way for accounts that come from there. `has_password`: of our own keeping."""
    if source == PROVIDER:
        return OIDC in ways
    if PROXY in ways:
        return True
    by_password = LOCAL in ways and has_password
    return by_password or (source == DIRECTORY and (DIRECTORY in ways or OIDC in ways))


def list_logins(session: Session) -> dict[str, bool]:
    """Lists staff logins, and whether each is an account of ours."""
    return {login: source == LOCAL for login, source in session.execute(select(col(StaffMember.login), col(StaffMember.source)))}


def get_account(session: Session, login: str) -> StaffMember:
    """The account with this login, wherever it comes from. NotFound when there is none."""
    member = session.get(StaffMember, fold_text(login.strip()))
    if member is None:
        raise NotFound(say("there is no staff account {login}; `mailroom staff list` lists all accounts", login=quote_text(login)))
    return member


def get_local_account(session: Session, login: str) -> StaffMember:
    """An account of ours. NotFound when there is none, BadInput when it is the directory's."""
    member = get_account(session, login)
    if member.source == PROVIDER:
        raise BadInput(say("{login} comes from an identity provider: change the groups there", login=member.login))
    if member.source != LOCAL:
        raise BadInput(say("{login} comes from the directory: change the directory, then run `mailroom sync`", login=member.login))
    return member


def checked_login(login: str) -> str:
    """A login in the form in which it is kept."""
    login = fold_text(login.strip())
    if not login or len(login) > LONGEST_LOGIN or not login.isprintable() or any(one.isspace() or one in ":," for one in login):
        raise BadInput(
            say(
                "a login has 1 to {longest_login} characters and contains no space, colon, comma or control character",
                longest_login=LONGEST_LOGIN,
            )
        )
    return login


def checked_role(role: str) -> str:
    """A role that there is."""
    if role not in (roles := [one.value for one in Role]):
        raise BadInput(say("there is no role {role}; there are {names}", role=quote_text(role), names=", ".join(roles)))
    return role


def checked_rights(words: tuple[str, ...]) -> list[str]:
    """Rights that there are."""
    try:
        return sorted(rights_of(words))
    except ValueError as fault:
        raise BadInput(error_sentence(fault), field="rights") from fault


def checked_scope(session: Session, words: tuple[str, ...]) -> list[str]:
    """A scope of departments and people that there are."""
    try:
        scope = Scope.parse(words)
    except ValueError as fault:
        raise BadInput(error_sentence(fault), field="scope") from fault
    if not scope.words():
        raise BadInput(say("write company, department:CODE or person:UID"), field="scope")
    for kind, table, names in (("department", Department, scope.departments), ("person", Person, scope.persons)):
        for name in sorted(names):
            if session.get(table, name) is None:
                raise BadInput(say("there is no {kind} {name}", kind=kind, name=quote_text(name)), field="scope")
    return scope.words()


def end_sessions(session: Session, login: str) -> int:
    """Sign somebody out everywhere, also their webmail, and forget their PINs and web push; of how many sessions."""
    delete_pins(session, login)
    session.execute(delete(PushSubscription).where(col(PushSubscription.login) == login))
    session.execute(delete(WebmailLink).where(col(WebmailLink.owner) == f"person:{login}"))
    ended: Any = session.execute(delete(StaffSession).where(col(StaffSession.login) == login))
    return int(ended.rowcount)


def owns_factor(login: str | Mapped[str]) -> ColumnElement[bool]:
    """The condition that an account has an authenticator app or a passkey. Recovery codes only replace one."""
    return exists().where(col(AuthenticatorApp.login) == login) | exists().where(col(Passkey.login) == login)


def delete_pins(session: Session, login: str) -> None:
    """Delete the PINs of an account, in every browser."""
    session.execute(delete(BrowserPin).where(col(BrowserPin.login) == login))


def delete_factors(session: Session, login: str) -> None:
    """Delete the second factors of an account."""
    for table in FACTORS:
        session.execute(delete(table).where(col(table.login) == login))


def delete_orphans(session: Session) -> None:
    """Delete what belongs to accounts that are gone, and webmail links of employees who left: a later one of that name is somebody else."""
    logins = select(col(StaffMember.login))
    for table in (ExternalIdentity, BrowserPin, PushSubscription, *FACTORS):
        session.execute(delete(table).where(col(table.login).not_in(logins)))
    employees = select(literal("employee:") + col(Person.uid)).where(col(Person.active))
    owners = union_all(select(literal("person:") + col(StaffMember.login)), employees)
    session.execute(delete(WebmailLink).where(col(WebmailLink.owner).not_in(owners)))
    gone = or_(col(Substitution.absent).not_in(logins), col(Substitution.substitute).not_in(logins))
    session.execute(delete(Substitution).where(gone))


def record_factor_change(session: Session, login: str, by: Actor, now: datetime, **detail: Any) -> None:
    """Put a change of an account's second factors in the audit log. Its PINs end: who set them may be whom the change keeps out."""
    delete_pins(session, login)
    record_account_change(session, login, by, now, **detail)


def record_account_change(session: Session, login: str, by: Actor, now: datetime, **detail: Any) -> None:
    """Put a change of an account in the audit log."""
    ledger.write_act(session, "staff", f"staff:{login}", by=by, now=now, detail=detail)
