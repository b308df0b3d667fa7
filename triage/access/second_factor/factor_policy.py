"""Second factors: which ones an account has, who must have one, and when a session has to prove one again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from triage.access import accounts
from triage.access.second_factor import recovery_codes
from triage.access.sessions import hash_session_key
from triage.access.staff_login import SignedIn
from triage.actor import Actor
from triage.errors import BadInput, FactorNeeded, NotAllowed
from triage.say import say
from triage.store.models.sign_in import AuthenticatorApp, Passkey
from triage.store.models.staff import StaffMember, StaffSession


@dataclass(frozen=True, slots=True)
class Factors:
    """The second factors of an account."""

    app: bool = False
    passkeys: int = 0
    recovery_codes: int = 0


def find_factors(session: Session, login: str) -> Factors:
    """The second factors that an account has."""
    keys = session.scalar(select(func.count()).select_from(Passkey).where(col(Passkey.login) == login)) or 0
    return Factors(session.get(AuthenticatorApp, login) is not None, keys, recovery_codes.count_codes(session, login))


def has_factor(session: Session, login: str) -> bool:
    """Whether the account has an authenticator app or a passkey."""
    return bool(session.scalar(select(accounts.owns_factor(login))))


def is_asked(session: Session, login: str, required: Collection[str]) -> bool:
    """Whether a sign-in needs a second factor. It does when the account has one, or its role must (`api.require_second_factor`)."""
    member = session.get(StaffMember, login)
    return member is not None and (member.role in required or has_factor(session, login))


def is_proof_due(found: SignedIn, required: Collection[str], lasts: timedelta, now: datetime) -> bool:
    """Whether this session has proven its second factor too long ago for acts that ask for it again."""
    if found.factor_at is not None and now - found.factor_at < lasts:
        return False
    return found.actor.role in required or found.has_factor


def require_proof(by: Actor) -> None:
    """FactorNeeded when whoever acts has to prove their second factor again first (`api.step_up_minutes`)."""
    if by.factor_due:
        raise FactorNeeded(say("this needs your second factor once more; give it, or set one up in Settings if you have none"))


def require_proof_to_change(session: Session, by: Actor) -> StaffMember:
    """The account of whoever changes their own second factors. NotAllowed for programs and break-glass accounts, FactorNeeded as above."""
    member = session.get(StaffMember, by.name) if by.kind == "person" else None
    if member is None:
        raise NotAllowed(say("this needs a person who has signed in"))
    if member.is_break_glass:
        raise BadInput(say("{login} is a break-glass account, whose printed code is all it needs", login=member.login))
    if has_factor(session, member.login):
        require_proof(by)
    return member


def record_proof(session: Session, key: str, *, now: datetime) -> None:
    """Note that the session of this key has just proven a second factor."""
    session.execute(update(StaffSession).where(col(StaffSession.key_sha256) == hash_session_key(key)).values(factor_at=now))


def reset_factors(session: Session, login: str, *, by: Actor, now: datetime) -> int:
    """Remove all second factors of somebody who lost them, and end their sessions. How many factors. NotFound without an account."""
    member = accounts.get_account(session, login)
    found = find_factors(session, member.login)
    accounts.delete_factors(session, member.login)
    accounts.end_sessions(session, member.login)
    accounts.record_account_change(session, member.login, by, now, what="second-factor-reset")
    return int(found.app) + found.passkeys
