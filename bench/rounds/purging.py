"""A process of `bench/purge.py` that removes and undoes, or visits meanwhile; it measures itself, in whichever commit's tree it runs.

It reads orders as lines of JSON from its standard input and answers each with one line.
"""

import contextlib
import json
import random
import select
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlmodel import Session

from bench.rounds import filling, processor
from migrations.upgrade import upgrade
from triage.actor import ALL_RIGHTS, EVERYTHING, Actor, Role
from triage.config.settings import Company, Settings
from triage.quarantine.decisions import bulk_decisions, decide as decisions, decision_plan, outcomes, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search import selection_summary
from triage.quarantine.search.selection import Selection
from triage.store import db, ledger
from triage.store.new_rows import Entry
from triage.times import utcnow

BY = Actor("shell", "bench", Role.ADMIN, EVERYTHING, "bench", rights=ALL_RIGHTS)  # whom the slices find again
SETTINGS = Settings(company=Company(domains=("company.example",), hostname="mx.company.example"))
BREATH = 0.02  # seconds between two slices, as upkeep takes them
PAUSE = 0.005  # seconds between two visits
TRANSACTIONS: list[float] = []  # milliseconds of each writing transaction

Answer = dict[str, Any]


def fill_database(engine: Engine, size: int, waves: list[tuple[str, int]]) -> Answer:
    """Make the tables, with deliveries of everybody and waves of held messages of one sender each."""
    upgrade(engine)
    filling.fill_deliveries([engine], size - sum(count for _, count in waves[1:]), wave=waves[0][0], wave_size=waves[0][1])
    for sender, count in waves[1:]:
        filling.fill_deliveries([engine], count, wave=sender, wave_size=count)
    return {"version": find_version(engine)}


def find_version(engine: Engine) -> str:
    """The name and version of the database."""
    is_sqlite = engine.dialect.name == "sqlite"
    with db.read_transaction(engine) as session:
        version = session.execute(text("SELECT sqlite_version()" if is_sqlite else "SHOW server_version")).scalar_one()
    return f"{'SQLite' if is_sqlite else 'PostgreSQL'} {version.split()[0]}"


def run_round(engine: Engine, sender: str, count: int) -> Answer:
    """Preview the removal of a sender's held messages, remove them, undo that, and change the same rows barely; the cost of each."""
    found: Answer = {"evidence": measure(engine, lambda: preview(engine, sender))[1]}
    TRANSACTIONS.clear()
    purged, found["purge"] = measure(engine, lambda: purge(engine, sender))
    undone, found["undo"] = measure(engine, lambda: undo(engine, purged.id))
    assert (purged.done, undone.done) == (count, count), (purged.done, undone.done, count)
    found["longest"] = {"milliseconds": max(TRANSACTIONS)}
    changed, found["floor"] = measure(engine, lambda: change_rows(engine, sender, "held", "purged"))
    assert changed == count
    change_rows(engine, sender, "purged", "held")
    return found


def measure(engine: Engine, task: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Run a task; its result, milliseconds, milliseconds of processor time, and kilobytes written (PostgreSQL: its WAL)."""
    before = time.perf_counter(), used_seconds(engine), written_bytes(engine)
    result = task()
    passed = time.perf_counter() - before[0]
    used, written = used_seconds(engine) - before[1], written_bytes(engine) - before[2]
    return result, {"milliseconds": passed * 1000, "processor": used * 1000, "kilobytes": written / 1000}


def used_seconds(engine: Engine) -> float:
    """Processor seconds of this process, and of its process at the server."""
    return time.process_time() + (backend_seconds(engine) if engine.dialect.name == "postgresql" else 0)


def backend_seconds(engine: Engine) -> float:
    """Processor seconds of the server's process for this one, which has a single connection."""
    with engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    return processor.own_seconds(pid)


def written_bytes(engine: Engine) -> int:
    """Bytes of the server's WAL so far; of SQLite those that this process wrote."""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            return int(connection.scalar(text("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")) or 0)
    return int(dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())["wchar"])


def preview(engine: Engine, sender: str) -> object:
    """Compute what staff see before a removal."""
    with db.read_transaction(engine) as session:
        return selection_summary.selection_evidence(session, Selection.of(sender=sender), by=BY, now=utcnow())


