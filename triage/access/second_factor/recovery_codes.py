"""Recovery codes: ten codes for paper, each replaces a lost second factor once."""

import base64
import hashlib
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from triage.access import accounts
from triage.actor import Actor
from triage.store.models.sign_in import RecoveryCode

COUNT = 10
CODE_BYTES = 10  # 80 bits


def make_codes(session: Session, login: str, *, by: Actor, now: datetime) -> list[str]:
    """Make an account's codes, in place of earlier ones; they are shown this once."""
    session.execute(delete(RecoveryCode).where(col(RecoveryCode.login) == login))
    made = [base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower() for _ in range(COUNT)]
    session.add_all(RecoveryCode(code_sha256=digest_code(one), login=login, made_at=now) for one in made)
    accounts.record_account_change(session, login, by, now, what="recovery-codes")
    return ["-".join(one[start : start + 4] for start in range(0, len(one), 4)) for one in made]


def accept_code(session: Session, login: str, code: str, *, now: datetime) -> bool:
    """Whether this is a code of the account. It is used up then, in the audit log."""
    theirs = (col(RecoveryCode.login) == login) & (col(RecoveryCode.code_sha256) == digest_code(code))
    gone: Any = session.execute(delete(RecoveryCode).where(theirs))
    if gone.rowcount != 1:
        return False
    left = count_codes(session, login)
    accounts.record_account_change(session, login, Actor.system("sign-in"), now, what="recovery-code-used", left=left)
    return True


def count_codes(session: Session, login: str) -> int:
    """Counts the codes that an account has left."""
    return session.scalar(select(func.count()).select_from(RecoveryCode).where(col(RecoveryCode.login) == login)) or 0


def digest_code(code: str) -> str:
    """Hashes a recovery code for the database: 80 random bits need no slow hash."""
    plain = "".join(one for one in code.lower() if one.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()
