"""Sessions of staff: list them, and sign out everywhere."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, literal, select
from sqlmodel import Session, col

from triage.access import accounts, scope as access
from triage.access.accounts import BREAK_GLASS, PROXY
from triage.actor import Actor, Role
from triage.addressing.envelope import fold_text
from triage.errors import NotAllowed, NotFound
from triage.say import quote_text, say
from triage.store import ledger
from triage.store.models.staff import BrowserPin, StaffMember, StaffSession

SHOWN = 16  # digits of the key's hash that name a session
NEVER_OPENED = (PROXY, BREAK_GLASS)  # ways to sign in whose sessions no PIN opens: the proxy ends its own, a printed code's last an hour


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Browser session in which a member of staff is signed in."""

    id: str
    login: str
    started_at: datetime
    seen_at: datetime
    client: str  # network address
    current: bool  # it is the asker's own
    is_locked: bool  # a PIN opens it, or a sign-in takes its place


def list_sessions(
    session: Session, *, by: Actor, login: str, key: str, lasts: timedelta, idle: timedelta, waits: timedelta, now: datetime
) -> tuple[OpenSession, ...]:
    """The sessions of a login that are still good, the youngest first. Those of others are for administrators, within their scope.

    `idle`: after the last act a session locks. `waits`: after the last act no PIN opens it any more; zero where no PIN counts.
    """
    login = fold_text(login.strip())
    may_see(session, by, login)
    awake = ~col(StaffSession.is_locked) & (col(StaffSession.seen_at) > now - idle)
    good = (col(StaffSession.started_at) > now - lasts) & (awake | waits_for_its_pin(waits, now))
    rows = session.scalars(select(StaffSession).where(col(StaffSession.login) == login, good).order_by(col(StaffSession.started_at).desc()))
    mine = hash_session_key(key)
    return tuple(
        OpenSession(
            id=row.key_sha256[:SHOWN],
            login=row.login,
            started_at=row.started_at,
            seen_at=row.seen_at,
            client=row.client,
            current=row.key_sha256 == mine,
            is_locked=row.is_locked or row.seen_at <= now - idle,
        )
        for row in rows
    )


def waits_for_its_pin(waits: timedelta, now: datetime) -> ColumnElement[bool]:
    """Sessions that their holder's PIN still opens in their browser."""
    same = (col(BrowserPin.browser_sha256) == col(StaffSession.browser_sha256)) & (col(BrowserPin.login) == col(StaffSession.login))
    has_pin = select(literal(1)).where(same).correlate(StaffSession).exists()
    return has_pin & col(StaffSession.method).not_in(NEVER_OPENED) & (col(StaffSession.seen_at) > now - waits)


def end_all(session: Session, *, by: Actor, login: str, now: datetime) -> int:
    """Sign a login out everywhere, in the audit log; of how many sessions. NotFound when there is no such staff."""
    login = fold_text(login.strip())
    may_see(session, by, login)
    if session.get(StaffMember, login) is None:
        raise NotFound(say("there is no staff account {login}", login=quote_text(login)))
    ended = accounts.end_sessions(session, login)
    ledger.write_act(session, "sign-out", f"staff:{login}", by=by, now=now, detail={"everywhere": True}, items=ended)
    return ended


def hash_session_key(key: str) -> str:
    """Hashes a session key for the database."""
    return hashlib.sha256(key.encode()).hexdigest()


def may_see(session: Session, by: Actor, login: str) -> None:
    """NotAllowed unless it is the actor's own login, or the actor is an administrator whose scope covers that of the login."""
    if login == by.name and by.kind == "person":
        return
    access.require_role(by, Role.ADMIN)
    member = session.get(StaffMember, login)
    if not (by.scope.company or (member and access.is_administrator_over(by, member))):
        scope = ", ".join(by.scope.words()) or "empty"
        raise NotAllowed(
            say("your scope is {scope}: sessions of {login} need an administrator with a wider scope", scope=scope, login=quote_text(login))
        )
