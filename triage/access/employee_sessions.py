"""Employees who are signed in to see their own mail: for an hour, with a key that only the browser knows, apart from staff."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col

from triage.access.sessions import hash_session_key
from triage.actor import Actor
from triage.store.models.directory import Person
from triage.store.models.employees import EmployeeSession

LASTS = timedelta(hours=1)


def begin_employee_session(session: Session, uid: str, client: str, *, now: datetime) -> str:
    """Open a session; its key. Those that are over go."""
    session.execute(delete(EmployeeSession).where(col(EmployeeSession.started_at) <= now - LASTS))
    key = secrets.token_urlsafe(32)
    session.add(EmployeeSession(key_sha256=hash_session_key(key), uid=uid, started_at=now, client=client))
    return key


def find_session_employee(session: Session, key: str, *, now: datetime) -> Actor | None:
    """Returns the employee who holds this key, read again each time; None when it is unknown or expired, or when they have left."""
    kept = session.get(EmployeeSession, hash_session_key(key)) if key else None
    person = session.get(Person, kept.uid) if kept and now - kept.started_at < LASTS else None
    return Actor.employee(person.uid, person.name) if person and person.active else None


def end_employee_session(session: Session, key: str) -> None:
    """Sign out. An unknown key changes nothing."""
    session.execute(delete(EmployeeSession).where(col(EmployeeSession.key_sha256) == hash_session_key(key)))
