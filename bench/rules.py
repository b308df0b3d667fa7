"""Claim: which rules and contacts a message meets is found in 1 ms (mean), among 20,000 rules and 1,000,000 contacts.

What the judge asks before it decides (`lookups.ask`), for 32 messages together as it does and for each by itself: a third from known
contacts, a third from domains that a rule names, a third from strangers. SQLite (WAL) and PostgreSQL (as it comes); how it grows
shows beside a hundredth of it. `--size N` for another number of contacts.
"""

import argparse
import contextlib
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from bench.queue_rows import SETTINGS, House, prepare_house
from bench.rounds import filling, printing, processor
from bench.rounds.filling import DEPARTMENTS, PEOPLE
from tests.peers import postgresql, processes
from tests.triage import arriving
from tests.triage.arriving import NOW
from triage import ids
from triage.intake import lookups
from triage.intake.lookups import MessageQuery
from triage.store import db
from triage.store.models.contacts import Contact
from triage.store.models.rules import Rule

SIZE = 1_000_000  # contacts, and for each fifty a rule
A_RULE = 50
TOGETHER, TIMES = 32, 100  # messages in a transaction of the judge, and how many of these
LATELY = NOW - timedelta(days=20)


def main() -> int:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    wanted.add_argument("--size", type=int, default=SIZE, help="contacts")
    size = wanted.parse_args().size
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(processes.short_directory("rules"))
        try:
            server = stack.enter_context(postgresql.start_cluster())
        except processes.Missing as missing:
            return printing.print_missing(missing)
        few, houses = fill_databases(place, server, size // 100), fill_databases(place, server, size)
        watch = processor.Watch((int((server.directory / "data" / "postmaster.pid").read_text().split()[0]),))
        for small, house in zip(few, houses, strict=True):
            print_report(house, size, measure_lookups(house, size), measure_lookups(small, size // 100))
            for one in (small, house):
                one.engine.dispose()
        printing.print_machine(*(house.version for house in houses), others=[watch.stop()[2]])
    return 0


def fill_databases(place: Path, server: postgresql.Server, size: int) -> list[House]:
    """A database of each kind with so many contacts."""
    houses = [
        prepare_house("SQLite", db.open_engine(f"sqlite:///{place}/rules{size}.db"), "SELECT sqlite_version()"),
        prepare_house("PostgreSQL", db.open_engine(server.create(f"rules{size}")), "SHOW server_version"),
    ]
    for table, rows in ((Rule, make_rules(size)), (Contact, make_contacts(size))):
        while some := list(islice(rows, filling.GROUP)):
            for house in houses:
                with db.transaction(house.engine) as session:
                    db.insert_all(session, table, some)
    for house in houses:
        filling.look_at_statistics(house.engine)
    return houses


def make_rules(size: int) -> Iterator[dict[str, Any]]:
    """Makes rules; every tenth one is a block."""
    for number in range(size // A_RULE):
        effect = "allow" if number % 10 else "block"
        made = Rule(effect=effect, match="domain", value=f"ruled{number}.example", scope="company", author="Ida Lind", created_at=LATELY)
        yield db.columns_of(made) | {"id": ids.new_id()}


def make_contacts(size: int) -> Iterator[dict[str, Any]]:
    """Make contacts, five at each company."""
    for number in range(size):
        made = Contact(
            address=make_address(number),
            person=f"p{number % DEPARTMENTS}x{number % PEOPLE}",
            how="seed",
            learned_at=LATELY,
            first_sent_at=LATELY,
            last_sent_at=LATELY,
            last_mail_at=LATELY,
        )
        yield db.columns_of(made) | {"id": ids.new_id()}


def make_address(number: int) -> str:
    """The address of a contact."""
    return f"somebody{number}@partner{number // 5}.example"


def measure_lookups(house: House, size: int) -> dict[str, list[float]]:
    """Milliseconds a message of every time, together and alone, sorted."""
    chance = random.Random(size)
    found: dict[str, list[float]] = {"together": [], "alone": []}
    for _ in range(TIMES):
        messages = [make_mail(chance, size) for _ in range(TOGETHER)]
        found["together"].append(time_lookups(house, messages) / TOGETHER)
        found["alone"].append(time_lookups(house, messages[:1]))
    return {name: sorted(one) for name, one in found.items()}


def make_mail(chance: random.Random, size: int) -> MessageQuery:
    """Make a message with a random author and recipients."""
    writers: tuple[Callable[[], str], ...] = (
        lambda: make_address(chance.randrange(size)),
        lambda: f"sales@ruled{chance.randrange(size // A_RULE)}.example",
        lambda: f"stranger@far{chance.getrandbits(40)}.example",
    )
    author = chance.choice(writers)()
    person = f"p{chance.randrange(DEPARTMENTS)}x{chance.randrange(PEOPLE)}"
    return MessageQuery(arriving.envelope(f"{person}@company.example", reverse_path=author), arriving.summary(author))


def time_lookups(house: House, messages: Sequence[MessageQuery]) -> float:
    """Measure the look-ups for these messages, in milliseconds."""
    with db.read_transaction(house.engine) as session:
        begun = time.perf_counter()
        lookups.look_up(session, messages, settings=SETTINGS, now=NOW)
        return 1000 * (time.perf_counter() - begun)


def print_report(house: House, size: int, many: dict[str, list[float]], few: dict[str, list[float]]) -> None:
    """The table of one kind of database."""
    print(f"{house.version}, {size // A_RULE:,} rules and {size:,} contacts; growth from a hundredth of them")
    rows = []
    for name, words in (("together", f"{TOGETHER} messages together, each of them"), ("alone", "a message by itself")):
        p50, p99, before = statistics.median(many[name]), many[name][TIMES * 99 // 100], statistics.median(few[name])
        rows.append((words, f"{p50:.2f}", f"{p99:.2f}", f"{statistics.mean(many[name]):.2f}", printing.format_ratio(p50, before)))
    printing.print_table(("milliseconds", "p50", "p99", "mean", "growth"), rows)


if __name__ == "__main__":
    sys.exit(main())
