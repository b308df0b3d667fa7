"""Databases of earlier releases lose nothing in an upgrade: not when it is killed at a statement, and not from a version between."""

import hashlib
import itertools
import os
import shutil
import signal
import tarfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, LiteralString, NoReturn

import psycopg
import pytest
import zstandard
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Engine, event, inspect, text
from sqlmodel import Session, SQLModel

from migrations import upgrade, version as versions
from tests import effort
from tests.migrations.test_releases import each
from tests.migrations.test_upgrade import WORD_INDEX
from tests.peers.postgresql import Server
from triage.compliance.audit.verify_chain import verify_chain
from triage.runtime.backup_manifest import Manifest
from triage.store import database_dump, db

RENAMED = {"alarm": "open_alert", "card_anchor": "page_anchor", "mode_switch": "enforcement_step", "told": "sent_alert"}
REMADE = {"marker", "kept_card", "kept_folder", "kept_total", "kept_view"}  # versions add rows of their own; caches are filled again
APART = 80  # statements between two kills of the short form


@dataclass(frozen=True)
class Kept:
    """A database of an earlier release, of which fresh copies are made."""

    version: str
    copy: Callable[[], Engine]


EARLIER = [one for one in each() if one.values[0].parent.name != version("mailroom")]  # its own has nothing to upgrade


@pytest.fixture(params=EARLIER)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    made = Manifest.read(tmp_path / "backup")
    if made.database == database_dump.SQLITE:
        return Kept(made.revision, lambda: copy_file(tmp_path))
    server: Server = request.getfixturevalue("postgresql_server")
    drop_database(server, "kept_release")
    engine = db.open_engine(server.create("kept_release"))
    with engine.begin() as connection:
        upgrade.migrate(connection, made.revision)
        database_dump.copy_in(connection, tmp_path / "backup")
    engine.dispose()
    return Kept(made.revision, lambda: copy_database(server))


def copy_file(place: Path) -> Engine:
    """A fresh copy of the kept file."""
    for leftover in place.glob("copy.db*"):
        leftover.unlink()
    shutil.copyfile(place / "backup" / database_dump.FILE, place / "copy.db")
    return db.open_engine(f"sqlite:///{place}/copy.db")


def copy_database(server: Server) -> Engine:
    """A fresh copy of the kept database."""
    drop_database(server, "kept_copy")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE kept_copy TEMPLATE kept_release")
    return db.open_engine(server.url("kept_copy"))


def drop_database(server: Server, name: LiteralString) -> None:
    """Drops a database of a test before, if there is one."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@dataclass(frozen=True)
class Company:
    """All that must outlive an upgrade, read without the models, which fit the newest version only."""

    counts: dict[str, int]
    bodies: dict[int, tuple[str, int]]
    chain: list[tuple[Any, ...]]
    rules: list[tuple[Any, ...]]
    deliveries: list[tuple[Any, ...]]


def read_company(engine: Engine) -> Company:
    """Row counts by the tables' names of today, bodies, audit log, rules and states."""
    names = inspect(engine).get_table_names()
    with engine.connect() as connection:

        def read(query: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in connection.execute(text(query))]

        counts = {RENAMED.get(name, name): int(read(f'SELECT count(*) FROM "{name}"')[0][0]) for name in names if name not in REMADE}
        return Company(
            counts,
            {number: digest(packed) for number, packed in read("SELECT id, zstd FROM content")},
            read("SELECT sequence, previous, sealed, digest, act, by, at FROM audit_record ORDER BY sequence"),
            read("SELECT id, effect, match, value, scope, proof, author, until, removed_at FROM rule ORDER BY id"),
            read("SELECT id, message_id, state, recipient, department, mailbox, rule_id, decision_id FROM delivery ORDER BY id"),
        )


def digest(packed: bytes) -> tuple[str, int]:
    """SHA-256 and size of a body."""
    raw = zstandard.ZstdDecompressor().decompress(packed)
    return hashlib.sha256(raw).hexdigest(), len(raw)


