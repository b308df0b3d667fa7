"""Tries of a PIN that come at once, and a PIN that is another one meanwhile."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, update
from sqlmodel import col

from tests.triage.arriving import NOW
from triage.access import browser_pins, staff_login
from triage.access.browser_pins import TRIES, PinLimits, PinTry
from triage.access.staff_login import LOCKED, How
from triage.actor import EVERYTHING, Actor, Role
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.staff import BrowserPin, StaffMember, StaffSession

BROWSER, CLIENT, HANG = "secret", "192.0.2.9", 60
DAY = timedelta(days=1)
LIMITS = PinLimits(DAY, DAY)
ANA = Actor.person("ana", Role.TRIAGE, EVERYTHING)


@pytest.fixture
def waiting(engine: Engine) -> Engine:
    """Ana's session waits for her PIN; its hash is of no matter here."""
    with transaction(engine) as session:
        session.add(StaffMember(login="ana", name="Ana", role="triage", scope=["company"], password_hash=""))
        session.flush()
        opened = staff_login.start_session(session, "ana", CLIENT, How(), lasts=DAY, now=NOW)
        assert opened
        browser_pins.store_pin(session, opened[1], BROWSER, "hash", by=ANA, now=NOW)
        browser_pins.lock_session(session, opened[1])
    return engine


def begin(engine: Engine) -> PinTry | None:
    with transaction(engine) as session:
        return browser_pins.begin_try(session, BROWSER, "ana", LIMITS, now=NOW)


def open_again(engine: Engine, attempt: PinTry) -> str | None:
    with transaction(engine) as session:
        return browser_pins.open_again(session, attempt, BROWSER, CLIENT, "", LIMITS, now=NOW)


def refuse(engine: Engine, attempt: PinTry) -> int:
    with transaction(engine) as session:
        return browser_pins.refuse_try(session, attempt, BROWSER, CLIENT, now=NOW)


def test_of_many_tries_at_once_six_are_checked_and_one_lock_is_on_the_record(waiting: Engine) -> None:
    together = threading.Barrier(12)

    def attempt(_: int) -> PinTry | None:
        together.wait(HANG)
        return begin(waiting)

    with ThreadPoolExecutor(12) as pool:
        begun = [one for one in pool.map(attempt, range(12)) if one]
        assert sorted(one.number for one in begun) == list(range(1, TRIES + 1))
        assert sorted(pool.map(lambda one: refuse(waiting, one), begun)) == list(range(TRIES))
    with read_transaction(waiting) as session:
        assert session.scalar(select(func.count()).where(col(AuditRecord.act) == LOCKED)) == 1
        assert session.scalars(select(BrowserPin)).all() == []
        assert session.scalars(select(col(StaffSession.is_locked))).all() == [True]


def test_a_right_one_opens_beside_wrong_ones_under_way(waiting: Engine) -> None:
    begun = [one for one in (begin(waiting) for _ in range(TRIES)) if one]
    assert begin(waiting) is None
    for one in begun[:-1]:
        refuse(waiting, one)
    assert open_again(waiting, begun[-1])
    with read_transaction(waiting) as session:
        assert session.scalars(select(col(BrowserPin.failures))).all() == [TRIES - 1]


def test_a_pin_that_was_replaced_meanwhile_opens_nothing(waiting: Engine) -> None:
    attempt = begin(waiting)
    assert attempt
    with transaction(waiting) as session:
        session.execute(update(BrowserPin).values(pin_hash="another"))
    assert open_again(waiting, attempt) is None
