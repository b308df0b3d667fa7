"""Locked sessions, and the PIN of one account in one browser that opens them again for a while after the last act."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, case, delete, select, update
from sqlmodel import Session, col

from triage.access import accounts, staff_login, staff_members
from triage.access.password_policy import is_row
from triage.access.sessions import NEVER_OPENED, hash_session_key
from triage.access.staff_login import AT_ONCE, HASHER
from triage.actor import Actor
from triage.errors import BadInput
from triage.say import say
from triage.store import ledger
from triage.store.models.staff import BrowserPin, StaffMember, StaffSession

PIN = "pin"  # a way in which a session was opened
TRIES = 6
LEAST, MOST = 6, 12  # digits
DIFFERENT = 3  # digits at least that are not the same
UNUSED = timedelta(days=90)  # after which a PIN is forgotten


@dataclass(frozen=True, slots=True)
class PinLimits:
    """Time for which a PIN opens a session."""

    lasts: timedelta  # after the sign-in
    left: timedelta  # after the last act


@dataclass(frozen=True, slots=True)
class PinHolder:
    """Staff member whose session in this browser a PIN can unlock now."""

    login: str
    name: str


@dataclass(frozen=True, slots=True)
class PinTry:
    """Attempt to enter a PIN. Counts as wrong until it was right, so that many at once gain nothing."""

    login: str
    pin_hash: str
    number: int  # of the tries that count


def find_pin_fault(pin: str) -> str:
    """Returns the reason why this PIN is refused, "" when it is accepted."""
    if not (pin.isascii() and pin.isdecimal() and LEAST <= len(pin) <= MOST):
        return say("a PIN has {least} to {most} digits", least=LEAST, most=MOST)
    half = pin[: len(pin) // 2]
    if len(set(pin)) < DIFFERENT or is_row(pin) or pin == half + half:
        return say("this PIN is one of the first that are guessed; choose another one")
    return ""


def hash_pin(browser: str, pin: str) -> str:
    """The argon2id hash of a PIN with the browser's secret: of no use without that browser. Slow: call it outside of a transaction."""
    if fault := find_pin_fault(pin):
        raise BadInput(fault, field="pin")
    with AT_ONCE:
        return HASHER.hash(with_secret(browser, pin))


def with_secret(browser: str, pin: str) -> str:
    """Joins the browser's secret and the PIN for hashing."""
    return f"{browser}\n{pin}"


def store_pin(session: Session, key: str, browser: str, pin_hash: str, *, by: Actor, now: datetime) -> None:
    """Give an account this PIN in this browser, in place of an earlier one. `key`: of its session there, which it may open from now on."""
    session.execute(delete(BrowserPin).where(of_browser(browser, by.name) | (col(BrowserPin.used_at) <= now - UNUSED)))
    session.add(BrowserPin(browser_sha256=hash_session_key(browser), login=by.name, pin_hash=pin_hash, failures=0, used_at=now))
    session.flush()
    accounts.record_account_change(session, by.name, by, now, what="pin")
    take_browser(session, key, "", browser, now=now)


def remove_pin(session: Session, login: str, browser: str, *, by: Actor, now: datetime) -> None:
    """Remove the PIN of an account in this browser, in the audit log."""
    gone: Any = session.execute(delete(BrowserPin).where(of_browser(browser, login)))
    if gone.rowcount:
        accounts.record_account_change(session, login, by, now, what="pin-removed")


def has_pin(session: Session, login: str, browser: str) -> bool:
    """Whether this account has a PIN in this browser."""
    return session.get(BrowserPin, (hash_session_key(browser), login)) is not None


def of_browser(browser: str, login: str) -> ColumnElement[bool]:
    """The PIN of an account in a browser."""
    return (col(BrowserPin.browser_sha256) == hash_session_key(browser)) & (col(BrowserPin.login) == login)


def is_resumable(browser: str, limits: PinLimits, now: datetime) -> ColumnElement[bool]:
    """Sessions of this browser that a PIN opens, where their account has one."""
    here = in_browser(browser) & (col(StaffSession.browser_sha256) == col(BrowserPin.browser_sha256))
    same = (col(StaffSession.login) == col(BrowserPin.login)) & col(StaffSession.method).not_in(NEVER_OPENED)
    return here & same & (col(StaffSession.started_at) > now - limits.lasts) & (col(StaffSession.seen_at) > now - limits.left)


def list_holders(session: Session, browser: str, limits: PinLimits, *, now: datetime) -> tuple[PinHolder, ...]:
    """Returns the accounts whose sessions in this browser a PIN opens now, the last one seen first."""
    if not browser:
        return ()
    has_tries = col(BrowserPin.failures) < TRIES
    theirs = is_resumable(browser, limits, now) & has_tries & (col(StaffMember.login) == col(StaffSession.login)) & col(StaffMember.active)
    rows = session.execute(select(col(StaffMember.login), col(StaffMember.name)).where(theirs).order_by(col(StaffSession.seen_at).desc()))
    return tuple(PinHolder(login, name) for login, name in dict.fromkeys((login, name) for login, name in rows))


def begin_try(session: Session, browser: str, login: str, limits: PinLimits, *, now: datetime) -> PinTry | None:
    """Count a try. None when no PIN opens a session of this login in this browser."""
    if not browser:
        return None
    mine = is_resumable(browser, limits, now) & (col(BrowserPin.login) == login)
    pin_hash = session.scalars(select(col(BrowserPin.pin_hash)).where(mine).limit(1)).first()
    if pin_hash is None:
        return None
    has_tries = (col(BrowserPin.pin_hash) == pin_hash) & (col(BrowserPin.failures) < TRIES)
    count = update(BrowserPin).where(of_browser(browser, login), has_tries).values(failures=col(BrowserPin.failures) + 1)
    number = session.scalar(count.returning(col(BrowserPin.failures)))
    return PinTry(login, pin_hash, number) if number else None