def assert_has_all(engine: Engine, before: Company) -> None:
    """Checks that the company is there and the same; tables may have been added."""
    after = read_company(engine)
    assert {name: (count, after.counts.get(name)) for name, count in before.counts.items() if after.counts.get(name) != count} == {}
    assert replace(after, counts=before.counts) == before


def assert_is_whole(engine: Engine, before: Company) -> None:
    """All of the company is there in the newest version, and the audit log's hash chain is sound."""
    assert_has_all(engine, before)
    versions.check(engine)
    with Session(engine) as session:
        verified = verify_chain(session)
    assert (verified.fault, verified.records + verified.unchained) == ("", len(before.chain))
    assert_has_the_models(engine)


def assert_has_the_models(engine: Engine) -> None:
    """Tables and models agree."""
    opts = {"include_name": lambda name, *_: not str(name).startswith(WORD_INDEX)}
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=opts), SQLModel.metadata) == []


def test_a_company_is_in_each_of_them(kept: Kept) -> None:
    """Otherwise the comparisons below compare nothing with nothing."""
    engine = kept.copy()
    company = read_company(engine)
    engine.dispose()
    assert min(len(company.bodies), len(company.chain), len(company.rules), len(company.deliveries)) > 1


@pytest.mark.timeout(7200)  # the long form on PostgreSQL beside other work
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("apart", [APART, effort.long(1)])
def test_an_upgrade_that_is_killed_at_a_statement_is_begun_again(kept: Kept, apart: int) -> None:
    """Each time the database has its old version with everything in it, or the newest; in the long form at every statement."""
    engine = kept.copy()
    before = read_company(engine)
    number = 1
    while is_killed(engine, number):
        if versions.present(engine) == kept.version:
            assert_has_all(engine, before)
        else:  # large indexes are left; what is killed next is the upgrade of a fresh copy
            upgrade.upgrade(engine)
            assert_is_whole(engine, before)
            engine.dispose()
            engine = kept.copy()
        number += apart
    assert number > 2 * APART
    assert_is_whole(engine, before)
    engine.dispose()


def is_killed(engine: Engine, number: int) -> bool:
    """Begins an upgrade in a process that is killed before its statement of this number. False when it came to its end."""
    engine.dispose()
    child = os.fork()
    if not child:
        upgrade_until(engine.url, number)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def upgrade_until(url: URL, number: int) -> NoReturn:
    """Upgrades in a child, which ends here."""
    try:
        engine = db.open_engine(url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False))
        left = itertools.count(number - 1, -1)

        def die(*_: object) -> None:
            if not next(left):
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(engine, "before_cursor_execute", die)
        upgrade.upgrade(engine)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


@pytest.mark.parametrize("apart", [40, effort.long(1)])
def test_every_version_since_upgrades_to_the_same_company(kept: Kept, apart: int) -> None:
    """A database of a commit between the releases has the version between: it goes on from there."""
    engine = kept.copy()
    before = read_company(engine)
    between = [one for one in upgrade.list_versions() if one > kept.version]
    for step in between[::apart]:
        with engine.begin() as connection:
            upgrade.migrate(connection, step)
        assert upgrade.upgrade(engine) == (step, versions.newest())
        assert_is_whole(engine, before)
        engine.dispose()
        engine = kept.copy()
    engine.dispose()
    assert len(between) > 40


@pytest.mark.parametrize("apart", [40, effort.long(1)])
def test_every_earlier_version_gets_the_tables_of_today(apart: int, tmp_path: Path) -> None:
    """An empty database of each version: of before the first release nothing is kept but the steps."""
    for step in upgrade.list_versions()[::apart]:
        engine = db.open_engine(f"sqlite:///{tmp_path}/{step}.db")
        with engine.begin() as connection:
            upgrade.migrate(connection, step)
        assert upgrade.upgrade(engine) == (step, versions.newest())
        assert_has_the_models(engine)
        engine.dispose()
