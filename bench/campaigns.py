"""Claim: of any two copies of a wave 95 % and more are put into one campaign, and what it joins belongs together in 99 %; in 3 ms a
message.

What it finds: waves of 600 copies at five levels of change (tests/triage/waves.py), of invented texts and, where MAILROOM_CORPUS names
the directory of real mail, of real phishing, mixed in chance order into all real mail there is. Every copy is written as a message, read
by the parser and assigned as the judge does it, on SQLite.

What it costs: assigning copies of campaigns that are there, and mail like no other, to a database of so many campaigns, on SQLite and
PostgreSQL, 32 together in a transaction as the judge does. Their words are drawn by chance as often as words occur in mail. Beside the
clock, which others on the machine push: the processor time of our process and of the server's, and how often a database is asked.
`--sizes 10000,100000` names how many campaigns there are; a million takes a quarter of an hour to fill.
"""

import argparse
import contextlib
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, event, text
from sqlmodel import Session

from bench.rounds import crowd, goals, mixture, printing, processor
from migrations.upgrade import upgrade
from tests.peers import postgresql, processes
from triage.message.fingerprint import Fingerprint
from triage.quarantine.campaigns import assign as campaigns
from triage.store import db
from triage.times import utcnow

MILLION = 1_000_000
GROUP = 32  # messages in one transaction, as the judge does
MEASURED = 40  # transactions of each kind
WARM_UP = 5
COLUMNS = ("", "campaigns", "p50", "p99", "with its share of the commit", "our processor time", "the server's", "asked")
KINDS = {"copy": "a copy of a campaign", "new": "mail like no other"}


@dataclass(frozen=True, slots=True)
class House:
    """A database of one kind with so many campaigns."""

    kind: str
    size: int
    engine: Engine
    version: str


@dataclass(slots=True)
class Taken:
    """Times to assign messages of one kind to campaigns, in milliseconds."""

    each: list[float] = field(default_factory=list)  # a message, by transactions
    whole: list[float] = field(default_factory=list)  # with a share of the commit
    ours: list[float] = field(default_factory=list)  # of processor time, a message, by transactions
    server: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)  # statements a message

    def figures(self) -> tuple[str, ...]:
        """As the table shows them."""
        clock = (statistics.median(self.each), statistics.quantiles(self.each, n=100)[98], statistics.mean(self.whole))
        steady = (statistics.mean(self.ours), statistics.mean(self.server))
        return (*(f"{one:.2f}" for one in clock + steady), f"{statistics.mean(self.asked):.1f}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,1000000", help="campaigns in the database")
    parser.add_argument("--copies", type=int, default=600, help="of each wave")
    chosen = parser.parse_args()
    corpus = os.environ.get("MAILROOM_CORPUS", "")
    with processes.short_directory("campaigns") as directory:
        find_campaigns(directory, Path(corpus) if corpus else None, chosen.copies)
    return measure_cost([int(size) for size in chosen.sizes.split(",")])


def find_campaigns(directory: Path, corpus: Path | None, copies: int) -> None:
    """Sort the mixture, and print what came of it."""
    mixed = mixture.mix_messages(corpus, copies)
    engine = db.open_engine(f"sqlite:///{directory}/mixed.db")
    upgrade(engine)
    found: list[int | None] = []
    for begin in range(0, len(mixed), GROUP):
        with db.transaction(engine) as session:
            found += campaigns.assign_all(session, [mail.fingerprint for mail in mixed[begin : begin + GROUP]], now=utcnow())
    engine.dispose()
    score = mixture.score_campaigns(mixed, found)
    print(f"{score.waves} waves of {copies} copies, {len(mixed) - score.waves * copies} real messages")
    rows = [
        ("pairs of a wave in one campaign (recall)", f"{score.recall:.4f}", "0.95"),
        ("pairs in one campaign that are of one wave (precision)", f"{score.precision:.4f}", "0.99"),
        ("campaigns with real ham and real phishing or spam", f"{score.mixed}", "0"),
        ("campaigns that a wave is spread over, the worst", f"{score.pieces}", ""),
        ("of each worst wave's copies in its largest one", f"{score.largest:.3f}", ""),
    ]
    printing.print_table(("", "measured", "goal"), rows)


