"""`mailroom staff`: who triages, who is away, who stands in for whom."""

from typing import Any

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.commands.access.staff_substitutes import arrange, end_substitute, list_substitutes
from triage_cli.commands.selection_options import parse_date
from triage_cli.lazy_group import Listing
from triage_cli.output.tables import Form, Shape, list_options
from triage_cli.output.timestamps import format_instant

STAFF = Shape(
    {
        "login": "name to sign in with",
        "name": "full name",
        "role": "triage, admin or auditor",
        "scope": "company, department:CODE, person:UID",
        "rights": "what they may do beside the role: remove-delivered, data-protection, hunt, outgoing",
        "source": "directory, local: made here, or provider: by an identity provider",
        "away": "until when; empty: on duty",
        "sessions": "number of sessions",
    }
)
LOCAL = {
    "add": "commands.access.staff_accounts",
    "rights": "commands.access.staff_accounts",
    "remove": "commands.access.staff_accounts",
    "password": "commands.access.staff_accounts",
    "sign-out": "commands.access.staff_accounts",
    "break-glass": "commands.access.staff_accounts",
    "reset-second-factor": "commands.access.staff_accounts",
    "link": "commands.access.staff_identities",
    "unlink": "commands.access.staff_identities",
    "lock": "commands.access.staff_identities",
    "unlock": "commands.access.staff_identities",
}


@click.group(cls=Listing, elsewhere=LOCAL)
def staff() -> None:
    """List and manage staff accounts."""


for command in (arrange, list_substitutes, end_substitute):
    staff.add_command(command)


@staff.command("list")
@list_options(STAFF)
@ask_api
def list_staff(desk: Desk, form: Form) -> None:
    """List staff with role, scope, source of the account and number of sessions."""
    STAFF.print(map(row_of, desk.items("/staff")), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """Row of the list."""
    return one | {"scope": " ".join(one["scope"]), "rights": " ".join(one["rights"]), "away": format_instant(one["away_until"], "minutes")}


@staff.command("away")
@click.argument("login")
@click.option("--until", metavar="DATE", help="End of the absence (ISO 8601, UTC by default). Without it, the absence ends now.")
@act_on_api
def away(desk: Desk, login: str, until: str | None) -> None:
    """Set or end an absence. `mailroom doctor` names folders that nobody covers."""
    desk.ask("PUT", "/away", {"login": login, "until": parse_date(until, "--until")})
