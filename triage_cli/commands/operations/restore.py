"""`mailroom restore`: a backup becomes a system that sends nothing until `mailroom resume`."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
import psycopg
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from migrations import concurrent_indexes
from migrations.upgrade import is_known, migrate
from migrations.version import newest
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.runtime import spool_backup
from triage.runtime.backup_manifest import Manifest
from triage.runtime.durable_files import sync_directory
from triage.runtime.spool_backup import give_ownership
from triage.store import database_dump, db, ledger, restore_pause
from triage.store.transaction_retry import first_line
from triage.text.numbers import format_count
from triage.times import utcnow
from triage_cli.client.client_option import refuse_server, settings_of
from triage_cli.client.local_setup import shell_user
from triage_cli.commands.operations.backup import CHECKPOINTS
from triage_cli.output.tables import json_sentences, say, warn

NEXT = (
    "delivery and recall are paused:",
    "  1. start Mailroom as usual: messages are received and judged, staff can work",
    "  2. `mailroom resume` searches the mailboxes for messages delivered since the backup, and starts delivery again",
)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@json_sentences
@click.pass_context
def restore(ctx: click.Context, directory: Path) -> None:
    """Restore a backup into an empty database and an empty spool. Delivery and recall stay paused.

    Every file is compared with its checksum first. Nothing that is there is ever overwritten. Stop Mailroom before. A backup of SQLite
    goes into PostgreSQL too, where database.url names one: that moves a company.
    """
    refuse_server(ctx)
    settings = settings_of(ctx)
    made = Manifest.read(directory)
    made.verify(directory)
    spool_backup.refuse_unless_empty(settings.spool.directory)
    if made.database:
        put_back(settings, directory, made)
    else:
        batches = format_count(spool_of(settings, directory), "batch", "batches")
        say(f"{batches} of accepted messages restored to the spool; this backup holds no database")
        return
    say(f"the backup of {made.machine} of {made.at:%Y-%m-%d %H:%M:%S} UTC is restored")
    for line in NEXT:
        say(line)


def put_back(settings: Settings, directory: Path, made: Manifest) -> None:
    """The database, the spool and the checkpoints; the database last of all, so that half of it is nothing."""
    if not is_known(made.revision):
        raise BadInput(f"the backup's database has version {made.revision}, which this program does not know: install the newer one")
    engine = db.open_engine(settings.database.url)
    try:
        kinds = made.database, database_dump.kind_of(engine)
        if kinds == (database_dump.POSTGRESQL, database_dump.SQLITE):
            raise BadInput("it is a backup of PostgreSQL, and database.url names SQLite: name a database of PostgreSQL")
        if kinds == (database_dump.SQLITE, database_dump.POSTGRESQL) and made.revision != newest():
            raise BadInput("to change to PostgreSQL take the backup with this version of Mailroom: bring SQLite to it first")
        with remove_on_failure(settings, directory):
            if kinds == (database_dump.SQLITE, database_dump.SQLITE):
                put_back_sqlite(settings, directory, made)
            else:
                put_back_postgresql(engine, settings, directory, made)
        make_fast(engine)
    except (DBAPIError, psycopg.Error) as fault:
        raise BadInput(f"the database cannot be filled: {first_line(fault)}") from fault
    except OSError as fault:
        raise BadInput(f"{fault.filename or directory}: {fault.strerror}") from fault
    finally:
        engine.dispose()


def put_back_sqlite(settings: Settings, directory: Path, made: Manifest) -> None:
    """A copy of the file is made whole before it gets its name."""
    file = database_dump.file_of(settings.database.url)
    database_dump.refuse_unless_empty(file)
    temporary = file.with_name(f"{file.name}.restoring")
    for leftover in find_leftovers(temporary):
        leftover.unlink(missing_ok=True)
    place = file if file.exists() else file.parent  # an empty one was made for those who may use it
    try:
        temporary.touch(0o600)
        shutil.copyfile(directory / database_dump.FILE, temporary)
        database_dump.check_sqlite(temporary)
        engine = db.open_engine(f"sqlite:///{temporary}")
        with engine.begin() as connection:
            migrate(connection)
            begin_restore(connection, made, now=utcnow())
        engine.dispose()
        database_dump.close_sqlite(temporary)
        restore_files(settings, directory)
        with temporary.open("rb") as whole:
            os.fsync(whole.fileno())
        temporary.chmod(place.stat().st_mode & 0o660 | 0o600)
        give_ownership(temporary, place.stat())
        temporary.rename(file)
        sync_directory(file.parent)
    finally:
        for leftover in find_leftovers(temporary):
            leftover.unlink(missing_ok=True)


def find_leftovers(temporary: Path) -> tuple[Path, ...]:
    """The file and what SQLite keeps beside it."""
    return (temporary, *database_dump.sqlite_companions(temporary))


def put_back_postgresql(engine: Engine, settings: Settings, directory: Path, made: Manifest) -> None:
    """The tables as they were, filled, and then brought to this version: all in one transaction."""
    from_sqlite = made.database == database_dump.SQLITE
    if from_sqlite:
        database_dump.check_sqlite(directory / database_dump.FILE)
    with engine.begin() as connection:
        if inspect(connection).get_table_names():
            raise BadInput("the database is not empty, and a restore overwrites nothing. Make an empty one and name it (database.url)")
        migrate(connection, made.revision)
        if from_sqlite:
            database_dump.carry_over(directory / database_dump.FILE, connection)
        else:
            database_dump.copy_in(connection, directory)
        migrate(connection)
        begin_restore(connection, made, now=utcnow())
        restore_files(settings, directory)


def make_fast(engine: Engine) -> None:
    """Builds the indexes and statistics that a large PostgreSQL database needs. All is restored by now, and stays so without them."""
    if database_dump.kind_of(engine) != database_dump.POSTGRESQL:
        return
    try:
        concurrent_indexes.build(engine)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    except DBAPIError as fault:
        warn(f"some of its large indexes are missing; `mailroom db upgrade` creates them: {first_line(fault)}")


def begin_restore(connection: Connection, made: Manifest, *, now: datetime) -> None:
    """Pauses delivery and records the restore before anybody can claim a delivery."""
    with Session(connection) as session:
        restore_pause.pause_delivery(session, backup_at=made.at, now=now)
        detail = {"backup": made.at.isoformat(), "machine": made.machine, "mailroom": made.mailroom}
        ledger.write_act(session, "restore", "restore", by=shell_user(), now=now, detail=detail)
        session.flush()


def restore_files(settings: Settings, directory: Path) -> None:
    """The spool, and the checkpoints where there are none."""
    spool_of(settings, directory)
    where = Path(settings.audit.checkpoints) if settings.audit.checkpoints else None
    if where and where.is_dir() and not any(where.iterdir()):
        for path in sorted((directory / CHECKPOINTS).glob("*.jsonl")):
            shutil.copyfile(path, where / path.name)
            give_ownership(where / path.name, where.stat())
        sync_directory(where)


def spool_of(settings: Settings, directory: Path) -> int:
    """The spool; how many batches."""
    if not settings.spool.directory.is_dir():
        raise BadInput(f"the spool directory {settings.spool.directory} is not there; make it, or change spool.directory")
    return spool_backup.copy_in(directory, settings.spool.directory)


@contextlib.contextmanager
def remove_on_failure(settings: Settings, directory: Path) -> Iterator[None]:
    """Removes batches that were copied into the empty spool when the database cannot be restored."""
    try:
        yield
    except BaseException:
        for path in (directory / spool_backup.SPOOL).rglob("*.batch"):
            copied = settings.spool.directory / path.relative_to(directory / spool_backup.SPOOL)
            for one in (copied, copied.with_name(f"{copied.name}.tmp")):
                one.unlink(missing_ok=True)
        raise