def measure_cost(sizes: Sequence[int]) -> int:
    """Fill databases of each size and measure, and print."""
    rows, versions, others = [], set(), []
    slowest: dict[int, float] = {}
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(processes.short_directory("campaigns"))
        try:
            server = stack.enter_context(postgresql.start_cluster())
        except processes.Missing as missing:
            return printing.print_missing(missing)
        for size in sizes:
            houses = [open_sqlite(directory, size), on_postgresql(server, size)]
            known = crowd.fill_campaigns([house.engine for house in houses], size)
            for house in houses:
                watch = processor.Watch((int((server.directory / "data" / "postmaster.pid").read_text().split()[0]),))
                found = measure_messages(house, known)
                rows += [(f"{house.kind}: {KINDS[kind]}", f"{size:,}", *taken.figures()) for kind, taken in found.items()]
                slowest[size] = max(slowest.get(size, 0.0), *(statistics.mean(taken.whole) for taken in found.values()))
                others.append(watch.stop()[2])
                versions.add(house.version)
                house.engine.dispose()
    print(f"milliseconds to assign one mail, {GROUP} together in a transaction, {MEASURED} transactions of each kind")
    printing.print_table(COLUMNS, rows)
    if MILLION in slowest:
        goals.print_goals({"campaigns.assign": slowest[MILLION]})
    printing.print_machine(*sorted(versions), others=others)
    return 0


def measure_messages(house: House, known: Sequence[Fingerprint]) -> dict[str, Taken]:
    """Measure the time for each kind of message."""
    chance, found = random.Random(house.size + 1), {}
    work: dict[str, Callable[[], Fingerprint]] = {
        "copy": lambda: crowd.change_words(chance.choice(known), chance),
        "new": lambda: crowd.make_mail(chance),
    }
    for kind, make in work.items():
        taken = Taken()
        for number in range(WARM_UP + MEASURED):
            group_by_campaign(house, [make() for _ in range(GROUP)], taken if number >= WARM_UP else Taken())
        found[kind] = taken
    return found


def group_by_campaign(house: House, messages: Sequence[Fingerprint], taken: Taken) -> None:
    """Assigns messages to campaigns in one transaction, and notes what it took."""
    asked: list[str] = []
    begun, ours = time.perf_counter(), time.process_time()
    with db.transaction(house.engine) as session, count_statements(house.engine, asked):
        server = server_seconds(session)
        taken.each.append(assign_campaigns(session, messages) / len(messages))
        taken.server.append((server_seconds(session) - server) * 1000 / len(messages))
    taken.whole.append((time.perf_counter() - begun) * 1000 / len(messages))
    taken.ours.append((time.process_time() - ours) * 1000 / len(messages))
    taken.asked.append(len(asked) / len(messages))


@contextlib.contextmanager
def count_statements(engine: Engine, asked: list[str]) -> Iterator[None]:
    """Note every statement that the database is sent meanwhile."""

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield
    event.remove(engine, "before_cursor_execute", note)


def server_seconds(session: Session) -> float:
    """Return the processor seconds of the session's PostgreSQL process; 0 for SQLite, which runs in our own."""
    driver = session.connection().connection.driver_connection
    return processor.own_seconds(driver.info.backend_pid) if db.is_postgresql(session) and driver else 0.0


def assign_campaigns(session: Session, messages: Sequence[Fingerprint]) -> float:
    """Assign messages to campaigns; return the time in milliseconds."""
    now = utcnow()
    begun = time.perf_counter()
    campaigns.assign_all(session, messages, now=now)
    return (time.perf_counter() - begun) * 1000


def open_sqlite(directory: Path, size: int) -> House:
    """An empty SQLite database."""
    return prepare_house("SQLite", size, db.open_engine(f"sqlite:///{directory}/{size}.db"), "SELECT sqlite_version()")


def on_postgresql(server: postgresql.Server, size: int) -> House:
    """An empty PostgreSQL database."""
    return prepare_house("PostgreSQL", size, db.open_engine(server.create(f"campaigns{size}")), "SHOW server_version")


def prepare_house(kind: str, size: int, engine: Engine, version: str) -> House:
    """With the tables, and with its version."""
    upgrade(engine)
    with db.read_transaction(engine) as session:
        return House(kind, size, engine, f"{kind} {session.execute(text(version)).scalar_one().split()[0]}")


if __name__ == "__main__":
    sys.exit(main())