def verify_pin(attempt: PinTry, browser: str, pin: str) -> bool:
    """Whether this is the PIN. Slow on purpose: call it outside of a transaction."""
    with AT_ONCE:
        try:
            return HASHER.verify(attempt.pin_hash, with_secret(browser, pin))
        except (VerificationError, InvalidHashError):
            return False


def refuse_try(session: Session, attempt: PinTry, browser: str, client: str, *, now: datetime) -> int:
    """Put a wrong PIN in the audit log; how many tries are left. After the last one the PIN is removed.

    Its session stays locked: an identity provider asks who it is only where one waits (`staff_login.end_idle_sessions`).
    """
    left, subject = TRIES - attempt.number, f"{staff_login.STAFF}:{attempt.login}"
    why = "PIN" if left else f"PIN, {TRIES} times: it is removed"
    staff_login.record_refusal(session, subject, client, now=now, why=why)
    if not left:
        staff_login.record_lock(session, subject, client, now=now, number=TRIES, why="PIN")
        session.execute(delete(BrowserPin).where(of_browser(browser, attempt.login)))
        theirs = in_browser(browser) & (col(StaffSession.login) == attempt.login)
        session.execute(update(StaffSession).where(theirs).values(is_locked=True))
    return left


def open_again(
    session: Session, attempt: PinTry, browser: str, client: str, former: str, limits: PinLimits, *, now: datetime
) -> str | None:
    """Open the locked session of whoever gave the right PIN, in the audit log; its new key. None when it has ended meanwhile.

    It ends when it would have, no second factor counts as given, and earlier wrong PINs still count.
    """
    same = (col(BrowserPin.login) == attempt.login) & (col(BrowserPin.pin_hash) == attempt.pin_hash)  # another one may be set meanwhile
    mine = is_resumable(browser, limits, now) & same
    kept = session.scalars(select(StaffSession).where(mine).order_by(col(StaffSession.seen_at).desc()).limit(1)).first()
    actor = staff_members.find_staff_actor(session, attempt.login, now)
    if kept is None or actor is None:
        return None
    session.expunge(kept)
    key = secrets.token_urlsafe(32)
    opened = {"key_sha256": hash_session_key(key), "seen_at": now, "client": client, "method": PIN, "factor_at": None, "is_locked": False}
    changed: Any = session.execute(update(StaffSession).where(col(StaffSession.key_sha256) == kept.key_sha256).values(opened))
    fewer = case((col(BrowserPin.failures) > 0, col(BrowserPin.failures) - 1), else_=0)
    session.execute(update(BrowserPin).where(of_browser(browser, attempt.login)).values(failures=fewer, used_at=now))
    if changed.rowcount != 1:
        return None
    ledger.write_act(session, "unlock", f"{staff_login.STAFF}:{attempt.login}", by=actor, now=now, detail={"client": client, "method": PIN})
    take_browser(session, key, former, browser, now=now)
    return key


def take_browser(session: Session, key: str, former: str, browser: str, *, now: datetime) -> None:
    """The session of this key has the browser from now on, and no other one there is open.

    Others wait locked where their holder has a PIN, or came from an identity provider, which has to ask again who it is; the rest ends.
    `former`: the key that the browser had before.
    """
    mine = session.get_one(StaffSession, hash_session_key(key))
    before = session.get(StaffSession, hash_session_key(former)) if former else None
    if before and before is not mine:
        if before.login != mine.login and (before.provider or waits_for_pin(session, before)):
            before.is_locked = True
        else:
            staff_login.sign_out(session, former, now=now)
    if not browser:
        return
    mine.browser_sha256 = hash_session_key(browser)
    session.flush()
    others = in_browser(browser) & (col(StaffSession.key_sha256) != mine.key_sha256)
    have_pins = select(col(BrowserPin.login)).where(col(BrowserPin.browser_sha256) == mine.browser_sha256)
    over = (col(StaffSession.login) == mine.login) | (col(StaffSession.login).not_in(have_pins) & (col(StaffSession.provider) == ""))
    session.execute(delete(StaffSession).where(others, over))
    session.execute(update(StaffSession).where(others).values(is_locked=True))


def enter_browser(session: Session, key: str, former: str, browser: str, *, now: datetime) -> None:
    """A full sign-in takes the browser, as above; earlier wrong PINs count no more."""
    take_browser(session, key, former, browser, now=now)
    login = session.get_one(StaffSession, hash_session_key(key)).login
    session.execute(update(BrowserPin).where(of_browser(browser, login)).values(failures=0))


def knows_browser(session: Session, browser: str) -> bool:
    """Whether somebody has a PIN in the browser with this secret. Any other one may be made up."""
    found = select(col(BrowserPin.login)).where(col(BrowserPin.browser_sha256) == hash_session_key(browser)).limit(1)
    return session.scalar(found) is not None


def waits_for_pin(session: Session, one: StaffSession) -> bool:
    """Whether the holder of this session has a PIN in its browser."""
    return session.get(BrowserPin, (one.browser_sha256, one.login)) is not None


def in_browser(browser: str) -> ColumnElement[bool]:
    """Sessions of a browser."""
    return col(StaffSession.browser_sha256) == hash_session_key(browser)


def lock_session(session: Session, key: str) -> None:
    """Lock a session: its key opens nothing any more."""
    session.execute(update(StaffSession).where(col(StaffSession.key_sha256) == hash_session_key(key)).values(is_locked=True))
