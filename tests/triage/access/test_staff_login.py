"""Signing in: the right password, the same work for unknown names, the throttle, and how sessions end."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, func, select, text, update
from sqlmodel import col

from tests.effort import PRODUCT_COST
from tests.peers import circle, processes
from tests.triage.arriving import NOW
from triage.access import sessions, staff_login
from triage.access.staff_login import NOBODY, TooManyFailures
from triage.addressing.networks import sender_network
from triage.store import db
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.directory import Person
from triage.store.models.staff import FailedSignIn, StaffMember, StaffSession

HANG = 60
LASTS, IDLE = timedelta(hours=12), timedelta(minutes=30)
PASSWORD_HASH = staff_login.hash_password("correct horse")


@pytest.fixture
def staffed(engine: Engine) -> Engine:
    """A database with Ana, with Max who has no password, and with Kim who has left."""
    with transaction(engine) as session:
        session.add(StaffMember(login="ana", name="Ana Roth", role="triage", scope=["company"], password_hash=PASSWORD_HASH))
        session.add(StaffMember(login="max", name="Max", role="triage", scope=["company"], password_hash=""))
        session.add(StaffMember(login="kim", name="Kim", role="triage", scope=["company"], password_hash=PASSWORD_HASH, active=False))
    return engine


def enter(
    engine: Engine, login: str = "ana", password: str = "correct horse", client: str = "192.0.2.9", now: datetime = NOW
) -> str | None:
    """A whole sign-in; the session key, or None when name or password is wrong."""
    with transaction(engine) as session:
        attempt = staff_login.begin_attempt(session, login, "192.0.2.9", now=now)
    if not staff_login.verify_password(attempt, password):
        return None
    with transaction(engine) as session:
        opened = staff_login.open_session(session, attempt, lasts=LASTS, now=now)
    return opened[1] if opened else None


def holder(engine: Engine, key: str, now: datetime) -> str | None:
    """The login behind a key."""
    with read_transaction(engine) as session:
        found = staff_login.resume_session(session, key, lasts=LASTS, idle=IDLE, now=now)
    return found.actor.name if found else None


def fail(engine: Engine, times: int, login: str = "ana", client: str = "192.0.2.9", now: datetime = NOW) -> None:
    """Failed sign-ins, without the slow part."""
    for _ in range(times):
        with transaction(engine) as session:
            staff_login.begin_attempt(session, login, client, now=now)


@pytest.mark.parametrize(
    ("login", "password", "entered"),
    [
        ("ana", "correct horse", True),
        (" Ana ", "correct horse", True),
        ("ana", "correct horse ", False),
        ("ana", "", False),
        ("nobody", "correct horse", False),
        ("max", "", False),
        ("kim", "correct horse", False),
    ],
)
def test_who_gets_in(staffed: Engine, login: str, password: str, entered: bool) -> None:
    assert (enter(staffed, login, password) is not None) is entered


def test_unknown_names_cost_the_same_work() -> None:
    cost = PasswordHasher()  # RFC 9106, 4: the second recommended option
    assert (cost.memory_cost, cost.time_cost, cost.parallelism) == PRODUCT_COST == (65_536, 3, 4)
    assert not cost.check_needs_rehash(NOBODY)


@pytest.mark.parametrize("login", ["nobody", "max", "kim"])
def test_who_cannot_sign_in_is_checked_against_a_password_of_nobody(staffed: Engine, login: str) -> None:
    with transaction(staffed) as session:
        assert staff_login.begin_attempt(session, login, "192.0.2.9", now=NOW).password_hash == NOBODY


def test_only_the_hash_of_the_key_is_kept_and_each_sign_in_has_its_own(staffed: Engine) -> None:
    keys = {enter(staffed), enter(staffed)}
    with read_transaction(staffed) as session:
        kept = set(session.scalars(select(col(StaffSession.key_sha256))))
    assert len(keys) == 2
    assert kept == {sessions.hash_session_key(key) for key in keys if key}
    assert not keys & kept


def crowd(engine: Engine, client: str = "192.0.2.9") -> None:
    """As many failed sign-ins from an address as it may have, of many accounts."""
    with transaction(engine) as session:
        place = sender_network(client)
        session.add_all(FailedSignIn(at=NOW, login=f"guess {number}", client=place) for number in range(staff_login.OF_AN_ADDRESS))


@pytest.mark.parametrize(
    ("again_login", "again_client", "refused"),
    [("ana", "192.0.2.9", True), ("ana", "198.51.100.1", True), ("ben", "192.0.2.9", False), ("ben", "198.51.100.1", False)],
)
def test_five_failures_stop_the_account_and_nobody_else_there(staffed: Engine, again_login: str, again_client: str, refused: bool) -> None:
    fail(staffed, 5)
    with transaction(staffed) as session:
        if refused:
            with pytest.raises(TooManyFailures, match="Try again in 15 minutes"):
                staff_login.begin_attempt(session, again_login, again_client, now=NOW)
        else:
            staff_login.begin_attempt(session, again_login, again_client, now=NOW)


@pytest.mark.parametrize("client", ["192.0.2.9", "198.51.100.1"])
def test_many_failures_of_an_address_stop_all_but_the_staff_who_works_there(staffed: Engine, client: str) -> None:
    enter(staffed)
    crowd(staffed, client)
    for login, employee in (("ben", False), ("ana", True), ("ana", False)):
        known = (login, employee, client) == ("ana", False, "192.0.2.9")
        with contextlib.nullcontext() if known else pytest.raises(TooManyFailures), transaction(staffed) as session:
            staff_login.begin_attempt(session, login, client, now=NOW, employee=employee)


def test_who_guesses_elsewhere_keeps_no_employee_from_their_own_mail_where_they_look_as_always(staffed: Engine) -> None:
    with transaction(staffed) as session:
        session.add(Person(uid="joe", name="Joe", department="it", mailbox="joe@company.example"))
        staff_login.open_employee_session(session, staff_login.begin_attempt(session, "joe", "192.0.2.9", now=NOW, employee=True), now=NOW)
    fail(staffed, 5, "joe", client="198.51.100.1")
    for client, refused in (("203.0.113.7", True), ("192.0.2.9", False)):
        with pytest.raises(TooManyFailures) if refused else contextlib.nullcontext(), transaction(staffed) as session:
            assert staff_login.begin_attempt(session, " Joe", client, now=NOW, employee=True).subject == "employee:joe"


def test_who_guesses_elsewhere_keeps_nobody_out_who_comes_as_always(staffed: Engine) -> None:
    enter(staffed)
    fail(staffed, 5, client="198.51.100.1")
    with pytest.raises(TooManyFailures):
        fail(staffed, 1, client="203.0.113.7")
    assert enter(staffed) is not None
    fail(staffed, 5)  # but who guesses where they come from does
    with pytest.raises(TooManyFailures):
        fail(staffed, 1)


@pytest.mark.parametrize(
    ("guessed_from", "asked_from", "waits"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.9", "192.0.2.9", True),
        ("::ffff:192.0.2.9", "::ffff:192.0.2.8", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("a socket", "another", False),
    ],
)
def test_who_has_all_addresses_of_a_network_is_one(staffed: Engine, guessed_from: str, asked_from: str, waits: bool) -> None:
    crowd(staffed, guessed_from)
    with pytest.raises(TooManyFailures) if waits else contextlib.nullcontext():
        fail(staffed, 1, "ana", client=asked_from)


def test_the_wait_ends_by_itself_and_asking_does_not_prolong_it(staffed: Engine) -> None:
    fail(staffed, 5)
    for minute in range(1, 15):
        with pytest.raises(TooManyFailures) as refusal:
            fail(staffed, 1, now=NOW + timedelta(minutes=minute))
        assert refusal.value.wait == timedelta(minutes=15 - minute)
    assert enter(staffed, now=NOW + timedelta(minutes=15)) is not None


def test_of_many_attempts_at_the_same_moment_five_are_checked(staffed: Engine) -> None:
    together = threading.Barrier(12)

    def attempt(number: int) -> bool:
        with transaction(staffed) as session:
            if db.is_postgresql(session):
                session.execute(text("SELECT 1"))
                together.wait(HANG)
            try:
                staff_login.begin_attempt(session, "ana", f"192.0.2.{number}" if number % 2 else "192.0.2.9", now=NOW)
            except TooManyFailures:
                return False
            session.flush()
            time.sleep(0.01)  # what is noted is not committed yet
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(attempt, range(12))) == 5
    with read_transaction(staffed) as session:
        assert session.scalar(select(func.count()).select_from(FailedSignIn)) == 5


@pytest.mark.postgresql
def test_who_waits_for_one_turn_holds_none_that_comes_behind_it(postgresql_engine: Engine) -> None:
    """Else two who wait for each other's would stop until PostgreSQL breaks one of them off."""
    first, behind = sorted((staff_login.lock_number("login ana"), staff_login.lock_number("client 192.0.2.9")))
    with ThreadPoolExecutor(1) as pool, read_transaction(postgresql_engine) as looking:
        with transaction(postgresql_engine) as other:
            circle.take_lock(other, first)
            waiting = pool.submit(fail, postgresql_engine, 1)
            processes.until(lambda: circle.somebody_waits(postgresql_engine), "somebody waits for the first")
            assert looking.scalar(select(func.pg_try_advisory_xact_lock(behind)))
            looking.rollback()
        waiting.result(HANG)


