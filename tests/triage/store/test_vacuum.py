"""SQLite's file becomes shorter again, a slice at a time, and keeps some room for what comes next."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from triage.store import db, vacuum


def fill_and_erase(engine: Engine, megabytes: int) -> None:
    """Write so much, and erase it again."""
    with db.transaction(engine) as session:
        session.execute(text("CREATE TABLE filling (bytes BLOB)"))
        for _ in range(megabytes):
            session.execute(text("INSERT INTO filling VALUES (zeroblob(1000000))"))
    with db.transaction(engine) as session:
        session.execute(text("DELETE FROM filling"))


def test_what_was_erased_is_given_back_in_slices(sqlite_engine: Engine) -> None:
    before = vacuum.database_size(sqlite_engine)
    fill_and_erase(sqlite_engine, 4)
    assert vacuum.give_back(sqlite_engine) == 0, "so little is not worth it"
    slices = []
    while pages := vacuum.give_back(sqlite_engine, pages=100, least=10):
        slices.append(pages)
    assert len(slices) > 5
    assert before < vacuum.database_size(sqlite_engine) < before + 600_000


def test_a_file_from_before_has_to_be_written_anew_once(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    engine = db.open_engine(f"sqlite:///{path}")
    with contextlib.closing(sqlite3.connect(path)) as made:  # by a version that knew nothing of it
        made.execute("CREATE TABLE first (number INTEGER)")
    fill_and_erase(engine, 2)
    assert vacuum.give_back(engine, least=0) == 0
    vacuum.compact_database(engine)
    assert vacuum.database_size(engine) < 100_000
    with db.transaction(engine) as session:
        session.execute(text("INSERT INTO filling VALUES (zeroblob(2000000))"))
        session.execute(text("DELETE FROM filling"))
    assert vacuum.give_back(engine, least=0) > 0
    engine.dispose()


@pytest.mark.postgresql
def test_postgresql_needs_no_help(postgresql_engine: Engine) -> None:
    assert vacuum.give_back(postgresql_engine, least=0) == 0
