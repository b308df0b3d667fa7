"""Claim: with 1,000,000 held deliveries a page of rows, an anchor's page and the folder counts are read in 10 ms (p99).

What console and scripts ask most, as the house answers it: from the counts that upkeep keeps. Beside each the same answer
SQLite (WAL) and PostgreSQL (as it comes); `--size N` for another number. How it grows shows beside a hundredth of it. Filling takes much
longer than asking: `--kept DIRECTORY` keeps the databases for the next time.
"""

import argparse
import contextlib
import gc
import random
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, text
from sqlmodel import Session

from bench.rounds import filled_databases, goals, held, printing, processor
from bench.rounds.filling import DEPARTMENTS, PEOPLE
from migrations.upgrade import upgrade
from tests.peers import postgresql, processes
from tests.triage.arriving import COMPANY, NOW, SYNC
from triage.actor import Actor, Role, Scope
from triage.addressing.company import DepartmentEntry, PersonEntry, StaffEntry
from triage.config.settings import Company, Settings
from triage.directory import apply as directory
from triage.quarantine import folders
from triage.quarantine.search.selection import ANY_PROOF, Selection
from triage.quarantine.triage_items import fold_counts, folder_counts, item_list
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.queue import dirty_counts

SIZE = 1_000_000
READS, COUNTS = 200, 1
ANA = Actor.person("ana", Role.TRIAGE, Scope(company=True), "Ana")
BEN = Actor.person("ben", Role.TRIAGE, Scope(departments=frozenset({"d3"})), "Ben")
SIXTEEN = Actor.person("six", Role.TRIAGE, Scope(departments=frozenset(f"d{number}" for number in range(16))), "Six")
HELD = Selection(proof=ANY_PROOF, states=(State.HELD,))
SETTINGS = Settings(company=Company(domains=("company.example",), hostname="mx.company.example"))
Ask = Callable[[Session, random.Random], Any]


@dataclass(frozen=True, slots=True)
class House:
    """A database of one kind."""

    kind: str
    engine: Engine
    version: str
    reads: int  # that each question is asked


