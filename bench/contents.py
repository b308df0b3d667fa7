"""Claim: bodies of mail are best kept in one table of the database, beside files and a partition for each month.

Bodies as they lie there (compressed, 9.5 KB on average), 32 in a transaction: in PostgreSQL, in SQLite, and as durable files, which is
the least that any object store does. Then a tenth of them is erased: in slices as the house does it, and by dropping the
month's partition of a table that has one for each; and a backup with them and without. `--bodies N` for another number.
"""

import argparse
import os
import random
import shutil
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import psycopg

from bench.rounds import printing, processor
from tests.peers import postgresql, processes

BODIES, TOGETHER, SLICE = 20_000, 32, 200
MEAN, SPREAD = 9_500, 1.0  # bytes; of a lognormal distribution
MONTHS = 10
COLUMNS = "id bigint PRIMARY KEY, sha256 text UNIQUE NOT NULL, size integer NOT NULL, zstd {blob}, erased_at bigint"
Body = tuple[int, str, int, bytes]


def main() -> int:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    wanted.add_argument("--bodies", type=int, default=BODIES)
    count, watch = wanted.parse_args().bodies, processor.Watch(())
    try:
        with processes.short_directory("contents") as place, postgresql.start_cluster() as server:
            url = server.create("bodies")
            keep_bodies(place, url, count)
            erase_bodies(url, count)
            backing_up(server, url)
    except processes.Missing as missing:
        return printing.print_missing(missing)
    printing.print_machine(
        f"SQLite {sqlite3.sqlite_version}", postgresql.find_binaries().parent.name.join(("PostgreSQL ", "")), others=[watch.stop()[2]]
    )
    return 0


def make_bodies(count: int, first: int = 0) -> Iterator[list[Body]]:
    """So many, in groups: nothing in them can be compressed further."""
    chance = random.Random(count + first)
    logarithm = chance.lognormvariate
    middle = MEAN / 2.718281828 ** (SPREAD**2 / 2)
    for begin in range(first, first + count, TOGETHER):
        group = range(begin, min(begin + TOGETHER, first + count))
        yield [(number, f"{number:064x}", 2, chance.randbytes(max(300, round(middle * logarithm(0, SPREAD))))) for number in group]


def keep_bodies(place: Path, url: str, count: int) -> None:
    """Keep them in each way, and print."""
    rows = []
    with psycopg.connect(url) as server, sqlite3.connect(place / "bodies.db", isolation_level=None) as file:
        server.execute(f"CREATE TABLE content ({COLUMNS.format(blob='bytea')})")
        server.execute("ALTER TABLE content ALTER COLUMN zstd SET STORAGE EXTERNAL")
        server.commit()
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("PRAGMA synchronous=FULL")
        file.execute(f"CREATE TABLE content ({COLUMNS.format(blob='blob')})")
        ways: dict[str, tuple[Callable[[Sequence[Body]], None], Callable[[], int]]] = {
            "PostgreSQL": (lambda some: into_postgresql(server, some), lambda: size_of(server, "content")),
            "SQLite": (lambda some: into_sqlite(file, some), lambda: (place / "bodies.db").stat().st_size),
            "files": (
                lambda some: into_files(place / "files", some),
                lambda: sum(one.stat().st_blocks * 512 for one in (place / "files").iterdir()),
            ),
        }
        (place / "files").mkdir()
        for name, (keep, size) in ways.items():
            begun, held = time.perf_counter(), 0
            for group in make_bodies(count):
                keep(group)
                held += sum(len(one[3]) for one in group)
            passed = time.perf_counter() - begun
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            lies = size()
            figures = (f"{held / count / 1024:.1f}", f"{lies / count / 1024:.1f}", printing.format_ratio(lies, held))
            rows.append((name, f"{count / passed:,.0f}", *figures))
    printing.print_table((f"{count:,} bodies", "kept/s", "KB each", "on disk", "to it"), rows)


