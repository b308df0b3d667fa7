"""Break-glass: a break-glass account that opens once with a printed code, whatever else is down; two people may hold a half each."""

import base64
import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import accounts, api_tokens, external_accounts, staff_login
from triage.access.accounts import BREAK_GLASS
from triage.access.staff_login import How, Try
from triage.actor import Actor, Role, Scope
from triage.errors import BadInput
from triage.say import say
from triage.store import ledger
from triage.store.models.staff import StaffMember

HALF = 10  # bytes of a half of the code


def prepare_break_glass(session: Session, login: str, *, by: Actor, now: datetime) -> tuple[str, str]:
    """Prepare an account: no password, second factor, identity or token counts any more. The two halves of its code, shown once."""
    member = accounts.get_local_account(session, login)
    if member.role != Role.ADMIN or not Scope.parse(tuple(member.scope)).company:
        raise BadInput(say("{login} does not administer the whole company: choose an account that does", login=member.login))
    first, second = make_half(), make_half()
    accounts.delete_factors(session, member.login)
    accounts.end_sessions(session, member.login)
    external_accounts.unlink_identities(session, member.login, by=by, now=now)
    member.printed_code_sha256, member.password_hash = digest_code(member.login, first, second), ""
    member.is_break_glass = True
    api_tokens.revoke_tokens_of(session, member.login, by=by, now=now)
    accounts.record_account_change(session, member.login, by, now, what="break-glass")
    return first, second


def has_printed_code(session: Session) -> bool:
    """Whether there is an account that a printed code opens."""
    waiting = select(col(StaffMember.login)).where(col(StaffMember.active), col(StaffMember.printed_code_sha256) != "")
    return session.scalar(waiting.limit(1)) is not None


def make_half() -> str:
    """Half of a code: 80 bits."""
    text = base64.b32encode(secrets.token_bytes(HALF)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def digest_code(login: str, first: str, second: str) -> str:
    """Hashes a break-glass code for the database: 160 random bits need no slow hash. The halves may come in any order."""
    halves = sorted("".join(one for one in half.lower() if one.isalnum()) for half in (first, second))
    return hashlib.sha256("\n".join([login, *halves]).encode()).hexdigest()


def open_account(session: Session, attempt: Try, first: str, second: str, *, lasts: timedelta, now: datetime) -> tuple[Actor, str] | None:
    """Sign in with the printed code, which is good once; None when it is wrong.

    It goes in the audit log, and administrators get a notice.
    """
    member = session.get(StaffMember, attempt.login, with_for_update=True)
    kept = member.printed_code_sha256 if member else ""
    if member is None or not kept or not secrets.compare_digest(kept, digest_code(member.login, first, second)):
        return None
    member.printed_code_sha256 = ""
    opened = staff_login.open_session(session, attempt, lasts=lasts, now=now, how=How(BREAK_GLASS, has_factor=True))
    if opened:
        detail = {"login": member.login, "client": attempt.client}
        ledger.write_act(session, BREAK_GLASS, BREAK_GLASS, by=opened[0], now=now, detail=detail)
        ledger.write_act(session, "use-code", f"staff:{member.login}", by=opened[0], now=now)
    return opened
