"""Bring a database to this program's version (alembic). A new one begins with the baseline; one of before 0.1 takes the steps of then."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from migrations import concurrent_indexes, interim_versions, word_table
from migrations.version import newest, present
from triage.errors import BadInput
from triage.store import db
from triage.store.transaction_retry import first_line

log = logging.getLogger(__name__)

TURN = 0x6D69  # who upgrades takes turns under this number
PATIENCE = 5.0  # seconds with who holds a table
PAUSE = 5.0  # seconds in which others get to it
BASELINE = "0119"  # the version that the baseline makes at once, and the steps of before 0.1 one after the other
BEFORE, SINCE = "before_0_1", "versions"  # folders of steps


def open_steps(folder: str) -> tuple[Config, ScriptDirectory]:
    """Alembic's view of a folder of steps."""
    place = Path(__file__).parent
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(place))
    config.set_main_option("version_locations", str(place / folder))
    return config, ScriptDirectory.from_config(config)


def list_versions() -> list[str]:
    """All versions that this program can upgrade, from the newest on."""
    return list(dict.fromkeys(script.revision for folder in (SINCE, BEFORE) for script in open_steps(folder)[1].walk_revisions()))


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the database to the newest version, all steps in one transaction; (version before, after). What may take long comes before
    them in slices, and after them while others go on.

    Two nodes may do it at once: the second finds it done. Where the last does not come about all the rest is done, and works.
    """
    before = present(engine)
    if before is not None and not is_known(before):
        raise BadInput(f"the database has version {before}, which this program does not know: it was made by a newer one. Install that")
    if before is not None and before < word_table.SINCE and engine.dialect.name == "postgresql":
        take_turn(engine, word_table.make_table)
        word_table.fill_table(engine)
    take_turn(engine, migrate)
    try:
        concurrent_indexes.build(engine)
    except DBAPIError as fault:
        log.warning("the large indexes are not all there, `mailroom db upgrade` makes them: %s", first_line(fault))
    return before, newest()


def take_turn(engine: Engine, work: Callable[[Connection], object]) -> None:
    """Change tables in one transaction, as often as it takes until nobody holds them for long."""
    while not took_turn(engine, work):
        time.sleep(PAUSE)


def took_turn(engine: Engine, work: Callable[[Connection], object]) -> bool:
    """Change tables, unless somebody reads one of them for long (a dump): others who want it must not wait with us all the time."""
    try:
        with db.transaction(engine) as session:
            db.take_advisory_locks(session, TURN)
            db.set_lock_timeout(session, PATIENCE)
            work(session.connection())
    except DBAPIError as fault:
        if not db.is_lock_timeout(fault):
            raise
        log.warning("somebody else holds a table, such as a backup; trying again until it is free: %s", first_line(fault))
        return False
    return True


def is_known(version: str) -> bool:
    """Whether this program can upgrade a database of this version."""
    return version in list_versions()


def migrate(connection: Connection, to: str = "") -> None:
    """Run the missing steps up to a version on this connection; without one up to the newest."""
    wanted = to or newest()
    version = MigrationContext.configure(connection).get_current_revision()
    if version is not None and version <= BASELINE:
        interim_versions.repair_tables(connection, version, open_steps(BEFORE)[1])
    if min(version or wanted, wanted) < BASELINE:
        run_steps(connection, BEFORE, min(wanted, BASELINE))
    if wanted >= BASELINE:
        run_steps(connection, SINCE, wanted)


def run_steps(connection: Connection, folder: str, to: str) -> None:
    """Run the missing steps of a folder up to a version."""
    config, directory = open_steps(folder)
    with EnvironmentContext(config, directory, fn=lambda revision, _: directory._upgrade_revs(to, revision)) as environment:
        environment.configure(connection=connection, transactional_ddl=False)
        environment.run_migrations()
