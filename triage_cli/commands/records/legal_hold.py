"""`mailroom legal-hold`: mail that must be kept, whatever its age."""

from typing import Any

import click

from triage.errors import BadInput
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.commands.selection_options import given_id, select_of, selecting
from triage_cli.lazy_group import Listing
from triage_cli.output.tables import Form, Shape, json_text, list_options, say
from triage_cli.output.timestamps import format_instant

HOLDS = Shape(
    {
        "id": "to lift it",
        "about": "which mail, in few words",
        "person": "all mail of this one; empty: it is about `select`",
        "select": "a selection, as the API has it",
        "mails": "that it keeps, or has kept",
        "since": "when it was made",
        "by": "who made it",
        "reason": "why",
        "lifted": "when; empty: it is in force",
        "lifted_by": "who lifted it",
        "lifted_reason": "why",
    },
    ("id", "about", "mails", "since", "by", "reason", "lifted"),
)


@click.group("legal-hold", cls=Listing)
def legal_hold() -> None:
    """List, place and lift legal holds."""


@legal_hold.command()
@selecting
@click.option("--of", "whose", metavar="UID", help="All mail of this person: to them, sent on to them, written by them.")
@click.option("--reason", required=True, help="Goes on the record.")
@act_on_api
def add(desk: Desk, /, whose: str | None, reason: str, **features: Any) -> None:
    """Hold all mail of a person (--of UID), or a selection; also what comes later. Ids and --until make a hold that does not grow."""
    selected = select_of(**features)
    if whose and selected:
        raise BadInput("--of: a hold is about a person or about a selection; make two")
    about_whom = {"person": whose} if whose else {"select": selected}
    made = desk.post("/legal-holds", about_whom | {"reason": reason})
    say(f"{made['id']}  {describe_hold(made)}: {made['deliveries']} mails are held, and what comes later")


@legal_hold.command("list")
@click.option("--lifted", is_flag=True, help="Also those that were lifted.")
@list_options(HOLDS)
@ask_api
def list_holds(desk: Desk, lifted: bool, form: Form) -> None:
    """Which mail is held, since when and why."""
    HOLDS.print(map(row_of, desk.items("/legal-holds", lifted=lifted)), form)


@legal_hold.command()
@click.argument("hold_id", metavar="ID")
@click.option("--reason", required=True, help="Goes on the record.")
@act_on_api
def lift(desk: Desk, hold_id: str, reason: str) -> None:
    """Lift a hold: what no other hold keeps expires and is erased as everything else."""
    lifted = desk.post(f"/legal-holds/{given_id(hold_id)}/lift", {"reason": reason})
    say(f"{lifted['id']}  {describe_hold(lifted)}: lifted; {lifted['deliveries']} mails were held")


def describe_hold(hold: dict[str, Any]) -> str:
    """Which mail, in few words."""
    if hold["person"]:
        return f"mail of {hold['person']}"
    return " ".join(f"{name}={value if isinstance(value, str) else json_text(value)}" for name, value in hold["select"].items())


def row_of(hold: dict[str, Any]) -> dict[str, Any]:
    """A hold as a line of the list."""
    return hold | {
        "about": describe_hold(hold),
        "mails": hold["deliveries"],
        "since": format_instant(hold["made_at"], "minutes"),
        "by": hold["made_by_name"],
        "lifted": format_instant(hold["lifted_at"], "minutes"),
        "lifted_by": hold["lifted_by_name"],
    }
