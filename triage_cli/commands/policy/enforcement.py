"""`mailroom enforcement`: what is held, for the company, a department or a person, from when on."""

from typing import Any

import click

from triage.errors import BadInput
from triage.times import utcnow
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api, names_server
from triage_cli.commands import selection_options
from triage_cli.commands.policy.emergency import moment_of
from triage_cli.output.tables import Form, Shape, list_options, say, warn
from triage_cli.output.timestamps import format_instant

REASON = click.option("--reason", default="", help="Reason, for the audit log.")
STEPS = Shape(
    {
        "scope": "empty: everybody else; department:CODE; person:UID",
        "name": "of the department or person",
        "step": "record-only, hold-dangerous or hold-unknown",
        "ends": "when the wider scope or the settings count again; empty: not planned",
        "next": "the step that begins later, and when",
        "by": "who set it; empty: the settings say so",
        "at": "when it was set",
        "reason": "why",
    }
)
BAD = Shape(
    {
        "delivery": "its id",
        "received_at": "when it came",
        "author": "sender",
        "subject": "",
        "removed": "whether somebody removed or rejected it since",
        "reported": "whether somebody reported it since",
    }
)
HELPS = {
    "record-only": "Deliver everything except blocked messages and forgeries, and record what would have been held.",
    "hold-dangerous": "Hold dangerous messages; everything else passes.",
    "hold-unknown": "Hold everything from unknown senders.",
}


@click.group(invoke_without_command=True)
@names_server
@click.pass_context
def enforcement(ctx: click.Context) -> None:
    """Show or set enforcement: Record only, Hold dangerous, Hold unknown senders."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_steps, form=Form.TEXT)


@enforcement.command("list")
@list_options(STEPS)
@ask_api
def list_steps(desk: Desk, form: Form) -> None:
    """List the step of the company, of each department, and of people who have their own."""
    answer = desk.get("/enforcement")
    STEPS.print(map(row_of, answer["items"]), form)
    if form is Form.TEXT:
        for one in answer["warnings"]:
            warn(one)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A scope as a line."""
    planned = one["planned"]
    return one | {
        "ends": format_instant(one["ends_at"], "minutes") if one["ends_at"] else "",
        "next": f"{planned['step']} from {format_instant(planned['starts_at'], 'minutes')}" if planned else "",
        "at": format_instant(one["at"], "minutes"),
    }


FROM = "now, 18:30, or an ISO date and time. Default: a stricter step begins on the next working day at 08:00, any other now."
SCOPES = (
    click.option("--department", default="", metavar="FOLDER", help="For this department only, or one person of it (it+joe.fern)."),
    click.option("--person", default="", metavar="UID", help="For this person only."),
)


def add_step_command(step: str) -> None:
    """The command that sets one of the steps."""

    @click.option("--from", "start", metavar="TIME", default="default", help=FROM)
    @click.option("--until", metavar="TIME", help="End: then the wider scope or the settings count again.")
    @click.option("--notify", is_flag=True, help="Tell the employees concerned by email.")
    @REASON
    @act_on_api
    def command(desk: Desk, department: str, person: str, start: str, until: str | None, notify: bool, reason: str) -> None:
        zone = desk.get("/me")["company"]["time_zone"]
        scope = scope_of(department, person)
        order = {"scope": scope, "step": step, "notify": notify, "reason": reason}
        order["starts_at"] = start if start in ("now", "default") else moment_of(start, zone, utcnow())
        order["ends_at"] = moment_of(until, zone, utcnow()) if until else None
        print_step(desk.ask("PUT", "/enforcement", order), scope)

    for option in reversed(SCOPES):
        command = option(command)
    enforcement.command(step, help=HELPS[step])(command)


for each in HELPS:
    add_step_command(each)


@enforcement.command("reset")
@SCOPES[0]
@SCOPES[1]
@REASON
@act_on_api
def reset(desk: Desk, department: str, person: str, reason: str) -> None:
    """Reset the step: the wider scope or the settings count again."""
    scope = scope_of(department, person)
    print_step(desk.ask("PUT", "/enforcement", {"scope": scope, "step": None, "reason": reason}), scope)


@enforcement.command("undecided")
@click.option("--department", required=True, metavar="CODE", help="Department.")
@click.option("--minutes", required=True, type=click.IntRange(1, 100_000), help="Minutes of office hours without a decision.")
@list_options(BAD)
@ask_api
def forecast_undecided(desk: Desk, department: str, minutes: int, form: Form) -> None:
    """Forecast what delivering undecided messages without warnings would have done in 14 days.

    Lists the messages that would have been delivered and that somebody removed or reported. coverage.deliver_undecided turns it on.
    """
    found = desk.get("/enforcement/undecided", department=department.casefold(), minutes=minutes)
    BAD.print(({**one, "received_at": format_instant(one["received_at"], "minutes")} for one in found["items"]), form)
    if form is Form.TEXT:
        say(
            "{department}, {minutes} minutes: at most {delivered} messages of {days} days would have been delivered; {removed} of them "
            "were removed, {reported} reported".format_map(found)
        )


def scope_of(department: str, person: str) -> str:
    """The scope that the options name."""
    if department and person:
        raise BadInput("--department and --person cannot be combined")
    if person and ":" not in person:
        person = f"person:{person.rpartition(selection_options.FOLDER)[2]}"
    return (person or selection_options.scope_of(department)).casefold()


def print_step(answer: dict[str, Any], scope: str) -> None:
    """Say what counts now and later."""
    one = next((row_of(one) for one in answer["items"] if one["scope"] == scope), None)
    if one is None:
        say(f"{scope}: as its department")
    else:
        later = f", {one['next']}" if one["next"] else ""
        ends = f", until {one['ends']}" if one["ends"] else ""
        say(f"{scope or 'the company'}: {one['step']}{ends}{later}")
    for warning in answer["warnings"]:
        warn(warning)
