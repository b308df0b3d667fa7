"""The doctor says what has not been done in time: a backup, a reading of the directory server, an erasure."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from tests.triage import arriving
from triage.compliance.retention import expire as retention
from triage.config.settings import Settings
from triage.store import db, last_runs, ledger
from triage.store.delivery_state import Event
from triage.times import utcnow
from triage_cli.doctor import overdue
from triage_cli.doctor.finding import FAIL, OK, WARN

DAY = timedelta(days=1)


@pytest.fixture
def house(settings: Settings, database_url: str, engine: Engine) -> Settings:
    """A house that has been at work for a long time."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    return replace(
        arriving.expire_unseen(settings),
        database=replace(settings.database, url=database_url),
        directory=replace(settings.directory, source="ldap"),
    )


def test_a_backup(house: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overdue, "utcnow", lambda: arriving.NOW + DAY)
    assert [one.level for one in overdue.check_backups(house)] == [OK]  # nothing is old yet
    monkeypatch.setattr(overdue, "utcnow", lambda: arriving.NOW + 40 * DAY)
    (never,) = overdue.check_backups(house)
    with db.read_transaction(engine) as session:
        elsewhere = db.is_postgresql(session)
    assert (never.level, never.found.startswith("none was made yet")) == (OK if elsewhere else WARN, True)
    for age, level in ((2, OK), (4, WARN)):
        with db.transaction(engine) as session:
            ledger.write_act(session, "backup", "backup", by=arriving.IDA, now=arriving.NOW + (10 + age) * DAY)
        monkeypatch.setattr(overdue, "utcnow", lambda age=age: arriving.NOW + (10 + 2 * age) * DAY)
        (found,) = overdue.check_backups(house)
        assert (found.level, bool(found.do)) == (level, level == WARN)


@pytest.mark.parametrize(
    ("hours", "level", "words"),
    [(None, WARN, "never read"), (1, OK, "1 hour ago"), (7, WARN, "last read and accepted on")],
)
def test_a_directory_server(house: Settings, engine: Engine, hours: int | None, level: str, words: str) -> None:
    if hours:
        with db.transaction(engine) as session:
            last_runs.directory_was_read(session, now=utcnow() - timedelta(hours=hours))
    (found,) = overdue.check_readings(house)
    assert (found.level, words in found.found) == (level, True), found
    in_a_file = replace(house, directory=replace(house.directory, source="file"))
    assert list(overdue.check_readings(in_a_file)) == []


@pytest.mark.parametrize(("event", "days", "is_erased"), [(None, 30, False), (Event.PURGE, 30, False), (Event.PURGE, 400, True)])
def test_what_is_kept_beyond_its_time(
    house: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch, event: Event | None, days: int, is_erased: bool
) -> None:
    arriving.make_ids_at(arriving.NOW, monkeypatch)
    with db.transaction(engine) as session:
        (mail,) = arriving.arrive(session, house)
        if event:
            ledger.record_event(session, mail, event, by=arriving.ANA, now=arriving.NOW)
        assert arriving.erase(session, settings=house, now=arriving.NOW + (days - 1) * DAY) == is_erased
    for late, level in ((timedelta(hours=23), OK), (timedelta(hours=25), FAIL)):
        monkeypatch.setattr(overdue, "utcnow", lambda late=late: arriving.NOW + days * DAY + late)
        (found,) = overdue.check_overdue(house)
        assert (found.level, bool(found.do)) == (level, level == FAIL), found
    with db.transaction(engine) as session:
        for put_away in (retention.expire_messages, arriving.erase, arriving.forget):
            put_away(session, settings=house, now=arriving.NOW + (days + 2) * DAY)
    (found,) = overdue.check_overdue(house)
    assert found.level == OK


def test_what_no_digest_named_cannot_expire(house: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    arriving.make_ids_at(arriving.NOW, monkeypatch)
    careful = replace(house, retention=replace(house.retention, expire_unseen=False))
    with db.transaction(engine) as session:
        arriving.arrive(session, careful)
    monkeypatch.setattr(overdue, "utcnow", lambda: arriving.NOW + 29 * DAY)
    assert [one.level for one in overdue.check_overdue(careful)] == [OK]
    monkeypatch.setattr(overdue, "utcnow", lambda: arriving.NOW + 32 * DAY)
    in_time, unseen = overdue.check_overdue(careful)
    assert (in_time.level, unseen.level) == (OK, WARN)
    assert unseen.found == "1 held message is past its 30 days and cannot expire: no daily digest named it"
    assert "retention.expire_unseen" in unseen.do
