"""Claim: four judges on PostgreSQL wait for each other 2 % of their time, and cost 1.1 times the processor time of one for each message.

A spool that is full of signed mail of 20 KB is judged by one judge on SQLite, and by one and by four on PostgreSQL. pg_stat_activity
is asked meanwhile how many backends wait for a lock. Processor time is that of the judges, of their parsers and of PostgreSQL.
`--rounds N --messages N` for other numbers.
"""

import argparse
import contextlib
import functools
import os
import signal
import sqlite3
import statistics
import sys
import threading
from collections.abc import Iterator

import psycopg

from bench.pipeline import SESSIONS, WARM_UP, House, Load, find_backends
from bench.rounds import goals, printing, processor, signed_messages
from bench.rounds.alternating import Sample, measure_medians
from bench.rounds.sessions import Sending
from tests.peers import postgresql, processes

EVERY = 0.05  # seconds between two looks at who waits
WAITING = "SELECT count(*) FROM pg_stat_get_activity(NULL) WHERE wait_event_type = 'Lock'"  # pg_stat_activity without its joins
WAYS = {"one judge, SQLite": (False, 1), "one judge": (True, 1), "four judges": (True, 4)}


def main() -> int:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    wanted.add_argument("--rounds", type=int, default=5)
    wanted.add_argument("--messages", type=int, default=1000)
    given = wanted.parse_args()
    written = signed_messages.make_messages(WARM_UP + given.messages)
    load = written[:WARM_UP], written[WARM_UP:]
    try:
        with postgresql.start_cluster() as server:
            ways = {
                name: functools.partial(drain_spool, load, server if on_server else None, judges)
                for name, (on_server, judges) in WAYS.items()
            }
            figures = measure_medians(ways, given.rounds)
    except processes.Missing as peer:
        return printing.print_missing(peer)
    print(f"a full spool of {given.messages} signed messages, medians of {given.rounds} rounds")
    rows = [(name, f"{one['filed']:,.0f}", f"{one['cpu']:.2f}", f"{one['waiting']:.1f} %") for name, one in figures.items()]
    printing.print_table(("", "judged/s", "CPU ms/message", "of the judges' time waiting"), rows)
    one, four = figures["one judge"], figures["four judges"]
    goals.print_goals({"judges.cpu": four["cpu"] / one["cpu"], "judges.waiting": four["waiting"]})
    printing.print_machine(f"SQLite {sqlite3.sqlite_version}", others=[one["others"] for one in figures.values()])
    return 0


def drain_spool(load: Load, server: postgresql.Server | None, judges: int) -> Sample:
    """A spool that is full is emptied."""
    with contextlib.ExitStack() as stack:
        house = House(stack, server, judges)
        warm_up, measured = load
        Sending(house.company.smtp_port, warm_up, SESSIONS).finish()
        house.wait_for(len(warm_up))
        for one in house.judges:
            os.kill(one, signal.SIGSTOP)
        Sending(house.company.smtp_port, measured, SESSIONS).finish()
        watch = processor.Watch((*house.judges, *([find_backends(server)] if server else [])))
        with count_waiting(house.company.database if server else "") as waiting:
            for one in house.judges:
                os.kill(one, signal.SIGCONT)
            house.wait_for(len(warm_up) + len(measured))
            passed, used, others = watch.stop()
        house.check([*warm_up, *measured])
    mean = statistics.mean(waiting) if waiting else 0.0
    return {
        "filed": len(measured) / passed,
        "cpu": sum(used) * 1000 / len(measured),
        "waiting": 100 * mean / judges,
        "others": others,
    }


@contextlib.contextmanager
def count_waiting(database: str) -> Iterator[list[int]]:
    """Counts how many backends wait for a lock, again and again; nothing without a database's URL."""
    counted: list[int] = []
    stop = threading.Event()

    def look() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            while not stop.wait(EVERY):
                (number,) = connection.execute(WAITING).fetchone() or (0,)
                counted.append(number)

    looking = threading.Thread(target=look)
    if database:
        looking.start()
    try:
        yield counted
    finally:
        stop.set()
        if database:
            looking.join()


if __name__ == "__main__":
    sys.exit(main())
