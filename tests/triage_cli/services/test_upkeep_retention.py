"""Tidying: what time does to the record and to what is known, by one of several machines, while others write."""

import json
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.peers import processes
from tests.triage import arriving
from tests.triage.arriving import ANA, BEN
from tests.triage_cli.conftest import Arrives, Shell
from triage.compliance.audit import hash_chain
from triage.compliance.retention import delete_records
from triage.config import settings_loader
from triage.config.settings import Settings
from triage.ids import format_id, parse_id
from triage.quarantine import viewings
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import FormerName
from triage.store.models.rules import SenderChecked
from triage.store.models.staff import StaffMember
from triage.times import utcnow
from triage_cli.services import upkeep, upkeep_retention


def test_that_nobody_administers_the_company_is_logged(engine: Engine, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    said = []
    for password_hash in ("", "a hash"):
        caplog.clear()
        with db.transaction(engine) as session:
            session.merge(StaffMember(login="ida", name="Ida", role="admin", scope=["company"], password_hash=password_hash))
        upkeep_retention.warn_uncovered_folders(engine, settings)
        said.append([record.getMessage() for record in caplog.records])
    assert said == [["nobody can sign in who administers the whole company: `mailroom doctor` says what to do"], []]


def test_mail_that_was_entered_under_a_name_of_before_goes_along(arrives: Arrives, engine: Engine, settings: Settings) -> None:
    mail = parse_id(arrives("it+joe.fern@company.example"))
    with db.transaction(engine) as session:
        session.add(FormerName(kind="person", name="joe.oak", now="joe.fern", until=utcnow()))
        session.execute(update(Delivery).where(col(Delivery.id) == mail).values(person="joe.oak"))  # as another node read it
    upkeep_retention.update_recipients(engine, settings)
    with db.read_transaction(engine) as session:
        assert session.get_one(Delivery, mail).person == "joe.fern"


def test_mail_to_many_is_forgotten_in_smaller_slices(engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    slices: list[list[int]] = []

    def forget(_session: Session, some: list[int], **_others: object) -> int:
        slices.append(some)
        return len(some)

    monkeypatch.setattr(delete_records, "due_messages", lambda *_, **__: ([1, 2, 3, 4, 5], 0))
    monkeypatch.setattr(delete_records, "count_deliveries", lambda *_: {1: 50, 2: 50, 3: 1000, 4: 1})
    monkeypatch.setattr(delete_records, "forget_messages", forget)
    assert upkeep_retention.forget_records(engine, settings) == 5
    assert slices == [[1, 2], [3], [4, 5]]


def test_whom_checks_held_on_days_before_is_forgotten(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        session.add(SenderChecked(name="account", day="2020-01-01", sender="0123456789abcdef"))
    upkeep_retention.tidy_slices(engine, settings)
    with db.read_transaction(engine) as session:
        assert list(session.scalars(select(SenderChecked))) == []


def test_one_of_two_machines_tidies(engine: Engine) -> None:
    assert [upkeep_retention.is_elected(engine, machine) for machine in ("one:1", "other:1", "one:1")] == [True, False, True]


@pytest.mark.parametrize(("rarely", "times"), [(0, 20), (10**6, 1)])
def test_rules_are_looked_for_seldom_where_that_takes_long(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, rarely: int, times: int
) -> None:
    did: list[str] = []
    stop = threading.Event()

    def tidy(*_: object, **__: object) -> upkeep_retention.Tidied:
        did.append("tidy")
        if did.count("tidy") == 20:
            stop.set()
        return upkeep_retention.Tidied()

    def look(*_: object) -> None:
        did.append("look")
        time.sleep(0.01)

    for name, value in {"TIDY_EVERY": 0.0, "LOOK_EVERY": 0.0, "RARELY": rarely, "tidy_slices": tidy, "suggest_rules": look}.items():
        monkeypatch.setattr(upkeep_retention, name, value)
    upkeep_retention.follow_retention(settings, engine, "here:1", stop)
    assert did.count("look") == times


def test_the_trail_is_sealed_while_somebody_tidies(arrives: Arrives, config: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, enough, stop = threading.Event(), threading.Event(), threading.Event()

    def tidy(*_: object, **__: object) -> upkeep_retention.Tidied:
        begun.set()
        enough.wait(processes.HANG)
        return upkeep_retention.Tidied()

    def is_sealed() -> bool:
        with db.read_transaction(engine) as session:
            return not hash_chain.has_unchained(session)

    monkeypatch.setattr(upkeep_retention, "tidy_slices", tidy)
    role = threading.Thread(target=upkeep.run_role, args=(settings_loader.read_settings(str(config), {}), stop))
    role.start()
    try:
        assert begun.wait(processes.HANG)
        arrives()
        processes.until(is_sealed, "what came meanwhile is sealed")
    finally:
        enough.set()
        stop.set()
        role.join()


@pytest.mark.postgresql
def test_a_clock_that_is_ahead_of_the_databases_erases_nothing(
    postgresql_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.transaction(postgresql_engine) as session:
        arriving.set_up(session, settings)
        arriving.arrive(session, settings)
    monkeypatch.setattr(upkeep_retention, "utcnow", lambda: utcnow() + timedelta(days=400))
    assert upkeep_retention.tidy_slices(postgresql_engine, settings, looking=False) == upkeep_retention.Tidied()


def test_what_was_read_ahead_and_not_shown_is_settled_and_told_in_the_shell(shell: Shell, arrives: Arrives, engine: Engine) -> None:
    mail = arrives("it+joe.fern@company.example")
    long_ago = utcnow() - timedelta(minutes=11)
    with db.transaction(engine) as session:
        message = session.get_one(Delivery, parse_id(mail)).message_id
        for by, ahead in ((ANA, True), (BEN, True), (BEN, False)):
            viewings.record_fetch(session, message, "html", by=by, now=long_ago, ahead=ahead)
        viewings.record_view(session, message, by=BEN, now=long_ago)
    assert [upkeep_retention.settle_viewings(engine) for _ in range(2)] == [2, 0]
    about = f"message:{format_id(message)}"

    def read_viewings(*words: str) -> list[tuple[str, str]]:
        return [(one["by"], one["act"]) for one in json.loads(shell("audit", *words, "--json").out)]

    assert read_viewings("--act", "viewed", "--about", about) == [("person:ben", "viewed")]
    assert read_viewings("--by", "ana", "--about", about) == [("person:ana", "fetch")]
    assert read_viewings("list", "--act", "fetch", "--about", about) == [("person:ana", "fetch"), ("person:ben", "fetch")]
    (said,) = json.loads(shell("show", mail, "--json").out)["viewed"]
    assert said.endswith("Viewed by Ben Okafor.")
