"""`mailroom staff` shows who triages and makes password hashes."""

import click
from sqlalchemy import select
from sqlmodel import col

from triage.models import StaffMember
from triage.sign_in import hash_password
from triage_cli.opened import looking, settings_of
from triage_cli.printing import say, table


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
