"""Codes of an authenticator app (TOTP, RFC 6238): set up with a QR code, each accepted once."""

import base64
import secrets
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import delete, update
from sqlmodel import Session, col

from triage.access import accounts
from triage.actor import Actor
from triage.errors import BadInput
from triage.say import say
from triage.store.models.sign_in import AuthenticatorApp

PERIOD = 30  # seconds that a code is shown
DIGITS = 6
NEIGHBOURS = (0, -1, 1)  # periods that are accepted: clocks differ, and people type
SECRET_BYTES = 20  # RFC 4226, 4
ISSUER = "Mailroom"


def make_secret() -> str:
    """A new secret for an app, base32."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def provisioning_uri(login: str, secret: str) -> str:
    """The otpauth URI that an app reads from a QR code."""
    return generator_of(secret).get_provisioning_uri(login, ISSUER)


def generator_of(secret: str) -> TOTP:
    """The generator of a secret's codes. SHA-1 is what every app supports (RFC 6238, 1.2)."""
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), PERIOD)  # noqa: S303


def find_period(secret: str, code: str, now: datetime) -> int:
    """The number of the period whose code this is; 0 when it is not a code of about now."""
    typed, present = "".join(code.split()).encode(), int(now.timestamp()) // PERIOD
    for period in (present + away for away in NEIGHBOURS):
        try:
            generator_of(secret).verify(typed, period * PERIOD)
        except InvalidToken:
            continue
        return period
    return 0


def store_app(session: Session, login: str, secret: str, code: str, *, by: Actor, now: datetime) -> None:
    """Give an account this app, in place of an earlier one. BadInput when its first code is wrong."""
    period = find_period(secret, code, now)
    if not period:
        raise BadInput(
            say("this is not the app's present code; check that the clocks of the phone and of the Mailroom server are right"), field="code"
        )
    session.execute(delete(AuthenticatorApp).where(col(AuthenticatorApp.login) == login))
    session.add(AuthenticatorApp(login=login, secret=secret, made_at=now, last_period=period))
    session.flush()
    accounts.record_factor_change(session, login, by, now, what="second-factor", factor="authenticator-app")


def accept_code(session: Session, login: str, code: str, *, now: datetime) -> bool:
    """Whether this is a present code of the account's app that was not used before. It counts once."""
    kept = session.get(AuthenticatorApp, login)
    period = find_period(kept.secret, code, now) if kept else 0
    if not period:
        return False
    unused = (col(AuthenticatorApp.login) == login) & (col(AuthenticatorApp.last_period) < period)
    taken: Any = session.execute(update(AuthenticatorApp).where(unused).values(last_period=period))
    return bool(taken.rowcount == 1)


def remove_app(session: Session, login: str, *, by: Actor, now: datetime) -> None:
    """Remove the app of an account, in the audit log."""
    gone: Any = session.execute(delete(AuthenticatorApp).where(col(AuthenticatorApp.login) == login))
    if gone.rowcount:
        accounts.record_factor_change(session, login, by, now, what="second-factor-removed", factor="authenticator-app")
