"""State of the directory: departments, numbers, the last change, the brake."""

from dataclasses import replace

from sqlalchemy import Engine

from tests.triage import arriving
from tests.triage.arriving import ANA, COMPANY, IDA, NOW, SYNC
from triage.addressing.company import DepartmentEntry
from triage.config.settings import Settings
from triage.directory import apply as directory, sync_state
from triage.directory.sync_state import Brake, Place
from triage.notifications import alerts
from triage.store.db import read_transaction, transaction


def test_nothing_is_told_before_the_first_sync(engine: Engine) -> None:
    with read_transaction(engine) as session:
        found = sync_state.get_sync_state(session, by=IDA)
    assert (found.departments, found.people, found.changed_at, found.brake) == ((), 0, None, None)


def test_who_works_where_and_what_changed_last(engine: Engine, settings: Settings) -> None:
    it = DepartmentEntry("it", "IT", "it@company.example", ("info",), responsible="joe.fern")
    with transaction(engine) as session:
        arriving.set_up(session, settings)
    with transaction(engine) as session:
        directory.apply_directory(session, replace(COMPANY, departments=(it, COMPANY.departments[1])), settings.company, by=SYNC, now=NOW)
    with read_transaction(engine) as session:
        found = sync_state.get_sync_state(session, by=IDA)
    assert found.departments == (
        Place("it", "IT", "it@company.example", ("info",), "Joe Fern", 1),
        Place("legal", "Legal", "", (), "", 1),
    )
    assert (found.people, found.left, found.groups, found.changed_at) == (2, 1, 0, NOW)
    assert found.changes
    with read_transaction(engine) as session:
        assert sync_state.get_sync_state(session, by=ANA).changes == ()


def test_the_brake_holds_until_the_directory_is_believed(engine: Engine) -> None:
    with transaction(engine) as session:
        alerts.raise_brake(session, "the directory would remove 40 people", now=NOW)
    with read_transaction(engine) as session:
        assert sync_state.get_sync_state(session, by=IDA).brake == Brake(NOW, "the directory would remove 40 people")
    with transaction(engine) as session:
        alerts.clear_brake_alert(session)
    with read_transaction(engine) as session:
        assert sync_state.get_sync_state(session, by=IDA).brake is None
