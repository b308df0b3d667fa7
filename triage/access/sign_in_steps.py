"""Steps of a sign-in that is under way: each has a key that only the browser knows, is good once and for a few minutes."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlmodel import Session, col

from triage.access.sessions import hash_session_key
from triage.access.staff_login import TooManyFailures, lock_number
from triage.addressing.networks import sender_network
from triage.store import db
from triage.store.models.sign_in import SignInStep

LASTS = timedelta(minutes=10)
OF_AN_ADDRESS = 30  # steps under way from one network address: a whole office may stand behind one


def begin_step(
    session: Session, kind: str, *, now: datetime, login: str = "", client: str = "", about: dict[str, Any] | None = None
) -> str:
    """Note a step; its key. Those that are over go."""
    session.execute(delete(SignInStep).where(col(SignInStep.at) <= now - LASTS))
    key = secrets.token_urlsafe(32)
    session.add(SignInStep(key_sha256=hash_session_key(key), kind=kind, login=login, client=client, at=now, about=about or {}))
    return key


def refuse_flood(session: Session, client: str, *, now: datetime) -> None:
    """TooManyFailures when so many steps from this network are under way; a finished sign-in counts no more."""
    place = sender_network(client)
    db.take_advisory_locks(session, lock_number(f"client {place}"))
    rows = session.execute(select(col(SignInStep.client), col(SignInStep.at)).where(col(SignInStep.at) > now - LASTS))
    recent = sorted(at for where, at in rows if sender_network(where) == place)
    if len(recent) >= OF_AN_ADDRESS:
        raise TooManyFailures(recent[-OF_AN_ADDRESS] + LASTS - now)


def peek_step(session: Session, kind: str, key: str, *, now: datetime) -> SignInStep | None:
    """The step of this key, which stays; None when it is unknown, over, or of another kind."""
    found = session.get(SignInStep, hash_session_key(key)) if key else None
    return found if found and found.kind == kind and now - found.at < LASTS else None


def take_step(session: Session, kind: str, key: str, *, now: datetime) -> SignInStep | None:
    """The step of this key, which nobody takes a second time; None when there is none."""
    found = peek_step(session, kind, key, now=now)
    if found is None:
        return None
    gone: Any = session.execute(delete(SignInStep).where(col(SignInStep.key_sha256) == found.key_sha256))
    if gone.rowcount != 1:
        return None
    session.expunge(found)
    return found
