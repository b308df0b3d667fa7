"""Goal: with a month of 1,000,000 deliveries, a third of them held and decided, every report is made in 2 seconds.

Each report by itself and all of them from one reading, for the whole company and for one department, on SQLite (WAL) and PostgreSQL
(as it comes); processor seconds beside it. `--size N` for another number.
"""

import contextlib
import sys
import time
from pathlib import Path

from sqlalchemy import Engine

from bench.queue_rows import BEN, SETTINGS, House, prepare_house
from bench.rounds import decided, printing, processor
from tests.peers import postgresql, processes
from tests.triage.arriving import NOW, OTTO
from triage.actor import Actor
from triage.reports import daily_counts, period_reports
from triage.store import db

SIZE = 1_000_000
EVERYTHING = "all of them, one reading"


def main() -> int:
    """Measure and print."""
    size = int(sys.argv[sys.argv.index("--size") + 1]) if "--size" in sys.argv else SIZE
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(processes.short_directory("reports")))
        try:
            server = stack.enter_context(postgresql.start_cluster())
        except processes.Missing as missing:
            return printing.print_missing(missing)
        houses = [
            prepare_house("SQLite", db.open_engine(f"sqlite:///{directory}/reports.db", cache=db.LARGE_CACHE), "SELECT sqlite_version()"),
            prepare_house("PostgreSQL", db.open_engine(server.create("reports")), "SHOW server_version"),
        ]
        decided.fill_decided([house.engine for house in houses], size)
        watch = processor.Watch((int((server.directory / "data" / "postmaster.pid").read_text().split()[0]),))
        for house in houses:
            measure_reports(house, size)
            house.engine.dispose()
        others = watch.stop()[2]
    printing.print_machine(*(house.version for house in houses), others=[others])
    return 0


def measure_reports(house: House, size: int) -> None:
    """Count the days that are over, make the reports, and print what it took."""
    begun = time.perf_counter()
    number = count_days(house.engine)
    taken = time.perf_counter() - begun
    print(f"{house.kind}, {size:,} deliveries: {number} days counted in {taken:.1f} s")
    names = [*period_reports.REPORTS, EVERYTHING]
    printing.print_table(
        ("seconds", "company", "processor", "department", "processor"), [format_line(house.engine, name) for name in names]
    )


def count_days(engine: Engine) -> int:
    """Count the past days as upkeep does; return their number."""
    number = 0
    while True:
        with db.read_transaction(engine) as session:
            day = daily_counts.next_day(session, "UTC", NOW)
            rows = daily_counts.count_day(session, day) if day else []
        if day is None:
            return number
        with db.transaction(engine) as session:
            daily_counts.record_day(session, day, rows, "UTC")
        number += 1


def format_line(engine: Engine, name: str) -> tuple[str, ...]:
    """Line of the table for one report."""
    whole, part = make_report(engine, name, OTTO), make_report(engine, name, BEN)
    return name, f"{whole[0]:.2f}", f"{whole[1]:.2f}", f"{part[0]:.2f}", f"{part[1]:.2f}"


def make_report(engine: Engine, name: str, by: Actor) -> tuple[float, float]:
    """Seconds, and processor seconds of this process, to make a report of the last four weeks."""
    with db.read_transaction(engine) as session:
        asked = period_reports.parse_period(None, NOW, settings=SETTINGS, now=NOW)
        begun, used = time.perf_counter(), time.process_time()
        if name == EVERYTHING:
            period_reports.all_reports(session, period=asked, by=by, settings=SETTINGS, now=NOW)
        else:
            period_reports.get_report(session, name, period=asked, by=by, settings=SETTINGS, now=NOW)
        return time.perf_counter() - begun, time.process_time() - used


if __name__ == "__main__":
    sys.exit(main())
