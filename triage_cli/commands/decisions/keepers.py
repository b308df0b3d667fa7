"""`mailroom confidential-removals`: removals that ask the keepers of confidential folders; confirming and declining them."""

from typing import Any

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.commands.decisions.decide import REASON
from triage_cli.commands.selection_options import given_id
from triage_cli.lazy_group import Listing
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

REQUESTS = Shape(
    {
        "id": "to confirm or decline it",
        "folder": "department:CODE or person:UID",
        "requested": "when",
        "expires": "when it expires",
        "count": "copies in the folder",
        "said": "who asks, and for what",
        "reason": "of the removal",
    }
)


@click.group("confidential-removals", cls=Listing)
def keepers() -> None:
    """List and confirm removals in confidential folders."""


@keepers.command("list")
@list_options(REQUESTS)
@ask_api
def list_requests(desk: Desk, form: Form) -> None:
    """List requests to you, newest first."""
    REQUESTS.print(map(row_of, desk.get("/confidential-removals")["items"]), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A request as a line."""
    return one | {
        "requested": format_instant(one["asked_at"], "minutes"),
        "expires": format_instant(one["expires_at"], "minutes"),
        "said": one["sentence"],
    }


@keepers.command("confirm")
@click.argument("request_id", metavar="ID")
@REASON
@click.option("--expect", type=int, help="Refuse unless the folder holds exactly this many copies.")
@act_on_api
def confirm(desk: Desk, request_id: str, reason: str, expect: int | None) -> None:
    """Remove the copies in your folder too; `decisions undo` restores them."""
    done = desk.post(f"/confidential-removals/{given_id(request_id)}/confirm", {"reason": reason, "expect": expect})
    say(f"confirmed: decision {done['result_id']}")


@keepers.command("decline")
@click.argument("request_id", metavar="ID")
@REASON
@act_on_api
def decline(desk: Desk, request_id: str, reason: str) -> None:
    """Leave the copies in your folder where they are."""
    desk.post(f"/confidential-removals/{given_id(request_id)}/decline", {"reason": reason})
