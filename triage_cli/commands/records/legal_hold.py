"""`mailroom legal-hold`: mail that must be kept, whatever its age."""

from typing import Any

import click

from triage.errors import BadInput
from triage.text.numbers import format_count
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.commands.selection_options import given_id, select_of, selecting
from triage_cli.lazy_group import Listing
from triage_cli.output.tables import Form, Shape, json_text, list_options, say
from triage_cli.output.timestamps import format_instant

HOLDS = Shape(
    {
        "id": "to lift it",
        "about": "what it covers",
        "person": "person that it covers; empty: `select` does",
        "select": "a selection, as the API has it",
        "messages": "messages that it preserves or preserved",
        "since": "when it was placed",
        "by": "who made it",
        "reason": "why",
        "lifted": "when; empty: it is in force",
        "lifted_by": "who lifted it",
        "lifted_reason": "why",
    },
    ("id", "about", "messages", "since", "by", "reason", "lifted"),
)


@click.group("legal-hold", cls=Listing)
def legal_hold() -> None:
    """List, place and lift legal holds."""


@legal_hold.command()
@selecting
@click.option("--of", "whose", metavar="UID", help="All messages of this person: to them, forwarded to them, written by them.")
@click.option("--reason", required=True, help="Reason, for the audit log.")
@act_on_api
def add(desk: Desk, /, whose: str | None, reason: str, **features: Any) -> None:
    """Preserve all messages of a person (--of UID) or of a selection, also later ones unless IDs or --until are given."""
    selected = select_of(**features)
    if whose and selected:
        raise BadInput("--of: a hold covers a person or a selection; make two holds")
    about_whom = {"person": whose} if whose else {"select": selected}
    made = desk.post("/legal-holds", about_whom | {"reason": reason})
    say(f"{made['id']}  {describe_hold(made)}: {format_count(made['deliveries'], 'message')} so far")


@legal_hold.command("list")
@click.option("--lifted", is_flag=True, help="Also those that were lifted.")
@list_options(HOLDS)
@ask_api
def list_holds(desk: Desk, lifted: bool, form: Form) -> None:
    """List legal holds."""
    HOLDS.print(map(row_of, desk.items("/legal-holds", lifted=lifted)), form)


@legal_hold.command()
@click.argument("hold_id", metavar="ID")
@click.option("--reason", required=True, help="Reason, for the audit log.")
@act_on_api
def lift(desk: Desk, hold_id: str, reason: str) -> None:
    """Lift a hold. Messages under no other hold expire and are erased as usual."""
    lifted = desk.post(f"/legal-holds/{given_id(hold_id)}/lift", {"reason": reason})
    say(f"{lifted['id']}  {describe_hold(lifted)}: lifted; it preserved {format_count(lifted['deliveries'], 'message')}")


def describe_hold(hold: dict[str, Any]) -> str:
    """Describes the messages under a legal hold in few words."""
    if hold["person"]:
        return f"messages of {hold['person']}"
    return " ".join(f"{name}={value if isinstance(value, str) else json_text(value)}" for name, value in hold["select"].items())


def row_of(hold: dict[str, Any]) -> dict[str, Any]:
    """A hold as a line of the list."""
    return hold | {
        "about": describe_hold(hold),
        "messages": hold["deliveries"],
        "since": format_instant(hold["made_at"], "minutes"),
        "by": hold["made_by_name"],
        "lifted": format_instant(hold["lifted_at"], "minutes"),
        "lifted_by": hold["lifted_by_name"],
    }