def test_an_attempt_counts_before_its_password_is_checked(staffed: Engine) -> None:
    with transaction(staffed) as session:
        under_way = [staff_login.begin_attempt(session, "ana", "192.0.2.9", now=NOW) for _ in range(5)]
    with pytest.raises(TooManyFailures):
        fail(staffed, 1)
    assert staff_login.verify_password(under_way[0], "correct horse")


def test_getting_in_forgets_the_failures_from_there(staffed: Engine) -> None:
    fail(staffed, 2)
    fail(staffed, 1, client="198.51.100.1")
    enter(staffed)
    with read_transaction(staffed) as session:
        assert session.scalars(select(col(FailedSignIn.client))).all() == ["198.51.100.1"]


def test_a_session_ends_by_age_and_by_idleness(staffed: Engine) -> None:
    key = enter(staffed) or ""
    now = NOW
    while now < NOW + LASTS:
        assert holder(staffed, key, now) == "ana"
        with transaction(staffed) as session:
            staff_login.touch_session(session, key, now=now)
        now += timedelta(minutes=29)
    assert holder(staffed, key, NOW + LASTS) is None
    other = enter(staffed) or ""
    assert holder(staffed, other, NOW + timedelta(minutes=29, seconds=59)) == "ana"
    assert holder(staffed, other, NOW + IDLE) is None


