"""The baseline makes the same database as the steps of before 0.1, which it takes the place of."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, inspect, text

from migrations import concurrent_indexes, upgrade
from tests.migrations import schema
from tests.peers.postgresql import Server
from triage.store import db

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
FOLDERS = (upgrade.BEFORE, upgrade.SINCE)


@pytest.fixture(params=KINDS)
def create(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Engine]:
    """Opens an empty database of this name."""
    if request.param == "sqlite":
        return lambda name: db.open_engine(f"sqlite:///{tmp_path}/{name}.db")
    server: Server = request.getfixturevalue("postgresql_server")
    return lambda name: db.open_engine(server.create(f"baseline_{name}"))


def test_it_makes_what_the_steps_of_before_make(create: Callable[[str], Engine]) -> None:
    """Down to the order of columns, names of constraints, and rows."""
    by_steps, at_once = [make_with_steps(create(folder), folder) for folder in FOLDERS]
    assert len(by_steps) > 200
    assert [one for one in at_once if one not in by_steps] == []
    assert [one for one in by_steps if one not in at_once] == []


def test_indexes_are_made_in_the_same_order(tmp_path: Path) -> None:
    """SQLite's planner takes one of two that cost the same by their order."""
    by_steps, at_once = (indexes_in_order(db.open_engine(f"sqlite:///{tmp_path}/{folder}.db"), folder) for folder in FOLDERS)
    assert len(by_steps) > 40
    assert at_once == by_steps


def indexes_in_order(engine: Engine, folder: str) -> dict[str, list[str]]:
    """Names of each table's indexes in the order in which they were made."""
    make_with_steps(engine, folder)
    found = defaultdict(list)
    with engine.connect() as connection:
        for table, name in connection.execute(text("SELECT tbl_name, name FROM sqlite_schema WHERE type = 'index' ORDER BY rowid")):
            found[table].append(name)
    engine.dispose()
    return found


def make_with_steps(engine: Engine, folder: str) -> list[Any]:
    """All that is in a database that the steps of this folder have made."""
    with engine.begin() as connection:
        upgrade.run_steps(connection, folder, upgrade.BASELINE)
    concurrent_indexes.build(engine)
    made = schema.describe(engine) + list_rows(engine)
    engine.dispose()
    return made


def list_rows(engine: Engine) -> list[Any]:
    """Rows of all tables, and what SQLite's indexes of words keep for themselves."""
    if engine.dialect.name == "postgresql":
        return schema.dump(engine, "--data-only", "--inserts")
    with engine.connect() as connection:
        names = connection.scalars(text("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'")).all()
        return [(name, *row) for name in names for row in connection.execute(text(f'SELECT * FROM "{name}"'))]


def test_only_older_databases_take_the_steps_of_before(tmp_path: Path) -> None:
    """A new one begins with the baseline; one that has its version already changes nothing."""
    engine = db.open_engine(f"sqlite:///{tmp_path}/new.db")
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda _connection, _cursor, statement, *_: said.append(statement))
    with engine.begin() as connection:
        upgrade.migrate(connection, upgrade.BASELINE)
    upgrade.upgrade(engine)
    since = [version for version in upgrade.list_versions() if version > upgrade.BASELINE]
    assert sum(statement.startswith("UPDATE alembic_version") for statement in said) == len(since)
    engine.dispose()
    old = db.open_engine(f"sqlite:///{tmp_path}/old.db")
    with old.begin() as connection:
        upgrade.migrate(connection, "0118")
        assert not inspect(connection).has_table("push_subscription")
        upgrade.migrate(connection)
        assert inspect(connection).has_table("push_subscription")
    old.dispose()
