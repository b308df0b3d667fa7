"""`mailroom escalate`: hand messages to a duty, kept as evidence; `mailroom escalations`: what waits for a confirmation."""

from typing import Any

import click

from triage.text.numbers import format_count
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api, names_server
from triage_cli.commands.selection_options import given_id, select_of, selecting
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

ESCALATIONS = Shape(
    {
        "id": "to confirm it; `decisions undo` ends it",
        "at": "when",
        "to": "the duty",
        "phone": "of the duty",
        "messages": "number",
        "deliveries": "those in your scope",
        "by": "who escalated them",
        "reason": "why",
        "hold": "the legal hold that keeps them",
        "confirmed": "when; empty: nobody has",
        "confirmed_by": "who",
        "undone": "when",
    },
    ("id", "at", "to", "phone", "messages", "by", "reason", "confirmed", "confirmed_by"),
)


@click.command("escalate")
@selecting
@click.option("--to", required=True, metavar="security|management|legal|data-protection", help="The duty.")
@click.option("--reason", required=True, help="Reason, for the audit log and the duty.")
@click.option("--expect", type=int, help="Refuse unless exactly this many are selected.")
@act_on_api
def escalate(desk: Desk, /, to: str, reason: str, expect: int | None, **features: Any) -> None:
    """Escalate messages, such as threats or court papers. Their states stay as they are.

    A legal hold keeps the evidence, and the messages stay in view until the duty confirms them.
    """
    made = desk.post("/escalations", {"select": select_of(**features), "to": to, "reason": reason, "expect": expect})
    say(f"{made['id']}  escalated {format_count(made['count'], 'message')} to {made['title']}")
    say(f"Call {made['title']}: {made['phone']}" if made["phone"] else f"The settings have no phone number of {made['title']}.")
    say("A legal hold keeps the evidence." + (f" {made['notified']} got a notice." if made["notified"] else " Nobody got a notice: call."))


@click.group("escalations", invoke_without_command=True)
@names_server
@click.pass_context
def escalations(ctx: click.Context) -> None:
    """List and confirm escalations."""
    if not ctx.invoked_subcommand:
        ctx.invoke(list_escalations, confirmed=False, form=Form.TEXT)


@escalations.command("list")
@click.option("--all", "confirmed", is_flag=True, help="Also those that were confirmed or undone.")
@list_options(ESCALATIONS)
@ask_api
def list_escalations(desk: Desk, confirmed: bool, form: Form) -> None:
    """List escalations, newest first."""
    ESCALATIONS.print(map(row_of, desk.items("/escalations", confirmed=confirmed)), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """An escalation as a line."""
    return one | {
        "at": format_instant(one["at"], "minutes"),
        "to": one["title"],
        "messages": one["count"],
        "by": one["by_name"],
        "confirmed": format_instant(one["confirmed_at"], "minutes"),
        "confirmed_by": one["confirmed_by_name"],
        "undone": format_instant(one["ended_at"], "minutes"),
    }


@escalations.command("confirm")
@click.argument("escalation_id", metavar="ID")
@act_on_api
def confirm(desk: Desk, escalation_id: str) -> None:
    """Confirm an escalation for the duty. The legal hold stays."""
    made = desk.post(f"/escalations/{given_id(escalation_id)}/confirm", {})
    say(f"{made['id']}  confirmed: {made['title']} is in charge")
