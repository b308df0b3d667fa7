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
    """Bring the database to this program's version; an empty one gets its tables."""
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
    """Write SQLite's file anew, without gaps. Once, for a database from before `mailroom upkeep` gave space back by itself.

    Needs as much free disk as the database is large; mail waits in the spool meanwhile, and people have to wait too.
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
    """Is the database there and at this program's version? Exit code 2 and what to do when not."""
    with database_of(settings_of(ctx)):
        say(f"the database has version {newest()}, as it should")
