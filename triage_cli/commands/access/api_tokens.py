"""`mailroom token`: keys for programs that use the API."""

from typing import Any

import click

from triage.actor import Grant
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.commands.selection_options import given_id, parse_date, read_scope
from triage_cli.lazy_group import Listing
from triage_cli.output.tables import Form, Shape, json_option, list_options, say
from triage_cli.output.timestamps import format_instant

TOKENS = Shape(
    {
        "id": "of the token",
        "name": "purpose",
        "may": "read, decide, rules, learn, admin",
        "scope": "company, department:CODE, person:UID",
        "made_by": "who made it",
        "expires": "when it expires",
        "used": "last use, or `never`",
        "client": "network address of the last use",
        "state": "good, over or revoked",
    }
)
MADE = Shape({"id": "of the token", "name": "purpose", "expires": "when it expires", "key": "shown this once"})


@click.group("token", cls=Listing)
def token() -> None:
    """List, create and revoke API tokens."""


@token.command("create")
@click.argument("name")
@click.option(
    "--may", multiple=True, required=True, type=click.Choice([one.value for one in Grant]), help="What it may do; repeat for several."
)
@click.option(
    "--scope",
    callback=read_scope,
    multiple=True,
    default=("company",),
    show_default=True,
    help="company, a folder or person:UID; repeat for several.",
)
@click.option("--until", metavar="DATE", help="End (ISO 8601, UTC by default). Default: in 90 days; at most 366.")
@json_option(MADE)
@ask_api
def create(desk: Desk, name: str, may: tuple[str, ...], scope: tuple[str, ...], until: str | None, form: Form) -> None:
    """Create a token and print its key, which is shown only once."""
    made = desk.post("/tokens", {"name": name, "grants": may, "scope": scope, "until": parse_date(until, "--until")})
    MADE.print_one(made | {"expires": format_instant(made["expires_at"], "minutes")}, form)


@token.command("list")
@list_options(TOKENS)
@ask_api
def list_tokens(desk: Desk, form: Form) -> None:
    """List tokens, newest first, with rights, end and last use."""
    TOKENS.print(map(row_of, desk.items("/tokens")), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A token as a line."""
    return one | {
        "may": " ".join(one["grants"]),
        "scope": " ".join(one["scope"]),
        "expires": format_instant(one["expires_at"], "minutes"),
        "used": format_instant(one["used_at"]) or "never",
        "state": "revoked" if one["revoked_at"] else "good" if one["in_force"] else "over",
    }


@token.command("revoke")
@click.argument("token_id", metavar="ID")
@act_on_api
def revoke(desk: Desk, token_id: str) -> None:
    """End a token at once."""
    desk.ask("DELETE", f"/tokens/{given_id(token_id)}")
    say("revoked")