def into_postgresql(server: psycopg.Connection[tuple[object, ...]], some: Sequence[Body]) -> None:
    """Inserts bodies into PostgreSQL in one transaction."""
    with server.cursor() as cursor:
        cursor.executemany("INSERT INTO content VALUES (%s, %s, %s, %s)", some)
    server.commit()


def into_sqlite(file: sqlite3.Connection, some: Sequence[Body]) -> None:
    """Inserts bodies into SQLite in one transaction."""
    file.execute("BEGIN IMMEDIATE")
    file.executemany("INSERT INTO content VALUES (?, ?, ?, ?, NULL)", some)
    file.execute("COMMIT")


def into_files(place: Path, some: Sequence[Body]) -> None:
    """A file each; they are safe when their names are."""
    for number, _, _, body in some:
        with (place / str(number)).open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
    directory = os.open(place, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def size_of(server: psycopg.Connection[tuple[object, ...]], table: str) -> int:
    """A table with its large values and indexes, in bytes."""
    row = server.execute("SELECT pg_total_relation_size(%s)", [table]).fetchone()
    return int(str(row[0])) if row else 0


def erase_bodies(url: str, count: int) -> None:
    """Erase a tenth in each way, and print what each step and the tidying up after it took."""
    with psycopg.connect(url, autocommit=True) as server:
        plain = COLUMNS.format(blob="bytea").replace(" PRIMARY KEY", "").replace(" UNIQUE", "")
        server.execute(f"CREATE TABLE monthly ({plain}) PARTITION BY RANGE (id)")
        for month in range(MONTHS):
            bounds = f"FROM ({month * count // MONTHS}) TO ({(month + 1) * count // MONTHS})"
            server.execute(f"CREATE TABLE month{month} PARTITION OF monthly FOR VALUES {bounds}")
        server.execute("INSERT INTO monthly SELECT * FROM content")
        erase = "UPDATE content SET zstd = NULL WHERE id BETWEEN %s AND %s"
        slices = [(first, first + SLICE - 1) for first in range(0, count // MONTHS, SLICE)]
        taken = [time_act(partial(server.execute, erase, one)) for one in slices]
        before = size_of(server, "content")
        vacuum = time_act(lambda: server.execute("VACUUM content"))
        for group in make_bodies(count // MONTHS, first=count):  # what comes next finds room
            into_postgresql(server, group)
        grown = size_of(server, "content") - before
        dropped = time_act(lambda: server.execute("DROP TABLE month0"))
    rows = [
        (f"slices of {SLICE}, median and longest", f"{statistics.median(taken):.0f}, {max(taken):.0f}"),
        ("all slices", f"{sum(taken):.0f}"),
        ("VACUUM after it", f"{vacuum:.0f}"),
        ("dropping a partition", f"{dropped:.0f}"),
    ]
    printing.print_table((f"erasing {count // MONTHS:,} of them, PostgreSQL", "milliseconds"), rows)
    print(f"as many new ones made the table {grown / 1024 / 1024:.1f} MB larger\n")


def time_act(act: Callable[[], object]) -> float:
    """Return the time that an act takes, in milliseconds."""
    begun = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - begun)


def backing_up(server: postgresql.Server, url: str) -> None:
    """A base backup with the bodies, and one after they are gone."""
    rows = []
    for name in ("with bodies", "without"):
        target = server.directory / "backup"
        where = ("--host", str(server.directory), "--username", server.user, "--pgdata", str(target))
        taken = time_act(partial(postgresql.run_program, "pg_basebackup", *where, "--checkpoint=fast"))
        size = sum(one.stat().st_size for one in target.rglob("*") if one.is_file())
        rows.append((name, f"{taken / 1000:.1f}", f"{size / 1024 / 1024:,.0f}"))
        shutil.rmtree(target)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS content, monthly")
            connection.execute("CHECKPOINT")
    printing.print_table(("a base backup", "seconds", "MB"), rows)


if __name__ == "__main__":
    sys.exit(main())
