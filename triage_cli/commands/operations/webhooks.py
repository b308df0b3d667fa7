"""`mailroom webhooks`: the role that tells programs elsewhere what happens, and how its webhooks fare."""

from typing import Any

import click

from triage.config.webhooks import NAME
from triage.errors import BadInput
from triage.notifications.webhooks import payloads
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.output.tables import Form, Shape, json_sentences, list_options, say
from triage_cli.output.timestamps import format_instant
from triage_cli.services.roles import start_role

FARED = Shape(
    {
        "name": "as the settings name it",
        "state": "new, works, failing or gone",
        "waiting": "calls that wait for it",
        "oldest": "time of the oldest waiting call",
        "succeeded": "time of the last successful call",
        "dropped": "calls that were given up",
        "last_reply": "its answer to the last failed call",
    }
)


@click.group("webhooks", invoke_without_command=True)
@click.pass_context
def webhooks(ctx: click.Context) -> None:
    """Run the webhooks, list them, test them."""
    if ctx.invoked_subcommand is None:
        start_role(ctx, "webhooks.sender", "webhooks")


@webhooks.command("list")
@list_options(FARED)
@ask_api
def list_webhooks(desk: Desk, form: Form) -> None:
    """List the webhooks of the settings, their states and waiting calls."""
    FARED.print(map(row_of, desk.items("/webhooks")), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A webhook as a line."""
    ails = one["failures"] or one["state"] == "gone"
    return one | {
        "oldest": format_instant(one["oldest"]),
        "succeeded": format_instant(one["succeeded_at"]) or "never",
        "last_reply": one["last_reply"] if ails else "",
    }


@webhooks.command("test")
@click.argument("name")
@act_on_api
def test(desk: Desk, name: str) -> None:
    """Call a webhook now with a test event, also one that answered 410."""
    tried = desk.post(f"/webhooks/{given_name(name)}/test")
    say(f"{tried['event']} is to be sent by `mailroom webhooks`; `mailroom webhooks list` says whether it was taken")


@webhooks.command("resume")
@click.argument("name")
@act_on_api
def resume(desk: Desk, name: str) -> None:
    """Resume a webhook that answered 410, or that pauses after failures."""
    desk.post(f"/webhooks/{given_name(name)}/resume")
    say("the webhook is called again")


def given_name(text: str) -> str:
    """The name of a webhook, checked."""
    if not NAME.fullmatch(text):
        raise BadInput(f'"{text}" is no name of a webhook: they are of small letters, digits and hyphens')
    return text


@webhooks.command("secret")
@json_sentences
def secret() -> None:
    """Print a new key, for secret_file here and for the receiver."""
    say(payloads.new_key())
