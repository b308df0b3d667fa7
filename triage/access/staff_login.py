"""Staff sign in with a password: argon2id, a throttle against guessing, and sessions whose key only the browser knows."""

import hashlib
import secrets
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlmodel import Session, col

from triage.access import employee_sessions, staff_members
from triage.access.accounts import BREAK_GLASS, DIRECTORY, LOCAL, owns_factor
from triage.access.sessions import hash_session_key
from triage.actor import EMPLOYEE, Actor
from triage.addressing.networks import sender_network
from triage.errors import Refused
from triage.say import say_count
from triage.store import db, ledger
from triage.store.models.audit import AuditRecord
from triage.store.models.notifications import PushSubscription
from triage.store.models.staff import FailedSignIn, StaffMember, StaffSession

TRIES = 5  # failures until an account has to wait
OF_AN_ADDRESS = 50  # failures of all accounts until a client address has to: a whole office may stand behind one
WINDOW = timedelta(minutes=15)
LATELY = 20  # sign-ins of an account by which it is known from where it comes
SEEN_EVERY = timedelta(seconds=30)  # a request writes `seen_at` at most so often
STAFF = "staff"  # before a login in the audit log
BREAK_GLASS_LASTS = timedelta(hours=1)  # a session that a printed code opened
LOCKED = "sign-in-locked"  # the act: an account, or an address, has failed too often
NEW_PLACE = "new_place"  # in the record of a sign-in: the account had not signed in from there lately
AT_ONCE = threading.BoundedSemaphore(2)  # one check takes 64 MiB

Prover = Callable[[str, str], bool]  # login, password; Unanswered when it cannot say

HASHER = PasswordHasher()  # RFC 9106, 4: the second recommended option
# of a random password that was thrown away: a name that nobody has costs the same work
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$v6XUfieOFjP0yw8whlv2AQ$zeSZHKTui7lrv4EbqCio1HbZrn62CpytIkeICtTAGKc"


