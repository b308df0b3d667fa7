"""`mailroom token`: keys for programs that use the API."""

import click

from triage import tokens
from triage.actor import Grant
from triage.ids import show
from triage.times import utcnow
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import pairs, say, table
from triage_cli.selecting import date, number

COLUMNS = ("id", "name", "may", "scope", "made_by", "expires", "used", "client", "state")
EVERY_ONE = 10_000


@click.group("token")
def token() -> None:
    """Keys for programs: each for some kinds of work, some folders and a time."""


@token.command("create")
@click.argument("name")
@click.option("--may", multiple=True, required=True, type=click.Choice([one.value for one in Grant]), help="What it may do; several times.")
@click.option(
    "--scope", multiple=True, default=("company",), show_default=True, help="company, department:CODE or person:UID; several times."
)
@click.option("--until", metavar="DATE", help="ISO 8601, UTC unless it says otherwise. Default: 90 days from now; at most 366.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def create(ctx: click.Context, name: str, may: tuple[str, ...], scope: tuple[str, ...], until: str | None, as_json: bool) -> None:
    """Make a token for what NAME says and print its key, which nobody can read again."""
    order = tokens.TokenOrder(name, may, scope, date(until, "--until"))
    with writing(settings_of(ctx)) as session:
        made, key = tokens.create(session, order, by=shell_user(), now=utcnow())
        shown = {"id": show(made.id), "name": made.name, "expires": made.expires_at.isoformat(timespec="minutes"), "key": key}
    pairs(shown, as_json=as_json)


@token.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_tokens(ctx: click.Context, as_json: bool) -> None:
    """All tokens, the youngest first: what they may do, until when, and when and from where they were used last."""
    now = utcnow()
    with looking(settings_of(ctx)) as session:
        rows = [
            {
                "id": show(one.id),
                "name": one.name,
                "may": " ".join(one.grants),
                "scope": " ".join(one.scope),
                "made_by": one.made_by,
                "expires": one.expires_at.isoformat(timespec="minutes"),
                "used": one.used_at.isoformat(timespec="seconds") if one.used_at else "never",
                "client": one.client,
                "state": "revoked" if one.revoked_at else "good" if tokens.in_force(session, one, now) else "over",
            }
            for one in tokens.listing(session, by=shell_user(), limit=EVERY_ONE)
        ]
    table(rows, COLUMNS, as_json=as_json)


@token.command("revoke")
@click.argument("token_id", metavar="ID")
@click.pass_context
def revoke(ctx: click.Context, token_id: str) -> None:
    """End a token at once."""
    with writing(settings_of(ctx)) as session:
        tokens.revoke(session, number(token_id), by=shell_user(), now=utcnow())
    say("revoked")
