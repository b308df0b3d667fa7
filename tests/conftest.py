"""Fixtures for all tests: an instant, settings, a fresh database of each kind, and the corpus of real messages."""

import os
import shutil
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.util import LRUCache

from migrations.upgrade import upgrade
from tests import databases, effort
from tests.peers import postgresql as postgresql_peer
from triage.config import settings as house_settings
from triage.runtime import gc_tuning
from triage.store.db import open_engine

pytest_plugins = ["tests.balance", "tests.again"]

DATABASES = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.postgresql)]
STATEMENTS = 2_000  # that are remembered
LEFT_OUT = pytest.StashKey[dict[str, int]]()
CORPUS_CHECKS = "corpus checks left out: set MAILROOM_CORPUS to the directory of the test mail to run them"
LONG_TESTS = "long tests left out: `make test-full` runs them"

# a busy machine is no fault of what is tested: pytest-timeout is the hang guard; and `make fuzz` is for finding what nobody has thought of
hypothesis.settings.register_profile(
    "unhurried",
    max_examples=effort.examples(25),
    deadline=None,
    derandomize=not effort.LONG,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("unhurried")
effort.hash_cheaply()
effort.try_no_constants()


class Compiled:
    """Statements that are compiled, for all engines of a kind: each test has engines of its own, and compiling took a third of its time."""

    def __init__(self) -> None:
        self.kept: LRUCache[Any, Any] = LRUCache(STATEMENTS)

    def get(self, key: tuple[Any, ...]) -> Any:
        """Compiled statement; the first part of the key is the engine's own dialect."""
        return self.kept.get((key[0].name, *key[1:]))

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        self.kept[(key[0].name, *key[1:])] = compiled


COMPILED = Compiled()


@event.listens_for(Engine, "engine_connect")
def hurry(connection: Connection) -> None:
    """Let every engine of this process know what another has compiled; and what it writes need not outlive a power cut."""
    connection.execution_options(compiled_cache=COMPILED)
    if connection.dialect.name == "sqlite":
        connection.connection.cursor().execute("PRAGMA synchronous=OFF")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collects without looking for cycles: each worker imports all tests."""
    with gc_tuning.pause_gc():
        return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out corpus checks without a corpus, what needs not run on both databases, and long tests; counts what is left out."""
    without_corpus = [] if corpus_path() else [item for item in items if item.get_closest_marker("corpus")]
    named = any("::" in one for one in config.args)
    on_one = [] if named else databases.left_out(items)
    long = [] if named or effort.FULL else [item for item in items if item.get_closest_marker("long")]
    config.stash[LEFT_OUT] = {CORPUS_CHECKS: len(without_corpus), LONG_TESTS: len(long)}
    if hasattr(config, "workeroutput"):  # one of pytest-xdist's workers
        config.workeroutput["left_out"] = config.stash[LEFT_OUT]
    if left_out := {*without_corpus, *on_one, *long}:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=list(left_out))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes over from a worker what it left out: all leave out the same, and one that crashed says nothing."""
    if said := getattr(node, "workeroutput", {}).get("left_out"):
        node.config.stash[LEFT_OUT] = said


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was not looked at."""
    for what, count in config.stash.get(LEFT_OUT, {}).items():
        if count:
            terminalreporter.write_line(f"{count} {what}")


def pytest_collection_finish() -> None:
    """Stop the garbage collector from checking collected tests again, which took a tenth of the units' time."""
    gc_tuning.collect_rarely()


def corpus_path() -> Path | None:
    """The directory of real mail, when there is one on this machine."""
    named = os.environ.get("MAILROOM_CORPUS", "")
    return Path(named) if named else None


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The directory of real mail and conformance suites; only for tests marked `corpus`."""
    path = corpus_path()
    assert path is not None, "a test that uses the fixture corpus needs @pytest.mark.corpus"
    assert path.is_dir(), f"MAILROOM_CORPUS names {path}, which is no directory"
    return path


@pytest.fixture
def now() -> datetime:
    """Fixed instant, a Tuesday morning."""
    return datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> house_settings.Settings:
    """Settings of company.example with everything below the test's own directory; the zone file is empty."""
    return settings_in(tmp_path)


def settings_in(directory: Path) -> house_settings.Settings:
    """Settings of company.example with everything below this directory."""
    spool = directory / "spool"
    spool.mkdir()
    (directory / "mailboxes").mkdir()
    (directory / "company.zone").write_text("")
    return house_settings.Settings(
        company=house_settings.Company(domains=("company.example",), hostname="mx.company.example"),
        database=house_settings.Database(url=f"sqlite:///{directory}/mailroom.db"),
        spool=house_settings.Spool(directory=spool),
        relay=house_settings.Relay(next_hop=f"maildir:{directory}/mailboxes"),
        dns=house_settings.Dns(zone_file=str(directory / "company.zone")),
        directory=house_settings.Directory(file=str(directory / "company.toml")),
    )


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database with the schema, made once and copied for each test."""
    path = tmp_path_factory.mktemp("schema") / "mailroom.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()  # the last connection to close folds the WAL in
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """`database.url` of a fresh SQLite database with the schema."""
    path = tmp_path / "mailroom.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql_peer.Server]:
    """PostgreSQL server for the whole run."""
    with postgresql_peer.start_cluster(synchronous_commit="off") as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_schema(postgresql_server: postgresql_peer.Server) -> str:
    """`database.url` of the one database that the tests share, with the schema."""
    url = postgresql_server.create("tests")
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
    return url


@pytest.fixture(scope="session")
def postgresql_replica(postgresql_server: postgresql_peer.Server, postgresql_schema: str) -> Iterator[postgresql_peer.Server]:
    """A server that replicates the one of the whole run, with the database that the tests share."""
    with postgresql_peer.start_replica(postgresql_server) as replica:
        yield replica


@pytest.fixture
def postgresql_url(postgresql_schema: str) -> str:
    """`database.url` of a PostgreSQL database with the schema and no rows."""
    databases.empty(postgresql_schema)
    return postgresql_schema


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """`database.url` of a fresh database with the schema: once SQLite, once PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A fresh database with the schema: once SQLite, once PostgreSQL."""
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """A fresh SQLite database with the schema, for tests to which the kind makes no difference."""
    opened = open_engine(sqlite_url)
    yield opened
    opened.dispose()


@pytest.fixture
def postgresql_engine(postgresql_url: str) -> Iterator[Engine]:
    """A fresh PostgreSQL database with the schema."""
    opened = open_engine(postgresql_url)
    yield opened
    opened.dispose()
