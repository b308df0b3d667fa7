"""Looks up an actor named in the audit log, with today's role and scope."""

from datetime import datetime

from sqlmodel import Session

from triage.access import api_tokens, staff_members
from triage.actor import ALL_RIGHTS, EVERYTHING, Actor, Role


def find_actor(session: Session, name: str, shown: str, now: datetime) -> Actor | None:
    """The person, token or shell user of this name (`person:ana`); None when there is no such one any more."""
    kind, _, login = name.partition(":")
    if kind == "shell":
        return Actor("shell", login, Role.ADMIN, EVERYTHING, shown, rights=ALL_RIGHTS)
    return api_tokens.find_token_actor(session, login, now) if kind == "token" else staff_members.find_staff_actor(session, login, now)
