"""Gives the disk back what erased mail has left in SQLite's file, slice by slice. PostgreSQL does that itself (autovacuum)."""

import contextlib

from sqlalchemy import Connection, Engine

from triage.store.db import retry_while_busy

PAGES = 1000  # of one slice: 4 MB that are moved while nobody else writes
SPARE = 0.1  # of the file stays free: what comes in next is written there
LEAST = 10_000  # free pages, for which it is not worth moving anything
INCREMENTAL = 2  # PRAGMA auto_vacuum


def give_back(engine: Engine, *, pages: int = PAGES, least: int = LEAST) -> int:
    """Returns a slice of free pages to the disk; the number of pages, 0 when there are none or the file does not allow it."""
    if engine.dialect.name != "sqlite":
        return 0
    with engine.begin() as connection:
        before = read_pragma(connection, "page_count")
        surplus = read_pragma(connection, "freelist_count") - max(least, int(SPARE * before))
        if surplus <= 0 or read_pragma(connection, "auto_vacuum") != INCREMENTAL:
            return 0
        cursor = connection.connection.cursor()
        cursor.execute(f"PRAGMA incremental_vacuum({min(surplus, pages)})")
        cursor.fetchall()  # rows without columns, of which each has given a page back
        return before - read_pragma(connection, "page_count")


def database_size(engine: Engine) -> int:
    """Returns the size of SQLite's file in bytes."""
    with engine.connect() as connection:
        return read_pragma(connection, "page_count") * read_pragma(connection, "page_size")


def read_pragma(connection: Connection, name: str) -> int:
    """A number that SQLite knows."""
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def compact_database(engine: Engine) -> None:
    """Write the file again, so that it has no gaps and can give space back from now on. Nobody else can write meanwhile."""
    with contextlib.closing(engine.raw_connection()) as connection:  # not in a transaction
        cursor = connection.cursor()
        for pragma_of in ("query_only=OFF", "auto_vacuum=INCREMENTAL"):
            cursor.execute(f"PRAGMA {pragma_of}")
        retry_while_busy(lambda: cursor.execute("VACUUM"))
