"""`mailroom legal-hold`: mail that must be kept, whatever its age."""

import json
from typing import Any

import click

from triage import legal_holds
from triage.errors import BadInput
from triage.ids import show
from triage.legal_holds import Hold
from triage.times import utcnow
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import say, table
from triage_cli.selecting import number, selecting, selection_of

COLUMNS = ("id", "about", "mails", "since", "by", "reason", "lifted")
EVERY_ONE = 1_000_000


@click.group("legal-hold")
def legal_hold() -> None:
    """Mail that is neither expired nor erased, and copies of it that are not forgotten, until somebody lifts the hold."""


@legal_hold.command()
@selecting
@click.option("--of", "whose", metavar="UID", help="All mail of this person: to them, sent on to them, written by them.")
@click.option("--reason", required=True, help="Goes on the record.")
@click.pass_context
def add(ctx: click.Context, /, whose: str | None, reason: str, **features: Any) -> None:
    """Hold all mail of a person (--of UID), or a selection; also what comes later. Ids and --until make a hold that does not grow."""
    if whose and any(features.values()):
        raise BadInput("--of: a hold is about a person or about a selection; make two")
    selected = None if whose else selection_of(**features)
    with writing(settings_of(ctx)) as session:
        made = legal_holds.add(session, by=shell_user(), reason=reason, now=utcnow(), person=whose or "", selected=selected)
    say(f"{show(made.id)}  {about(made)}: {made.deliveries} mails are held, and what comes later")


@legal_hold.command("list")
@click.option("--lifted", is_flag=True, help="Also those that were lifted.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_holds(ctx: click.Context, lifted: bool, as_json: bool) -> None:
    """Which mail is held, since when and why."""
    with looking(settings_of(ctx)) as session:
        rows = [row_of(one) for one in legal_holds.listing(session, by=shell_user(), lifted=lifted, limit=EVERY_ONE)]
    table(rows, COLUMNS, as_json=as_json)


@legal_hold.command()
@click.argument("hold_id", metavar="ID")
@click.option("--reason", required=True, help="Goes on the record.")
@click.pass_context
def lift(ctx: click.Context, hold_id: str, reason: str) -> None:
    """Lift a hold: what no other hold keeps expires and is erased as everything else."""
    with writing(settings_of(ctx)) as session:
        lifted = legal_holds.lift(session, number(hold_id), by=shell_user(), reason=reason, now=utcnow())
    say(f"{show(lifted.id)}  {about(lifted)}: lifted; {lifted.deliveries} mails were held")


def about(hold: Hold) -> str:
    """Which mail, in few words."""
    if hold.person:
        return f"mail of {hold.person}"
    return " ".join(f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in hold.selection.items())


def row_of(hold: Hold) -> dict[str, Any]:
    """A hold as a line of the list."""
    return {
        "id": show(hold.id),
        "about": about(hold),
        "person": hold.person,
        "select": hold.selection,
        "mails": hold.deliveries,
        "since": hold.made_at.isoformat(timespec="minutes"),
        "by": hold.made_by_shown,
        "reason": hold.reason,
        "lifted": hold.lifted_at.isoformat(timespec="minutes") if hold.lifted_at else "",
        "lifted_by": hold.lifted_by_shown,
        "lifted_reason": hold.lifted_reason,
    }
