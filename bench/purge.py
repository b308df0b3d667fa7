"""Claim: of 1,000,000 deliveries one sender's 500 held messages are purged, and held again, in 50 ms; 50,000 in 1.5 s.

The verbs of the house, as console and shell call them, from the call to the commit: the deliveries, the record with an
outcome for each, the way back, the audit record. Beside them the floor: a bare UPDATE of the same rows, committed, with
nothing of that; what is asked before: the evidence sheet; and the longest transaction, for which another writer waits. Above 5,000
messages the verbs are carried out in slices, as upkeep does it. `--size N --many N` for other numbers.
SQLite (WAL, synchronous=FULL) and PostgreSQL (as it comes, fsync on).
"""

import contextlib
import functools
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, text
from sqlmodel import Session

from bench.rounds import filling, goals, printing, processor
from bench.rounds.alternating import Sample, Samples, find_medians, run_alternating
from migrations.upgrade import upgrade
from tests.peers import postgresql, processes
from tests.triage.arriving import IDA
from triage.config.settings import Company, Settings
from triage.quarantine.decisions import bulk_decisions, decide as decisions, decision_plan, outcomes, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search import selection_summary
from triage.quarantine.search.selection import Selection
from triage.quarantine.search.selection_summary import Evidence
from triage.store import db
from triage.store.delivery_state import State
from triage.times import utcnow

T = TypeVar("T")
TAKEN: list[float] = []  # milliseconds of each writing transaction of a round


def given(name: str, usual: int) -> int:
    """A number of the command line."""
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else usual


SIZES = (10_000, given("--size", 1_000_000))  # deliveries
WAVE, MANY = 500, given("--many", 50_000)  # held messages of one sender; the larger one in the larger database only
PHISHER, BOMBER = "wave@phisher.example", "wave@bomber.example"
ROUNDS, ROUNDS_OF_MANY = 25, 5
SETTINGS = Settings(company=Company(domains=("company.example",), hostname="mx.company.example"))
WORK = {"evidence": "evidence sheet", "purge": "purge", "undo": "undo", "wait": "longest transaction", "floor": "a bare UPDATE"}


@dataclass(frozen=True, slots=True)
class House:
    """A database of one kind and size."""

    kind: str
    size: int  # deliveries
    engine: Engine
    version: str


def main() -> int:
    """Measure and print."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(processes.short_directory("purge"))
        try:
            server = stack.enter_context(postgresql.start_cluster())
        except processes.Missing as missing:
            return printing.print_missing(missing)
        houses = [house for size in SIZES for house in (open_sqlite(directory, size), on_postgresql(server, size))]
        large = [house for house in houses if house.size == SIZES[-1]]
        for size in SIZES:
            many = MANY if size == SIZES[-1] else 0
            engines = [house.engine for house in houses if house.size == size]
            filling.fill_deliveries(engines, size - many, wave=PHISHER, wave_size=WAVE)
            if many:
                filling.fill_deliveries(engines, many, wave=BOMBER, wave_size=many)
        for house in houses:
            run_purge(house.engine, PHISHER, WAVE)  # the first one compiles its statements
        watch = processor.Watch((int((server.directory / "data" / "postmaster.pid").read_text().split()[0]),))
        runs = run_alternating(
            {f"{house.kind} {house.size}": functools.partial(run_purge, house.engine, PHISHER, WAVE) for house in houses}, ROUNDS
        )
        large_runs = run_alternating(
            {house.kind: functools.partial(run_purge, house.engine, BOMBER, MANY) for house in large}, ROUNDS_OF_MANY
        )
        others = watch.stop()[2]
        for house in houses:
            house.engine.dispose()
    print_report(runs)
    report_many(large_runs)
    goals.tell_goals(pick_goals(find_medians(runs), find_medians(large_runs)))
    printing.print_machine(*sorted({house.version for house in houses}, reverse=True), others=[others])
    return 0


def open_sqlite(directory: Path, size: int) -> House:
    """An empty SQLite database."""
    return prepare_house(
        "SQLite", size, db.open_engine(f"sqlite:///{directory}/{size}.db", cache=db.LARGE_CACHE), "SELECT sqlite_version()"
    )


def on_postgresql(server: postgresql.Server, size: int) -> House:
    """An empty PostgreSQL database."""
    return prepare_house("PostgreSQL", size, db.open_engine(server.create(f"purge{size}")), "SHOW server_version")


def prepare_house(kind: str, size: int, engine: Engine, version: str) -> House:
    """With the tables, and with its version."""
    upgrade(engine)
    with db.read_transaction(engine) as session:
        return House(kind, size, engine, f"{kind} {session.execute(text(version)).scalar_one().split()[0]}")


def run_purge(engine: Engine, sender: str, count: int) -> Sample:
    """Look at the sender's mail, purge it, undo that, and change the same rows barely; milliseconds of each."""
    sheet, looked = time_task(functools.partial(looked_at, engine, sender))
    assert sheet.by_state[State.HELD] == count
    TAKEN.clear()
    purged, purge = time_task(functools.partial(purged_by, engine, sender))
    undone, undo = time_task(functools.partial(undone_by, engine, purged.id))
    assert (purged.done, undone.done) == (count, count)
    longest = max(TAKEN)
    changed, floor = time_task(functools.partial(change_rows, engine, sender, "held", "purged"))
    assert changed == count
    change_rows(engine, sender, "purged", "held")
    return {"evidence": looked, "purge": purge, "undo": undo, "wait": longest, "floor": floor}