def purge(engine: Engine, sender: str) -> DecisionReport:
    """Remove a sender's messages by one decision, as console and shell do."""
    return decide(engine, DecisionRequest(Selection.of(sender=sender), Verb.PURGE, "phishing"))


def decide(engine: Engine, request: DecisionRequest) -> DecisionReport:
    """Carry out one decision to its end."""
    with db.read_transaction(engine) as session:
        planned = decision_plan.plan_large(session, request, by=BY, now=utcnow(), settings=SETTINGS)
    with clock_transaction(engine) as session:
        made = decisions.decide_messages(session, request, by=BY, now=utcnow(), settings=SETTINGS, planned=planned)
    return carry_out_slices(engine, made)


def undo(engine: Engine, decision_id: int) -> DecisionReport:
    """Take a decision back."""
    with clock_transaction(engine) as session:
        made = undoing.undo_decision(session, decision_id, by=BY, reason="", now=utcnow(), settings=SETTINGS)
    return carry_out_slices(engine, made)


def carry_out_slices(engine: Engine, made: DecisionReport) -> DecisionReport:
    """The slices of a large decision, as upkeep carries them out; the decision as it is then."""
    if not made.left:
        return made
    ahead, number = bulk_decisions.Ahead(), 1
    while number:
        time.sleep(BREATH)
        with db.read_transaction(engine) as session:
            bulk_decisions.load_next_slices(session, made.id, ahead, now=utcnow())
        with clock_transaction(engine) as session:
            number = bulk_decisions.go_on(session, made.id, now=utcnow(), settings=SETTINGS, ahead=ahead)
        ahead.adjust_size(TRANSACTIONS[-1] / 1000)
    with db.read_transaction(engine) as session:
        return outcomes.get_decision(session, made.id, by=BY)


@contextlib.contextmanager
def clock_transaction(engine: Engine) -> Iterator[Session]:
    """A writing transaction, which is clocked until it is committed."""
    begun = time.perf_counter()
    with db.transaction(engine) as session:
        yield session
    TRANSACTIONS.append((time.perf_counter() - begun) * 1000)


def change_rows(engine: Engine, sender: str, before: str, after: str) -> int:
    """The rows alone: no record, no outcome, no way back."""
    change = text("UPDATE delivery SET state = :after WHERE author = :sender AND state = :before")
    with db.transaction(engine) as session:
        return int(session.connection().execute(change, {"after": after, "sender": sender, "before": before}).rowcount)


def visit(engine: Engine) -> Answer:
    """Until the next order comes: a message arrives, and somebody decides about it. The longest wait of both."""
    chance, waits = random.Random(1), {"arrival": [0.0], "decision": [0.0]}
    with db.read_transaction(engine) as session:
        content = session.execute(text("SELECT min(id) FROM content")).scalar_one()
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        message, delivery = filling.make_rows(content, "", chance)
        delivery |= {"state": "held", "author": "visitor@arrives.example", "campaign_id": None, "note": ""}
        waits["arrival"].append(measure_wait(lambda: enter(engine, message, delivery)))  # noqa: B023 (called at once)
        request = DecisionRequest(Selection.of(ids=(delivery["id"],)), Verb.PURGE)
        waits["decision"].append(measure_wait(lambda: decide(engine, request)))  # noqa: B023
    return {name: max(all_) for name, all_ in waits.items()}


def enter(engine: Engine, message: dict[str, Any], delivery: dict[str, Any]) -> None:
    """Let one message come in."""
    with db.transaction(engine) as session:
        ledger.enter_all(session, [Entry(message, None, [delivery])], by=BY, now=utcnow())


def measure_wait(task: Callable[[], object]) -> float:
    """Milliseconds that a task takes."""
    begun = time.perf_counter()
    task()
    return (time.perf_counter() - begun) * 1000


ORDERS: dict[str, Callable[..., Answer]] = {"fill": fill_database, "round": run_round, "visit": visit}


def main() -> int:
    """Carry out orders about the database of the command line until there are none."""
    engine = db.open_engine(sys.argv[1], cache=db.LARGE_CACHE)
    while line := sys.stdin.readline():
        name, *values = json.loads(line)
        if name in ORDERS:
            print(json.dumps(ORDERS[name](engine, *values)), flush=True)
    engine.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
