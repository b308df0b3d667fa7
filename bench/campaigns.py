"""Claim: of any two copies of a wave 95 % and more are put into one campaign, and what it joins belongs together in 99 %; in 3 ms a mail.

What it finds: waves of 600 copies at five levels of change (tests/triage/waves.py), of invented texts and, where
MAILROOM_CORPUS names the directory of real mail, of real phishing, mixed in chance order into all real mail there is.
Every copy is written as a message, read by the parser and assigned as the judge does it, on SQLite.

What it costs: assigning a copy of a campaign that is there, and mail like no other, to a database of so many campaigns, on
SQLite and PostgreSQL, 32 in a transaction as the judge does. Their words are drawn by chance as often as words occur in mail.
`--sizes 10000,1000000` names how many campaigns there are; a million takes a quarter of an hour to fill.
"""

import argparse
import contextlib
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text
from sqlmodel import Session

from bench.rounds import crowd, mixture, printing, processor
from migrations.upgrade import upgrade
from tests.peers import postgresql, processes
from triage import campaigns, db
from triage.fingerprint import Fingerprint
from triage.times import utcnow

GROUP = 32  # mails in one transaction, as the judge does
MEASURED = 40  # transactions of each kind
WARM_UP = 5
KINDS = {"copy": "a copy of a campaign", "new": "mail like no other"}


@dataclass(frozen=True, slots=True)
class House:
    """A database of one kind with so many campaigns."""

    kind: str
    size: int
    engine: Engine
    version: str


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000", help="campaigns in the database")
    parser.add_argument("--copies", type=int, default=600, help="of each wave")
    chosen = parser.parse_args()
    corpus = os.environ.get("MAILROOM_CORPUS", "")
    with processes.short_directory("campaigns") as directory:
        find(directory, Path(corpus) if corpus else None, chosen.copies)
    return cost([int(size) for size in chosen.sizes.split(",")])


def find(directory: Path, corpus: Path | None, copies: int) -> None:
    """Sort the mixture, and print what came of it."""
    mixed = mixture.mixed(corpus, copies)
    engine = db.open_engine(f"sqlite:///{directory}/mixed.db")
    upgrade(engine)
    found: list[int | None] = []
    for begin in range(0, len(mixed), GROUP):
        with db.transaction(engine) as session:
            now = utcnow()
            found += [campaigns.assign(session, mail.fingerprint, now=now) for mail in mixed[begin : begin + GROUP]]
    engine.dispose()
    score = mixture.score(mixed, found)
    print(f"{score.waves} waves of {copies} copies, {len(mixed) - score.waves * copies} real mails")
    rows = [
        ("pairs of a wave in one campaign (recall)", f"{score.recall:.4f}", "0.95"),
        ("pairs in one campaign that are of one wave (precision)", f"{score.precision:.4f}", "0.99"),
        ("campaigns with real ham and real phishing or spam", f"{score.mixed}", "0"),
        ("campaigns that a wave is spread over, the worst", f"{score.pieces}", ""),
        ("of each worst wave's copies in its largest one", f"{score.largest:.3f}", ""),
    ]
    printing.table(("", "measured", "goal"), rows)


def cost(sizes: Sequence[int]) -> int:
    """Fill databases of each size and measure, and print."""
    rows, versions, others = [], set(), []
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(processes.short_directory("campaigns"))
        try:
            server = stack.enter_context(postgresql.running())
        except processes.Missing as missing:
            return printing.missing(missing)
        for size in sizes:
            houses = [sqlite(directory, size), on_postgresql(server, size)]
            known = crowd.fill([house.engine for house in houses], size)
            for house in houses:
                watch = processor.Watch((int((server.directory / "data" / "postmaster.pid").read_text().split()[0]),))
                rows += [(f"{house.kind}: {KINDS[kind]}", f"{size:,}", *figures) for kind, figures in measure(house, known).items()]
                others.append(watch.stop()[2])
                versions.add(house.version)
                house.engine.dispose()
    print(f"milliseconds to assign one mail, {GROUP} in a transaction, {MEASURED} transactions of each kind")
    printing.table(("", "campaigns", "p50", "p99", "with its share of the commit"), rows)
    printing.machine(*sorted(versions), others=others)
    return 0


def measure(house: House, known: Sequence[Fingerprint]) -> dict[str, tuple[str, str, str]]:
    """Of each kind of mail: p50 and p99 of assigning one, and the mean with its share of the transaction."""
    chance, figures = random.Random(house.size + 1), {}
    work: dict[str, Callable[[], Fingerprint]] = {
        "copy": lambda: crowd.changed(chance.choice(known), chance),
        "new": lambda: crowd.mail(chance),
    }
    for kind, make in work.items():
        taken: list[float] = []
        whole: list[float] = []
        for number in range(WARM_UP + MEASURED):
            mails = [make() for _ in range(GROUP)]
            begun = time.perf_counter()
            with db.transaction(house.engine) as session:
                each = [assigned(session, one) for one in mails]
            if number >= WARM_UP:
                whole.append((time.perf_counter() - begun) * 1000 / GROUP)
                taken += each
        figures[kind] = (
            f"{statistics.median(taken):.2f}",
            f"{statistics.quantiles(taken, n=100)[98]:.2f}",
            f"{statistics.mean(whole):.2f}",
        )
    return figures


def assigned(session: Session, fingerprint: Fingerprint) -> float:
    """How long assigning it took, in milliseconds."""
    now = utcnow()
    begun = time.perf_counter()
    campaigns.assign(session, fingerprint, now=now)
    return (time.perf_counter() - begun) * 1000


def sqlite(directory: Path, size: int) -> House:
    """An empty SQLite database."""
    return prepared("SQLite", size, db.open_engine(f"sqlite:///{directory}/{size}.db"), "SELECT sqlite_version()")


def on_postgresql(server: postgresql.Server, size: int) -> House:
    """An empty PostgreSQL database."""
    return prepared("PostgreSQL", size, db.open_engine(server.create(f"campaigns{size}")), "SHOW server_version")


def prepared(kind: str, size: int, engine: Engine, version: str) -> House:
    """With the tables, and with its version."""
    upgrade(engine)
    with db.reading(engine) as session:
        return House(kind, size, engine, f"{kind} {session.execute(text(version)).scalar_one().split()[0]}")


if __name__ == "__main__":
    sys.exit(main())