def looked_at(engine: Engine, sender: str) -> Evidence:
    """Compute the preview that staff see before a removal."""
    with db.read_transaction(engine) as session:
        return selection_summary.selection_evidence(session, Selection.of(sender=sender), by=IDA, now=utcnow())


def purged_by(engine: Engine, sender: str) -> DecisionReport:
    """Removes a sender's messages by one decision."""
    request = DecisionRequest(Selection.of(sender=sender), Verb.PURGE, "phishing")
    with db.read_transaction(engine) as session:
        planned = decision_plan.plan_large(session, request, by=IDA, now=utcnow(), settings=SETTINGS)
    with clock_transaction(engine) as session:
        made = decisions.decide_messages(session, request, by=IDA, now=utcnow(), settings=SETTINGS, planned=planned)
    return carry_out_slices(engine, made)


def undone_by(engine: Engine, decision_id: int) -> DecisionReport:
    """And back."""
    with clock_transaction(engine) as session:
        made = undoing.undo_decision(session, decision_id, by=IDA, reason="", now=utcnow(), settings=SETTINGS)
    return carry_out_slices(engine, made)


def carry_out_slices(engine: Engine, made: DecisionReport) -> DecisionReport:
    """The slices of a large decision, as upkeep carries them out; the decision as it is then."""
    if not made.left:
        return made
    ahead, number = bulk_decisions.Ahead(), 1
    while number:
        with clock_transaction(engine) as session:
            number = bulk_decisions.go_on(session, made.id, now=utcnow(), settings=SETTINGS, ahead=ahead)
    with db.read_transaction(engine) as session:
        return outcomes.get_decision(session, made.id, by=IDA)


@contextlib.contextmanager
def clock_transaction(engine: Engine) -> Iterator[Session]:
    """A writing transaction, which is clocked until it is committed."""
    begun = time.perf_counter()
    with db.transaction(engine) as session:
        yield session
    TAKEN.append((time.perf_counter() - begun) * 1000)


def change_rows(engine: Engine, sender: str, before: str, after: str) -> int:
    """The rows alone: no record, no outcome, no way back."""
    change = text("UPDATE delivery SET state = :after WHERE author = :sender AND state = :before")
    with db.transaction(engine) as session:
        return int(session.connection().execute(change, {"after": after, "sender": sender, "before": before}).rowcount)


def time_task(task: Callable[[], T]) -> tuple[T, float]:
    """Run a task; return its result and its time in milliseconds."""
    begun = time.perf_counter()
    result = task()
    return result, (time.perf_counter() - begun) * 1000


def print_report(runs: Mapping[str, Samples]) -> None:
    """The table: for each database each work at each size, and how it grew."""
    small, large = SIZES
    print(f"{WAVE} held messages of one sender, milliseconds until committed, {ROUNDS} alternating rounds; p50 and the slowest")
    rows = []
    for kind in ("SQLite", "PostgreSQL"):
        before, after = (find_medians(runs)[f"{kind} {size}"] for size in SIZES)
        for work, words in WORK.items():
            taken = [format_runs(runs[f"{kind} {size}"], work, 1, 1) for size in SIZES]
            growth, floor = printing.format_ratio(after[work], before[work]), printing.format_ratio(after[work], after["floor"])
            rows.append((f"{kind}: {words}", *taken, growth, floor))
    printing.print_table(("", f"of {small:,}", f"of {large:,}", "growth", "to a bare UPDATE"), rows)


def report_many(runs: Mapping[str, Samples]) -> None:
    """The table of the large wave."""
    print(f"{MANY:,} held messages of one sender of {SIZES[-1]:,}, seconds until committed, {ROUNDS_OF_MANY} rounds; p50 and the slowest")
    printing.print_table(("", *WORK.values()), [(kind, *(format_runs(one, work, 1000, 2) for work in WORK)) for kind, one in runs.items()])


def format_runs(runs: Samples, work: str, unit: float, digits: int) -> str:
    """The median and the slowest of these runs."""
    taken = [one[work] / unit for one in runs]
    return f"{statistics.median(taken):.{digits}f} / {max(taken):.{digits}f}"


def pick_goals(figures: dict[str, dict[str, float]], waves: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return the figure of each goal, on the slower database."""
    large = [one for name, one in figures.items() if name.endswith(f" {SIZES[-1]}")]
    few = {f"purge.{work}": max(one[work] for one in large) for work in ("purge", "undo")}
    many = {"purge.many": "purge", "purge.many-undo": "undo"}
    return few | {name: max(one[work] for one in waves.values()) / 1000 for name, work in many.items()}


if __name__ == "__main__":
    sys.exit(main())
