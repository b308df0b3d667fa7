"""`mailroom requests`: what people here ask for, and saying no; `mailroom ask` writes down that somebody asks."""

from typing import Any

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.commands.selection_options import given_id
from triage_cli.lazy_group import Listing
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

REQUESTS = Shape(
    {
        "id": "to decline it",
        "requested": "when",
        "by": "recipient who asks",
        "delivery": "to release it",
        "state": "of the delivery",
        "author": "author",
        "subject": "of the message",
        "comment": "their words",
    }
)


@click.command("ask")
@click.argument("delivery_id", metavar="ID")
@click.option("--comment", "words", default="", help="The employee's words.")
@act_on_api
def ask(desk: Desk, delivery_id: str, words: str) -> None:
    """Record that an employee requests a message."""
    made = desk.post("/requests", {"delivery": given_id(delivery_id), "comment": words})
    say(f"{made['id']} waits for an answer")


@click.group("requests", cls=Listing)
def requests() -> None:
    """List and decline release requests. To grant one, release the message."""


@requests.command("list")
@list_options(REQUESTS)
@ask_api
def list_requests(desk: Desk, form: Form) -> None:
    """List open requests, newest first."""
    REQUESTS.print(map(row_of, desk.items("/requests")), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A request as a line."""
    mail = one["delivery"]
    about = {"delivery": mail["id"], "state": mail["state"], "author": mail["author"], "subject": mail["subject"]}
    return about | {"id": one["id"], "requested": format_instant(one["at"], "minutes"), "by": one["by_name"], "comment": one["comment"]}


@requests.command("decline")
@click.argument("request_id", metavar="ID")
@click.option("--reason", default="", help="Reason; the employee who asked can read it.")
@act_on_api
def decline(desk: Desk, request_id: str, reason: str) -> None:
    """Decline a request. The message stays where it is."""
    desk.post(f"/requests/{given_id(request_id)}/decline", {"reason": reason})
    say("declined")