def test_seen_is_written_every_thirty_seconds_at_most(staffed: Engine) -> None:
    key = enter(staffed) or ""
    with read_transaction(staffed) as session:
        due = [
            found.unseen
            for seconds in (0, 29, 30)
            if (found := staff_login.resume_session(session, key, lasts=LASTS, idle=IDLE, now=NOW + timedelta(seconds=seconds)))
        ]
    assert due == [False, False, True]


def test_removal_acts_at_once(staffed: Engine) -> None:
    key = enter(staffed) or ""
    with transaction(staffed) as session:
        session.execute(update(StaffMember).where(col(StaffMember.login) == "ana").values(active=False))
    assert holder(staffed, key, NOW) is None


def test_an_account_that_goes_between_password_and_session_gets_none(staffed: Engine) -> None:
    with transaction(staffed) as session:
        attempt = staff_login.begin_attempt(session, "ana", "192.0.2.9", now=NOW)
    with transaction(staffed) as session:
        session.delete(session.get_one(StaffMember, "ana"))
    with transaction(staffed) as session:
        assert staff_login.open_session(session, attempt, lasts=LASTS, now=NOW) is None


def test_signing_out_ends_that_session_only(staffed: Engine) -> None:
    one, other = enter(staffed) or "", enter(staffed) or ""
    with transaction(staffed) as session:
        staff_login.sign_out(session, one, now=NOW)
        staff_login.sign_out(session, "no such key", now=NOW)
    assert [holder(staffed, key, NOW) for key in (one, other)] == [None, "ana"]
    assert acts(staffed) == ["sign-in", "sign-in", "sign-out"]


def test_old_sessions_are_cleared_away(staffed: Engine) -> None:
    enter(staffed)
    enter(staffed, now=NOW + LASTS)
    with read_transaction(staffed) as session:
        assert len(session.scalars(select(StaffSession)).all()) == 1


def acts(engine: Engine) -> list[str]:
    """Acts in the audit log, in order."""
    with read_transaction(engine) as session:
        return list(session.scalars(select(col(AuditRecord.act)).order_by(col(AuditRecord.id))))
