"""`mailroom approvals`: what waits for a second person; confirming and declining it."""

from typing import Any

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.commands.confirm_option import CONFIRM, post_confirmed
from triage_cli.commands.decisions.decide import REASON
from triage_cli.commands.selection_options import given_id
from triage_cli.lazy_group import Listing
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

WAITING = Shape(
    {
        "id": "to confirm or decline it",
        "requested": "when",
        "expires": "when it expires",
        "said": "who asks, for what, and why it needs approval",
        "reason": "why",
    }
)


@click.group("approvals", cls=Listing)
def second_keys() -> None:
    """List and confirm approvals by a second person."""


@second_keys.command("list")
@list_options(WAITING)
@ask_api
def list_waiting(desk: Desk, form: Form) -> None:
    """List open requests, newest first."""
    WAITING.print(map(row_of, desk.items("/approvals")), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """Returns a pending approval as a row for printing."""
    return one | {
        "requested": format_instant(one["asked_at"], "minutes"),
        "expires": format_instant(one["expires_at"], "minutes"),
        "said": one["sentence"],
    }


@second_keys.command("confirm")
@click.argument("pending_id", metavar="ID")
@REASON
@CONFIRM
@act_on_api
def confirm_key(desk: Desk, pending_id: str, reason: str, confirm: tuple[str, ...]) -> None:
    """Approve a request: it is carried out now, in the name of both."""
    done = post_confirmed(desk, f"/approvals/{given_id(pending_id)}/confirm", {"reason": reason}, confirm)
    say(f"confirmed: {done['kind']} {done['result_id']}")


@second_keys.command("decline")
@click.argument("pending_id", metavar="ID")
@REASON
@act_on_api
def decline(desk: Desk, pending_id: str, reason: str) -> None:
    """Decline a request, or withdraw your own."""
    desk.post(f"/approvals/{given_id(pending_id)}/decline", {"reason": reason})
