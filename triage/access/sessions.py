"""Who is signed in where, and signing out everywhere."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import accounts, scope as access
from triage.actor import Actor, Role
from triage.addressing.envelope import fold_text
from triage.errors import NotAllowed, NotFound
from triage.say import quote_text, say
from triage.store import ledger
from triage.store.models.staff import StaffMember, StaffSession

SHOWN = 16  # digits of the key's hash that name a session


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One browser in which somebody is signed in."""

    id: str
    login: str
    started_at: datetime
    seen_at: datetime
    client: str  # network address
    current: bool  # it is the asker's own


def list_sessions(
    session: Session, *, by: Actor, login: str, key: str, lasts: timedelta, idle: timedelta, now: datetime
) -> tuple[OpenSession, ...]:
    """The sessions of a login that are still good, the youngest first. Those of others are for administrators, within their scope."""
    login = fold_text(login.strip())
    may_see(session, by, login)
    good = (col(StaffSession.started_at) > now - lasts) & (col(StaffSession.seen_at) > now - idle)
    rows = session.scalars(select(StaffSession).where(col(StaffSession.login) == login, good).order_by(col(StaffSession.started_at).desc()))
    mine = hash_session_key(key)
    return tuple(
        OpenSession(row.key_sha256[:SHOWN], row.login, row.started_at, row.seen_at, row.client, row.key_sha256 == mine) for row in rows
    )


def end_all(session: Session, *, by: Actor, login: str, now: datetime) -> int:
    """Sign a login out everywhere, on the record; of how many sessions. NotFound when there is no such staff."""
    login = fold_text(login.strip())
    may_see(session, by, login)
    if session.get(StaffMember, login) is None:
        raise NotFound(say("there is no staff account {login}", login=quote_text(login)))
    ended = accounts.end_sessions(session, login)
    ledger.write_act(session, "sign-out", f"staff:{login}", by=by, now=now, detail={"everywhere": True}, items=ended)
    return ended


def hash_session_key(key: str) -> str:
    """What the database knows of a session key."""
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
