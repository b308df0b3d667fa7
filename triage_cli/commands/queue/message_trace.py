"""Follow one message: `mailroom trace`."""

from typing import Any

import click

from triage.text.numbers import format_count
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import ask_api
from triage_cli.commands.selection_options import given_id
from triage_cli.output.tables import Form, Shape, list_options, say, warn
from triage_cli.output.timestamps import format_instant

STEPS = Shape(
    {
        "at": "when",
        "recipient": "of the delivery; empty: it concerns the whole message",
        "delivery": "id of the delivery",
        "by": "who: person:LOGIN, rule:NAME, system:PART",
        "act": "received, authenticated, receive (the verdict), viewed, release, deliver, …",
        "sentence": "what happened, in words",
        "next_hop": "of an attempt to send it",
        "attempt": "its number",
    },
)


@click.command()
@click.argument("message_id", metavar="ID")
@list_options(STEPS)
@ask_api
def trace(desk: Desk, message_id: str, form: Form) -> None:
    """Print the life of a message, from its receipt to the last reply.

    ID is the message's, as in the 250 reply, the logs and Received:, or a delivery's.
    """
    found = desk.get(f"/messages/{given_id(message_id)}/trace")
    rows = [one | {"at": format_instant(one["at"])} for one in found["steps"]]
    if form is Form.TEXT:
        for one in rows:
            say(line_of(one))
    else:
        STEPS.print(rows, form)
    if found["left_out"]:
        more = format_count(found["left_out"], "more delivery", "more deliveries")
        warn(f"{more} not followed; `mailroom deliveries --search queue-id:{found['id']}` lists them")


def line_of(step: dict[str, Any]) -> str:
    """Line of a step."""
    attempt = f" (attempt {step['attempt']}, {step['next_hop']})" if step["attempt"] else ""
    return f"{step['at']}  {step['recipient'] or 'message'}  {step['sentence']}{attempt}"
