"""Numbers about the record, on both databases."""

from datetime import timedelta

from sqlalchemy import Engine

from tests.triage.arriving import ANA, NOW, arrive, set_up
from triage.config.settings import Settings
from triage.reports.gauges import OPEN, read_gauges
from triage.store import db, last_runs, ledger
from triage.store.delivery_state import Event, State


def test_an_empty_record(engine: Engine) -> None:
    with db.read_transaction(engine) as session:
        found = read_gauges(session, NOW)
    assert found.by_state == dict.fromkeys(OPEN, 0)
    assert (found.oldest_held, found.due, found.longest_due) == (None, 0, None)
    assert (found.recalls_due, found.longest_recall_due) == (0, None)
    assert (found.directory_read, found.backup_made) == (None, None)


def test_what_waits_and_since_when(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        set_up(session, settings)
        *messages, purged = (arrive(session, settings)[0] for _ in range(5))
        ledger.record_event(session, purged, Event.PURGE, by=ANA, now=NOW)
        for mail, due in zip(messages[:3], (NOW, NOW + timedelta(minutes=1), NOW + timedelta(hours=1)), strict=True):
            ledger.record_event(session, mail, Event.RELEASE, by=ANA, now=NOW, due_at=due, queued_at=NOW)
    with db.read_transaction(engine) as session:
        found = read_gauges(session, NOW + timedelta(minutes=2))
    assert {state: count for state, count in found.by_state.items() if count} == {State.HELD: 1, State.QUEUED: 3}
    assert (found.oldest_held, found.due, found.longest_due) == (NOW, 2, NOW)


def test_what_is_to_be_taken_out_of_mailboxes(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        set_up(session, settings)
        for due in (NOW, NOW + timedelta(minutes=1), NOW + timedelta(hours=1)):
            ledger.record_event(session, arrive(session, settings)[0], Event.SEEK, by=ANA, now=NOW, due_at=due)
    with db.read_transaction(engine) as session:
        found = read_gauges(session, NOW + timedelta(minutes=2))
    assert (found.recalls_due, found.longest_recall_due, found.due) == (2, NOW, 0)


def test_what_has_to_be_done_again_and_again_counts_from_the_first_act_on(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        set_up(session, settings)
    found = []
    for number in range(3):
        with db.read_transaction(engine) as session:
            read = read_gauges(session, NOW)
        found.append((read.directory_read, read.backup_made))
        later = NOW + timedelta(hours=number + 1)
        with db.transaction(engine) as session:
            last_runs.directory_was_read(session, now=later)
            ledger.write_act(session, "backup", "backup", by=ANA, now=later - timedelta(minutes=1))
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    missed = None if engine.dialect.name == "postgresql" else NOW  # others save that, unless we ever did
    assert found == [(NOW, missed), (NOW + hour, NOW + hour - minute), (NOW + 2 * hour, NOW + 2 * hour - minute)]