def main() -> int:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    wanted.add_argument("--size", type=int, default=SIZE, help="held messages")
    wanted.add_argument("--reads", type=int, default=READS, help="of each question")
    wanted.add_argument("--kept", help="where they lie, and stay")
    given = wanted.parse_args()
    size = given.size
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(filled_databases.find_place("rows", given.kept))
        try:
            server = stack.enter_context(filled_databases.start_server(place))
        except processes.Missing as missing:
            return printing.print_missing(missing)
        watch = processor.Watch((int((server.directory / "data" / "postmaster.pid").read_text().split()[0]),))
        found = {count: measure_kinds(place, server, count, given.reads) for count in (size // 100, size)}
        others = watch.stop()[2]
    few, many = found.values()
    goals.print_goals(
        {
            "rows.p99": max(p99 for _, p99 in many.values()),
            "rows.growth": max(p50 / max(1.0, few[name][0]) for name, (p50, _) in many.items()),  # below a millisecond it is noise
        },
        of=size,
        whole=SIZE,
    )
    printing.print_machine(f"SQLite {sqlite3.sqlite_version}", "PostgreSQL as above", others=[others])
    return 0


def measure_kinds(place: Path, server: postgresql.Server, size: int, reads: int) -> dict[str, tuple[float, float]]:
    """Fill one database of each kind, ask it, and print; p50 and p99 of each question."""
    houses = [
        prepare_house("SQLite", db.open_engine(f"sqlite:///{place}/rows{size}.db", cache=db.LARGE_CACHE), "SELECT sqlite_version()", reads),
        prepare_house("PostgreSQL", db.open_engine(server.create(f"rows{size}")), "SHOW server_version", reads),
    ]
    if empty := [house.engine for house in houses if filled_databases.is_empty(house.engine)]:
        held.fill_held(empty, size)
    found: dict[str, tuple[float, float]] = {}
    for house in houses:
        found |= print_report(house, size)
        house.engine.dispose()
    return found


def prepare_house(kind: str, engine: Engine, version: str, reads: int = READS) -> House:
    """With the tables, the people and who triages."""
    upgrade(engine)
    departments = tuple(DepartmentEntry(f"d{number}", f"Department {number}") for number in range(DEPARTMENTS))
    people = tuple(
        PersonEntry(f"p{code}x{number}", f"Person {code} {number}", f"d{code}", f"p{code}x{number}@company.example")
        for code in range(DEPARTMENTS)
        for number in range(PEOPLE)
    )
    staff = tuple(StaffEntry(one.name, one.shown, "triage", tuple(one.scope.words()), "x") for one in (ANA, BEN, SIXTEEN))
    company = replace(COMPANY, departments=departments, people=people, staff=staff, groups=(), sealed=())
    with db.transaction(engine) as session:
        directory.apply_directory(session, company, SETTINGS.company, by=SYNC, now=NOW)
    with db.read_transaction(engine) as session:
        return House(kind, engine, f"{kind} {session.execute(text(version)).scalar_one().split()[0]}", reads)


def print_report(house: House, size: int) -> dict[str, tuple[float, float]]:
    """Build, read, and print what it took; p50 and p99 of each question."""
    gc.freeze()  # what is loaded is not looked through again, as in the process that the API is forked from (triage_cli.services.preload)
    begun = time.perf_counter()
    fold_counts.build_views(house.engine, now=NOW)
    while fold_slice(house):  # what the last time has touched
        pass
    built = time.perf_counter() - begun
    fold_counts.note_anchors(house.engine)
    anchored = time.perf_counter() - begun - built
    print(f"{house.version}, {size:,} held deliveries: views built in {built:.0f} s, anchors in {anchored:.1f} s")
    answered = {name: ask_often(house, ask) for name, ask in list_questions(house).items()}
    rows = [format_line(house, name, ask, answered[name]) for name, ask in list_questions(house).items()]
    with db.transaction(house.engine) as session:
        begun = time.perf_counter()
        dirty_counts.touch_where(session, Delivery.author == "offer@wave1.example")  # type: ignore[arg-type]
        rows.append(("noting that a wave was touched", f"{1000 * (time.perf_counter() - begun):.1f}", "", "", ""))
    first = list_questions(house)["first page, whole company"]
    answered["first page, a wave touched since"] = ask_often(house, first)
    rows.append(format_line(house, "first page, a wave touched since", first, answered["first page, a wave touched since"]))
    begun = time.perf_counter()
    fold_slice(house)
    rows.append(("folding a slice of it", f"{1000 * (time.perf_counter() - begun):.1f}", "", "", ""))
    printing.print_table(("milliseconds", "p50", "p99", "counted", "counted / p50"), rows)
    return {f"{house.kind}: {name}": figures for name, figures in answered.items()}


def fold_slice(house: House) -> int:
    """Fold a slice of what was touched; how much that was."""
    with db.transaction(house.engine) as session:
        return fold_counts.fold_counts(session, now=NOW)


def list_questions(house: House) -> dict[str, Ask]:
    """List the requests to measure."""
    with db.read_transaction(house.engine) as session:
        places = [place for _, place in item_list.list_anchors(session, HELD, by=ANA, now=NOW).items]

    def page(by: Actor, **more: Any) -> Ask:
        return lambda session, _: item_list.list_items(session, replace(HELD, **more), by=by, now=NOW)

    return {
        "first page, whole company": page(ANA),
        "the same without ids": lambda session, _: item_list.list_items(session, HELD, by=ANA, now=NOW, most_ids=0),
        "first page by campaign": lambda session, _: item_list.list_items(session, HELD, by=ANA, now=NOW, group="campaign"),
        "page at any anchor": lambda session, chance: item_list.list_items(
            session, HELD, by=ANA, now=NOW, at=chance.choice(places), most_ids=0
        ),
        "anchors": lambda session, _: item_list.list_anchors(session, HELD, by=ANA, now=NOW),
        "first page, one department of it": page(ANA, department="d5"),
        "first page, one folder": page(ANA, department="d5", person="person7"),
        "first page, scope of one department": page(BEN),
        "first page, scope of 16 departments": page(SIXTEEN),
        "each message a row, whole company": lambda session, _: item_list.list_items(session, HELD, by=ANA, now=NOW, group="none"),
        "folders, whole company": lambda session, _: folders.list_folders(session, by=ANA, now=NOW),
        "folders, each message a row": lambda session, _: folders.list_folders(session, by=ANA, now=NOW, group="none"),
    }


def ask_often(house: House, ask: Ask) -> tuple[float, float]:
    """p50 and p99 of one question, answered from the cached counts."""
    chance = random.Random(1)
    taken = sorted(time_question(house, ask, chance) for _ in range(house.reads))
    return taken[house.reads // 2], taken[house.reads * 99 // 100]


def format_line(house: House, name: str, ask: Ask, answered: tuple[float, float]) -> tuple[str, ...]:
    """Line of the table: a question answered from the cached counts, and by counting."""
    chance = random.Random(1)
    with patch.object(item_list, "cached_for", lambda *_: None), patch.object(folder_counts, "cached_counts", lambda _: {}):
        counted = statistics.median(time_question(house, ask, chance) for _ in range(COUNTS))
    p50, p99 = answered
    return name, f"{p50:.1f}", f"{p99:.1f}", f"{counted:.0f}", printing.format_ratio(counted, p50)


def time_question(house: House, ask: Ask, chance: random.Random) -> float:
    """Milliseconds until a question is answered."""
    with db.read_transaction(house.engine) as session:
        begun = time.perf_counter()
        ask(session, chance)
        return 1000 * (time.perf_counter() - begun)


if __name__ == "__main__":
    sys.exit(main())