class TooManyFailures(Refused):
    """Raised when this account or this client address has to wait; `wait` says how long."""

    def __init__(self, wait: timedelta) -> None:
        minutes = max(1, -(-wait // timedelta(minutes=1)))
        super().__init__(
            say_count(
                "Too many failed sign-ins. Try again in {count} minute.",
                "Too many failed sign-ins. Try again in {count} minutes.",
                count=minutes,
            )
        )
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Try:
    """Sign-in under way. Counts as failed until it has succeeded, so that many at once gain nothing."""

    id: int
    login: str
    client: str
    password_hash: str
    by_hash: bool = False  # the password is kept here, not in the directory
    barred: bool = False  # no password counts for this account
    counts_place: bool = False  # the account's failures count by where they come from
    spares_address: bool = False  # others who fail from there do not matter
    subject: str = STAFF  # as the record names it: staff:LOGIN, employee:UID; without a name where nobody has it: it may be a password


@dataclass(frozen=True, slots=True)
class How:
    """Method of a sign-in."""

    method: str = ""  # "": with a password
    provider: str = ""
    sid: str = ""  # of the provider's session
    has_factor: bool = False  # a second factor was given


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Account that is signed in. `unseen`: `touch_session` is due."""

    actor: Actor
    unseen: bool
    before: "Before | None" = None
    provider: str = ""  # at which they signed in
    method: str = ""  # as in How
    factor_at: datetime | None = None  # when they last gave a second factor
    has_factor: bool = False  # the account has one
    started_at: datetime | None = None  # of the session; None: there is none


@dataclass(frozen=True, slots=True)
class Before:
    """Previous sign-in of an account: when, and from which network address."""

    at: datetime
    client: str


def hash_password(password: str) -> str:
    """The argon2id hash that a staff entry holds."""
    return HASHER.hash(password)


def begin_attempt(
    session: Session,
    login: str,
    client: str,
    *,
    now: datetime,
    ways: Collection[str] = (LOCAL,),
    employee: bool = False,
    by_code: bool = False,
) -> Try:
    """Note an attempt. TooManyFailures, and nothing noted, when the account or the address has to wait.

    An account waits where it has failed, and everywhere but where it has signed in lately: who guesses from elsewhere keeps nobody out.
    An address waits for all who fail there together, though not for staff who have signed in from there lately: their work goes on.
    `ways`: how staff sign in (api.sign_in); passwords kept here do not count without "local", the directory's not without "directory".
    `employee`: it is about somebody's own mail. `by_code`: with a printed code, which has 160 bits, so that nobody guesses it; failures
    from elsewhere must not keep the break-glass account shut.
    """
    login, place = login.strip().casefold(), sender_network(client)
    db.take_advisory_locks(
        session, lock_number(f"login {login}"), lock_number(f"client {place}")
    )  # what others are about to note counts, too
    session.execute(delete(FailedSignIn).where(col(FailedSignIn.at) <= now - WINDOW))
    subject = subject_of(session, login, employee=employee)
    known = comes_from(session, subject, place)
    counted = Try(0, login, client, "", counts_place=known or by_code, spares_address=known and not (employee or by_code))
    for same, tries in limits_of(counted):
        refuse_guessing(session, same, tries, now)
    attempt = FailedSignIn(at=now, login=login, client=place)
    session.add(attempt)
    member = session.get(StaffMember, login)
    password_hash = member.password_hash if member and member.active else ""
    by_hash = (not employee and DIRECTORY not in ways) or (member is not None and member.source == LOCAL)
    barred = not employee and (LOCAL if by_hash else DIRECTORY) not in ways
    return replace(
        counted,
        id=attempt.id,
        password_hash=password_hash or NOBODY,
        by_hash=by_hash and not employee,
        barred=barred,
        subject=subject,
    )


def limits_of(attempt: Try) -> Iterator[tuple[ColumnElement[bool], int]]:
    """Yields the failures that count for an attempt, and how many of them block sign-in."""
    of_account, of_address = col(FailedSignIn.login) == attempt.login, col(FailedSignIn.client) == sender_network(attempt.client)
    yield of_account & of_address if attempt.counts_place else of_account, TRIES
    if not attempt.spares_address:
        yield of_address, OF_AN_ADDRESS


def lock_number(whose: str) -> int:
    """The number under which attempts on one account, or from one address, take turns."""
    return int.from_bytes(hashlib.sha256(whose.encode()).digest()[:8], signed=True)


def refuse_guessing(session: Session, same: ColumnElement[bool], tries: int, now: datetime) -> None:
    """TooManyFailures when so many failures of this account or address are too close together."""
    recent = session.scalars(select(col(FailedSignIn.at)).where(same).order_by(col(FailedSignIn.at).desc()).limit(tries)).all()
    if len(recent) == tries:
        raise TooManyFailures(recent[-1] + WINDOW - now)


def subject_of(session: Session, login: str, *, employee: bool) -> str:
    """Returns the audit log's subject for this account. What was typed as a login is named only if it is one."""
    if employee:
        person = staff_members.person_of(session, login)
        return f"{EMPLOYEE}:{person.uid}" if person else EMPLOYEE
    return f"{STAFF}:{login}" if session.get(StaffMember, login) else STAFF


def comes_from(session: Session, subject: str, place: str) -> bool:
    """Whether this account has signed in from there lately."""
    details = session.scalars(signed_in(subject).with_only_columns(col(AuditRecord.detail)).limit(LATELY))
    return any(sender_network(str(one.get("client", ""))) == place != "" for one in details)


def verify_password(attempt: Try, password: str, prover: Prover | None = None) -> bool:
    """Whether this is the account's password. Slow on purpose: call it outside of a transaction.

    `prover`: who says so of the directory's passwords.
    """
    if prover is not None and not attempt.by_hash:
        return prover(attempt.login, password) and not attempt.barred
    with AT_ONCE:
        try:
            HASHER.verify(attempt.password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
    return attempt.password_hash != NOBODY and not attempt.barred


def open_session(session: Session, attempt: Try, *, lasts: timedelta, now: datetime, how: How = How()) -> tuple[Actor, str] | None:
    """Open a session: who signed in, and the key for the browser. None when the account was removed meanwhile."""
    opened = start_session(session, attempt.login, attempt.client, how, lasts=lasts, now=now)
    if opened:
        forget_failures(session, attempt)
    return opened


def start_session(session: Session, login: str, client: str, how: How, *, lasts: timedelta, now: datetime) -> tuple[Actor, str] | None:
    """Sign in somebody who has proven who they are, in the audit log. None when there is no such account, or it is closed."""
    actor = staff_members.find_staff_actor(session, login, now)
    if actor is None:
        return None
    session.execute(delete(StaffSession).where(col(StaffSession.started_at) <= now - lasts))
    key, subject = secrets.token_urlsafe(32), f"{STAFF}:{login}"
    before = last_sign_in(session, subject)
    is_new = before is not None and not comes_from(session, subject, sender_network(client))
    session.add(
        StaffSession(
            key_sha256=hash_session_key(key),
            login=login,
            started_at=now,
            seen_at=now,
            client=client,
            before_at=before.at if before else None,
            before_client=before.client if before else "",
            method=how.method,
            provider=how.provider,
            provider_sid=how.sid,
            factor_at=now if how.has_factor else None,
        )
    )
    detail = {"client": client, "method": how.method, "provider": how.provider, "second_factor": how.has_factor, NEW_PLACE: is_new}
    ledger.write_act(session, "sign-in", subject, by=actor, now=now, detail={name: value for name, value in detail.items() if value})
    return actor, key


def open_employee_session(session: Session, attempt: Try, *, now: datetime) -> tuple[Actor, str] | None:
    """Open an employee's session for their own mail: who it is, and the key for the browser. None when nobody here signs in so."""
    person = staff_members.person_of(session, attempt.login)
    if person is None:
        return None
    forget_failures(session, attempt)
    actor = Actor.employee(person.uid, person.name)
    key = employee_sessions.begin_employee_session(session, person.uid, attempt.client, now=now)
    ledger.write_act(session, "sign-in", str(actor), by=actor, now=now, detail={"client": attempt.client})
    return actor, key


def forget_failures(session: Session, attempt: Try) -> None:
    """Deletes the failed attempts of an account from this network after a successful sign-in."""
    where = (col(FailedSignIn.login) == attempt.login, col(FailedSignIn.client) == sender_network(attempt.client))
    session.execute(delete(FailedSignIn).where(*where))


def record_failure(session: Session, attempt: Try, *, now: datetime, **why: str) -> None:
    """Put a failed attempt in the audit log; also that others have to wait now, where it was one too many."""
    record_refusal(session, attempt.subject, attempt.client, now=now, **why)
    for tries in sorted({tries for same, tries in limits_of_anybody(attempt) if is_last_of(session, attempt, same, tries)}):
        record_lock(session, attempt.subject, attempt.client, now=now, number=tries, minutes=WINDOW // timedelta(minutes=1))


def limits_of_anybody(attempt: Try) -> Iterator[tuple[ColumnElement[bool], int]]:
    """Yields the failures that count for this attempt, or for another one on the account or from the address."""
    yield from limits_of(attempt)
    yield col(FailedSignIn.login) == attempt.login, TRIES
    yield col(FailedSignIn.client) == sender_network(attempt.client), OF_AN_ADDRESS


def is_last_of(session: Session, attempt: Try, same: ColumnElement[bool], tries: int) -> bool:
    """Whether this attempt is the one with which so many have failed. Of those before it some may still be under way."""
    through = select(func.count()).where(same, col(FailedSignIn.id) <= attempt.id)
    return session.scalar(through) == tries


def record_lock(session: Session, subject: str, client: str, *, now: datetime, **detail: Any) -> None:
    """Put in the audit log that somebody has failed too often."""
    ledger.write_act(session, LOCKED, subject, by=Actor.system("sign-in"), now=now, detail={"client": client} | detail)


def record_refusal(session: Session, subject: str, client: str, *, now: datetime, **why: str) -> None:
    """Put a refused sign-in in the audit log."""
    ledger.write_act(session, "sign-in-failed", subject, by=Actor.system("sign-in"), now=now, detail={"client": client} | why)


def resume_session(session: Session, key: str, *, lasts: timedelta, idle: timedelta, now: datetime) -> SignedIn | None:
    """Returns the session of this key, read again each time; None when unknown, too old, idle too long, locked, or without its account."""
    asked = select(StaffSession, owns_factor(col(StaffSession.login))).where(col(StaffSession.key_sha256) == hash_session_key(key))
    found = session.execute(asked).first()
    if found is None:
        return None
    kept, has_factor = found
    if kept.method == BREAK_GLASS:
        lasts = min(lasts, BREAK_GLASS_LASTS)
    if kept.is_locked or now - kept.started_at >= lasts or now - kept.seen_at >= idle:
        return None
    actor = staff_members.find_staff_actor(session, kept.login, now)
    before = Before(kept.before_at, kept.before_client) if kept.before_at else None
    factor_at = now if kept.method == BREAK_GLASS else kept.factor_at  # its printed code is all it has
    is_unseen = now - kept.seen_at >= SEEN_EVERY
    return SignedIn(actor, is_unseen, before, kept.provider, kept.method, factor_at, has_factor, kept.started_at) if actor else None


def is_idle(session: Session, key: str, *, idle: timedelta, now: datetime) -> bool:
    """Whether the session of this key was left idle or locked, so that its owner signs in again. A missing session may have been."""
    kept = session.get(StaffSession, hash_session_key(key)) if key else None
    return bool(key) and (kept is None or kept.is_locked or now - kept.seen_at >= idle)


def end_idle_sessions(session: Session, login: str, client: str, *, idle: timedelta, now: datetime, only_look: bool = False) -> bool:
    """End sessions of an account that were left idle or locked at this network. Were there any? `only_look`: leave them."""
    is_left = (col(StaffSession.seen_at) <= now - idle) | col(StaffSession.is_locked)
    left = select(StaffSession).where(col(StaffSession.login) == login, is_left)
    found = [one for one in session.scalars(left) if sender_network(one.client) == sender_network(client)]
    if not only_look:
        for one in found:
            session.delete(one)
    return bool(found)


def last_sign_in(session: Session, subject: str) -> Before | None:
    """The last sign-in that is in the audit log."""
    found = session.execute(signed_in(subject).limit(1)).first()
    return Before(found.at, str(found.detail.get("client", ""))) if found else None


def signed_in(subject: str) -> Select[Any]:
    """Selects when and from where this account signed in, the last time first."""
    mine = (col(AuditRecord.subject) == subject) & (col(AuditRecord.act) == "sign-in")
    return select(col(AuditRecord.at), col(AuditRecord.detail)).where(mine).order_by(col(AuditRecord.id).desc())


def touch_session(session: Session, key: str, *, now: datetime) -> None:
    """The holder of this key has just done something."""
    session.execute(update(StaffSession).where(col(StaffSession.key_sha256) == hash_session_key(key)).values(seen_at=now))


def sign_out(session: Session, key: str, *, now: datetime) -> None:
    """End a session, and the web push of its browser. An unknown key changes nothing."""
    kept = session.get(StaffSession, hash_session_key(key))
    if kept is None:
        return
    session.execute(delete(StaffSession).where(col(StaffSession.key_sha256) == kept.key_sha256))
    session.execute(delete(PushSubscription).where(col(PushSubscription.session_sha256) == kept.key_sha256))
    if actor := staff_members.find_staff_actor(session, kept.login, now):
        ledger.write_act(session, "sign-out", f"staff:{kept.login}", by=actor, now=now)
