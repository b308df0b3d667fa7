"""`mailroom sync` takes the directory over; `mailroom staff` shows who triages and makes password hashes."""

from pathlib import Path

import click
from sqlalchemy import select
from sqlmodel import col

from directory_sync import toml_file
from triage import db, directory
from triage.actor import Actor
from triage.directory import Applied
from triage.models import StaffMember
from triage.settings import Settings
from triage.sign_in import hash_password
from triage.times import utcnow
from triage_cli.opened import database_of, looking, ring, settings_of
from triage_cli.printing import say, table

BY = Actor.system("sync")


def take_over(settings: Settings, *, dry_run: bool = False, many_leave: bool = False) -> Applied:
    """Read the directory file and make the database equal to it; BadInput when it is wrong, and nothing changes."""
    company = toml_file.read(Path(settings.directory.file), settings.company.domains, settings.company.delimiter)
    with database_of(settings) as engine, db.transaction(engine) as session:
        applied = directory.apply(session, company, settings.company, by=BY, now=utcnow(), many_leave=many_leave)
        if dry_run:
            session.rollback()
    return applied


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would change, change nothing.")
@click.option("--many-leave", is_flag=True, help="It is meant that many people leave at once.")
@click.pass_context
def sync(ctx: click.Context, dry_run: bool, many_leave: bool) -> None:
    """Take the directory (people, departments, aliases, staff) over."""
    settings = settings_of(ctx)
    applied = take_over(settings, dry_run=dry_run, many_leave=many_leave)
    would = "would be " if dry_run else ""
    say(f"{applied.people} people; {applied.recipients_added} addresses {would}added, {applied.recipients_removed} {would}removed")
    if not dry_run:
        ring(settings, "door", "change")


@click.group()
def staff() -> None:
    """The people who triage. They are listed in the directory file."""


@staff.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_staff(ctx: click.Context, as_json: bool) -> None:
    """Who triages, with role and scope."""
    with looking(settings_of(ctx)) as session:
        members = session.scalars(select(StaffMember).order_by(col(StaffMember.login)))
        rows = [{"login": one.login, "name": one.name, "role": one.role, "scope": " ".join(one.scope)} for one in members]
    table(rows, ("login", "name", "role", "scope"), as_json=as_json)


@staff.command("password")
@click.password_option(help="Asked for when it is not given.")
def password_hash(password: str) -> None:
    """Print the hash of a password, for password_hash in the directory file."""
    say(hash_password(password))
