"""A database of every commit upgrades: also of commits whose steps had another number, order or content than those that are kept."""

import ast
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import JSON, Boolean, Connection, Engine, Integer, LargeBinary, MetaData, inspect, text

from migrations import interim_versions, upgrade, version as versions
from tests.migrations import schema
from tests.migrations.test_kept_databases import REMADE, RENAMED
from tests.peers.postgresql import Server
from triage.store import db

TREE = Path(__file__).parents[2]
KINDS = ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.long])]
TODAY = RENAMED | {"handed": "assignment", "in_hand": "presence"}
PLACES = ("migrations/versions", "migrations/before_0_1")


@dataclass(frozen=True)
class Step:
    """A step as it was at a commit."""

    version: str
    before: str | None
    source: str

    def act(self) -> str:
        """Code of it without docstrings and numbers, which commits changed without changing the tables."""
        tree = ast.parse(self.source)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.FunctionDef)) and ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
        tree.body = [one for one in tree.body if not (isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) in NUMBERS)]
        return ast.unparse(tree)


NUMBERS = ("revision", "down_revision")
STAMPED = "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"  # as alembic makes it


def git(*words: str) -> str:
    """Output of git about this tree."""
    return subprocess.run(["git", *words], cwd=TREE, capture_output=True, text=True, check=True).stdout


@cache
def read_step(blob: str) -> Step:
    """A step by the name that git has for its content."""
    source = git("cat-file", "blob", blob)
    named = {ast.unparse(one.targets[0]): one.value for one in ast.parse(source).body if isinstance(one, ast.Assign)}
    version, before = (ast.literal_eval(named[name]) for name in NUMBERS)
    return Step(version, before, source)


def line_up(commit: str) -> tuple[Step, ...]:
    """Steps from the first to the last at a commit; none where they did not make one line, so that nobody could upgrade with them."""
    listed = [line.split()[2:] for line in git("ls-tree", "-r", commit, "--", PLACES[0]).splitlines()]
    steps = [read_step(blob) for blob, path in listed if not path.endswith("__init__.py")]
    after = {step.before: step for step in steps}
    line: list[Step] = []
    while found := after.get(line[-1].version if line else None):
        line.append(found)
    return tuple(line) if len(line) == len(steps) else ()


@cache
def differing_lines() -> tuple[tuple[Step, ...], ...]:
    """Each line of steps of some commit that is not the beginning of the kept ones."""
    kept = [step for step in line_up_kept() if step]
    found: dict[tuple[str, ...], tuple[Step, ...]] = {}
    for commit in git("log", "--reverse", "--full-history", "--format=%H", "--", PLACES[0]).split():
        line = line_up(commit)
        acts = tuple(step.act() for step in line)
        if line and line[0].version != upgrade.BASELINE and acts != tuple(step.act() for step in kept[: len(line)]):
            found[acts] = line
    return tuple(found.values())


def line_up_kept() -> Iterator[Step]:
    """The kept steps, in order."""
    for path in sorted((TREE / PLACES[1]).glob("[0-9]*.py")):
        yield Step(path.name[:4], None, path.read_text("utf-8"))


def make_database(engine: Engine, line: tuple[Step, ...]) -> None:
    """As the program of that commit made it, with a row in each table."""
    with engine.begin() as connection:
        for step in line:
            named: dict[str, Any] = {}
            exec(compile(step.source, step.version, "exec"), named)
            with Operations.context(MigrationContext.configure(connection)):
                named["upgrade"]()
        connection.execute(
            text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY)")
        )
        connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": line[-1].version})
        fill(connection)


def fill(connection: Connection) -> None:
    """A row in each table, whose numbers are 1, so that each refers to another that is there."""
    made = MetaData()
    made.reflect(connection, only=lambda name, _: not name.startswith(("alembic", "delivery_words", "message_word_index")))
    for table in made.sorted_tables:
        if table.name != "marker":
            needed = (column for column in table.columns if not column.nullable and column.server_default is None)
            connection.execute(table.insert().values({column.name: value_of(column.type) for column in needed}))


def value_of(kind: Any) -> Any:
    """A value of the column's type."""
    values = {JSON: {}, Boolean: False, Integer: 1, LargeBinary: b"1"}
    return next((value for one, value in values.items() if isinstance(kind, one)), "1")


def count_rows(engine: Engine) -> dict[str, int]:
    """Rows by the tables' names of today."""
    passing = {*REMADE, *interim_versions.UNUSED, "mode_switch", "enforcement_step", "touched"}
    names = [name for name in inspect(engine).get_table_names() if name not in passing and "_word" not in name]
    with engine.connect() as connection:
        return {TODAY.get(name, name): connection.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0 for name in names}


@pytest.fixture(params=KINDS)
def create(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Engine]:
    """Opens an empty database of this name."""
    if request.param == "sqlite":
        return lambda name: db.open_engine(f"sqlite:///{tmp_path}/{name}.db")
    server: Server = request.getfixturevalue("postgresql_server")
    return lambda name: db.open_engine(server.create(f"interim_{name}"))


@pytest.mark.long
@pytest.mark.timeout(1800)  # beside other work
def test_a_database_of_each_commit_gets_the_tables_of_a_new_one(create: Callable[[str], Engine]) -> None:
    """No row goes, and an upgrade afterwards has nothing to do."""
    lines = differing_lines()
    if not lines:
        pytest.skip("this clone has no earlier commits")
    tables = describe_new(create)
    for number, line in enumerate(lines):
        engine = create(f"of_{number}")
        make_database(engine, line)
        before = count_rows(engine)
        assert upgrade.upgrade(engine) == (line[-1].version, versions.newest())
        assert schema.ignore_order(schema.describe(engine)) == tables
        assert {name: count for name, count in count_rows(engine).items() if name in before} == before
        engine.dispose()
    assert len(lines) > 15


def describe_new(create: Callable[[str], Engine]) -> list[Any]:
    """All that a new database is made of."""
    new = create("new")
    upgrade.upgrade(new)
    described = schema.ignore_order(schema.describe(new))
    new.dispose()
    return described


@pytest.mark.parametrize(
    ("version", "statements"),
    [
        ("0067", ("DROP TABLE viewing", "ALTER TABLE decision DROP COLUMN agreed", "DROP INDEX delivery_by_person")),
        ("0070", ("CREATE TABLE passkey (login TEXT)", "ALTER TABLE staff_member DROP COLUMN unlinked_from")),
        (upgrade.BASELINE, ("DROP TABLE viewing", "ALTER TABLE staff_member DROP COLUMN is_locked")),
    ],
)
def test_it_gets_what_it_lacks(create: Callable[[str], Engine], version: str, statements: tuple[str, ...]) -> None:
    """As after such commits, and after later ones that did not miss it."""
    engine = create(f"of_{version}")
    with engine.begin() as connection:
        upgrade.migrate(connection, version)
        for statement in statements:
            connection.execute(text(statement))
    upgrade.upgrade(engine)
    assert schema.ignore_order(schema.describe(engine)) == describe_new(create)
    engine.dispose()
