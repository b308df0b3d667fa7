"""`mailroom brakes` and `mailroom run`: employees' messages to many new recipients that wait, and announced runs."""

from typing import Any

import click

from triage.text.numbers import format_count
from triage.times import utcnow
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api, names_server
from triage_cli.commands.policy.emergency import moment_of
from triage_cli.commands.selection_options import given_id
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

BRAKES = Shape(
    {
        "id": "to decide about it",
        "person": "uid of whose account it is",
        "state": "open (messages wait), reported (they were sent), released or removed",
        "at": "when it was noticed",
        "recipients": "new ones within an hour",
        "waiting": "deliveries that wait",
        "subjects": "of the messages, those to most recipients first",
        "by_name": "who decided",
        "reason": "why",
    },
    ("id", "person", "state", "at", "recipients", "waiting", "subjects"),
)
RUNS = Shape(
    {
        "id": "to end it",
        "person": "uid of who writes",
        "recipients": "new ones, at most",
        "used": "of these, so far",
        "until": "end",
        "by_name": "who announced it",
        "reason": "why",
    }
)
REASON = click.option("--reason", default="", help="Reason, for the audit log.")


@click.group("brakes", invoke_without_command=True)
@names_server
@click.pass_context
def brakes(ctx: click.Context) -> None:
    """List employees' messages that a brake holds, to many new recipients; release or remove them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_brakes, form=Form.TEXT)


@brakes.command("list")
@list_options(BRAKES)
@ask_api
def list_brakes(desk: Desk, form: Form) -> None:
    """List accounts with messages held by a brake, or braked in the last seven days, the newest first."""
    BRAKES.print(map(row_of, desk.get("/outgoing/brakes")["items"]), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A brake as a row."""
    subjects = ", ".join(message["subject"] for message in one["messages"] if message["subject"])
    return one | {"at": format_instant(one["at"], "minutes"), "subjects": subjects}


@brakes.command("release")
@click.argument("brake_id", metavar="ID")
@REASON
@act_on_api
def release_brake(desk: Desk, brake_id: str, reason: str) -> None:
    """Send all held messages of an account. For 24 hours no brake applies to it."""
    print_decided(desk, brake_id, "release", reason)


@brakes.command("remove")
@click.argument("brake_id", metavar="ID")
@REASON
@act_on_api
def remove_brake(desk: Desk, brake_id: str, reason: str) -> None:
    """Remove all held messages of an account. `mailroom brakes restore` undoes it."""
    print_decided(desk, brake_id, "remove", reason)


@brakes.command("restore")
@click.argument("brake_id", metavar="ID")
@REASON
@act_on_api
def restore_brake(desk: Desk, brake_id: str, reason: str) -> None:
    """Undo a removal: the messages are held again."""
    print_decided(desk, brake_id, "restore", reason)


def print_decided(desk: Desk, brake_id: str, verb: str, reason: str) -> None:
    """Decide, and say what is so now."""
    found = desk.post(f"/outgoing/brakes/{given_id(brake_id)}/{verb}", {"reason": reason})
    say(f"{found['id']}  {found['name']}: {found['state']}, {format_count(found['waiting'], 'delivery', 'deliveries')} waiting")


@click.group("run", invoke_without_command=True)
@names_server
@click.pass_context
def run(ctx: click.Context) -> None:
    """Announce that an employee will write to many new recipients; list and end announced runs."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_runs, form=Form.TEXT)


@run.command("list")
@list_options(RUNS)
@ask_api
def list_runs(desk: Desk, form: Form) -> None:
    """List the announced runs in force, the first to end first."""
    RUNS.print([one | {"until": format_instant(one["until"], "minutes")} for one in desk.get("/outgoing/runs")["items"]], form)


@run.command("announce")
@click.argument("employee")
@click.option("--recipients", type=click.IntRange(1), required=True, help="New recipients, at most.")
@click.option(
    "--until", metavar="TIME", default="24h", show_default=True, help="18:30 (where the company is), 4h, or an ISO date and time."
)
@REASON
@act_on_api
def announce_run(desk: Desk, employee: str, recipients: int, until: str, reason: str) -> None:
    """Announce that EMPLOYEE (uid or address) will write to so many new recipients until TIME, without a brake."""
    moment = moment_of(until, desk.get("/me")["company"]["time_zone"], utcnow())
    order = {"employee": employee, "recipients": recipients, "until": moment, "reason": reason}
    made = desk.post("/outgoing/runs", order)
    added = format_count(made["recipients"], "new recipient")
    say(f"{made['id']}  {made['person']}: {added} until {format_instant(made['until'], 'minutes')}")


@run.command("end")
@click.argument("run_id", metavar="ID")
@act_on_api
def end_run(desk: Desk, run_id: str) -> None:
    """End an announced run before its time."""
    desk.ask("DELETE", f"/outgoing/runs/{given_id(run_id)}")
