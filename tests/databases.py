"""Chooses which tests run on PostgreSQL too, and empties its database between tests.

All tests with a database run on SQLite. On PostgreSQL run the first case of each test about statements, locks and concurrency (`WHOLE`,
`LOCKS`), all cases where each makes another statement (`EVERY_CASE`), and the first case of every other file about records. Console, demo,
API and shell reach records by verbs that have tests of their own, so one file each of API and shell is enough, and the one about backups.
`make test-full` sets MAILROOM_TESTS=full and runs everything on both; so does a test that is named with `::` on the command line.
"""

from collections.abc import Iterable

import psycopg
import pytest
from sqlmodel import SQLModel

from tests import effort

EVERY_CASE = frozenset(
    {
        "tests/triage/quarantine/search/test_message_words.py",
        "tests/triage/quarantine/search/test_search_condition.py",
        "tests/triage/quarantine/search/test_selection.py",
        "tests/triage/quarantine/search/test_trigram_index.py",
    }
)
WHOLE = frozenset(
    {
        "tests/migrations/test_upgrade.py",
        "tests/mta/processing/test_processor.py",
        "tests/mta/delivery/test_relay.py",
        "tests/triage/reports/test_daily_counts.py",
        "tests/triage/store/test_db.py",
        "tests/triage/intake/test_receive_together.py",
        "tests/triage/store/test_ledger.py",
        "tests/triage/store/test_pack_records.py",
        "tests/triage/notifications/webhooks/test_outbox.py",
        "tests/triage/delivery/test_queue.py",
        "tests/triage/quarantine/decisions/test_regroup.py",
        "tests/triage/quarantine/search/test_search_stream.py",
        "tests/triage/compliance/audit/test_hash_chain.py",
        "tests/triage/delivery/test_abuse_reports.py",
        "tests/triage/compliance/audit/test_audit_log.py",
        "tests/triage_api/http/test_idempotency.py",
        "tests/triage_cli/commands/operations/test_backup.py",
    }
)
# Of these the first case, and each test about locks, another transaction, or a process that dies.
LOCKS = {
    "tests/triage/quarantine/triage_items/test_fold_counts.py": {
        "test_a_view_that_is_made_in_slices_misses_nothing_that_comes_or_goes_meanwhile",
        "test_who_comes_after_a_crash_goes_on_where_it_was",
    },
    "tests/triage/quarantine/decisions/test_bulk_decisions.py": {
        "test_others_decide_meanwhile_and_what_comes_later_is_not_meant",
        "test_it_goes_on_where_a_crash_has_left_it",
        "test_a_purge_goes_after_what_the_relay_delivers_meanwhile",
        "test_it_may_be_broken_off_at_any_statement",
        "test_a_killed_worker_loses_and_doubles_nothing",
    },
    "tests/triage/quarantine/decisions/test_decide.py": {
        "test_two_at_once_release_one_copy",
        "test_undo_calls_off_a_purge_in_flight",
    },
    "tests/triage_api/routes/decisions/test_decisions.py": {
        "test_release_and_undo",
        "test_the_late_click_is_told_what_happened",
    },
    "tests/triage_cli/commands/queue/test_deliveries.py": {
        "test_release_undo_and_the_late_click",
        "test_purge_and_block",
    },
}
OTHERWISE_SQLITE = ("tests/demo/", "tests/triage_api/", "tests/triage_cli/", "tests/webui/")
POSTGRESQL = "postgresql"


def left_out(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Returns the PostgreSQL cases that only `make test-full` runs."""
    seen: set[str] = set()
    found = []
    for item in items:
        if effort.FULL or parameter(item) != POSTGRESQL or item.nodeid.startswith("tests/faults/"):
            continue
        file = item.nodeid.partition("::")[0]
        test = item.nodeid.partition("[")[0]
        one = test if file in WHOLE or test.partition("::")[2] in LOCKS.get(file, ()) else file
        first = one not in seen
        seen.add(one)
        if file not in EVERY_CASE and (not first or (file not in {*WHOLE, *LOCKS} and file.startswith(OTHERWISE_SQLITE))):
            found.append(item)
    return found


def parameter(item: pytest.Item) -> object:
    """Returns which database a test was told to use by `database_url`."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("database_url") if callspec else None


def empty(url: str) -> None:
    """Deletes all rows of a PostgreSQL database, of the tables that have some; what a test left connected ends, and with it its locks."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        looks = " UNION ALL ".join(f"(SELECT '{name}' FROM \"{name}\" LIMIT 1)" for name in (*SQLModel.metadata.tables, "delivery_words"))
        if filled := [name for (name,) in connection.execute(looks)]:
            connection.execute("SET LOCAL session_replication_role = replica")  # no trigger keeps the audit log
            connection.execute(";".join(f'DELETE FROM "{name}"' for name in filled))
