"""`mailroom db`: bring the database to this program's version, or look at it."""

import click
from sqlalchemy.exc import DBAPIError

from migrations import upgrade as steps
from migrations.version import newest
from triage.errors import BadInput
from triage.store import db as database, vacuum
from triage_cli.client.client_option import settings_of
from triage_cli.client.local_setup import database_of
from triage_cli.output.tables import json_sentences, say


@click.group()
def db() -> None:
    """Upgrade or check the database."""


@db.command()
@json_sentences
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Upgrade the database to this program's version. An empty one gets its tables."""
    engine = database.open_engine(settings_of(ctx).database.url)
    try:
        before, after = steps.upgrade(engine)
    except DBAPIError as fault:
        raise BadInput(f"the database cannot be opened: {str(fault.orig).strip().splitlines()[0]}; check database.url") from fault
    finally:
        engine.dispose()
    say(f"the database has version {after}" + (" already" if before == after else f", it had {before or 'none'}"))


@db.command()
@json_sentences
@click.pass_context
def compact(ctx: click.Context) -> None:
    """Compact the SQLite file. Needed once, for a database from before `mailroom upkeep` did it.

    It needs as much free disk as the database is large. Messages wait in the spool meanwhile, and people wait too.
    """
    with database_of(settings_of(ctx)) as engine:
        if engine.dialect.name != "sqlite":
            raise BadInput("PostgreSQL gives space back by itself (autovacuum)")
        before = vacuum.database_size(engine)
        vacuum.compact_database(engine)
        say(f"the database has {vacuum.database_size(engine)} bytes, it had {before}")


@db.command()
@json_sentences
@click.pass_context
def check(ctx: click.Context) -> None:
    """Check that the database exists and has this program's version. Exit code 2 and what to do if not."""
    with database_of(settings_of(ctx)):
        say(f"the database has version {newest()}, as it should")
