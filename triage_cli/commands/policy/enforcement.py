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

DRY_RUN = click.option("--dry-run", is_flag=True, help="Only print what it would do.")
REASON = click.option("--reason", default="", help="Reason, for the audit log.")
STEPS = Shape(
    {
        "scope": "empty: everybody else; department:CODE; person:UID",
        "name": "of the department or person",
        "step": "record-only, hold-dangerous, hold-unknown or hold-everything",
        "ends": "when the wider scope or the settings count again; empty: not planned",
        "next": "the step that begins later, and when",
        "by": "who set it; empty: the settings say so",
        "at": "when it was set",
        "reason": "why",
        "assistant": "hold-everything: messages of known senders that are held",
    }
)
BAD = Shape(
    {
        "delivery": "its id",
        "received_at": "when it came",
        "author": "sender",
        "subject": "subject",
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
    """Show or set enforcement: Record only, Hold dangerous, Hold unknown senders; for a person also Hold everything."""
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
        "assistant": sum((one["held_for_assistant"] or {}).values()) or "",
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
    @DRY_RUN
    @REASON
    @act_on_api
    def command(desk: Desk, department: str, person: str, start: str, until: str | None, notify: bool, dry_run: bool, reason: str) -> None:
        set_step(desk, scope_of(department, person), step, start, until, dry_run=dry_run, notify=notify, reason=reason)

    for option in reversed(SCOPES):
        command = option(command)
    enforcement.command(step, help=HELPS[step])(command)


for each in HELPS:
    add_step_command(each)


@enforcement.command("hold-everything")
@click.option("--person", required=True, metavar="UID", help="Whose messages.")
@click.option("--from", "start", metavar="TIME", default="default", help=FROM)
@click.option("--until", metavar="TIME", help="End: then the wider scope or the settings count again.")
@click.option("--note", is_flag=True, help="Name the messages of known senders in the person's daily digest.")
@DRY_RUN
@REASON
@act_on_api
def hold_everything(desk: Desk, person: str, start: str, until: str | None, note: bool, dry_run: bool, reason: str) -> None:
    """Hold everything for one person, known senders' messages too, for their assistant.

    The person gets an email. `mailroom release --person UID --search 'rule:held-for-assistant -risk:suspicious'`
    releases what known senders wrote.
    """
    set_step(desk, scope_of("", person), "hold-everything", start, until, dry_run=dry_run, reason=reason, note=note)


def set_step(desk: Desk, scope: str, step: str | None, start: str, until: str | None, *, dry_run: bool, **more: Any) -> None:
    """Set a step, or with `dry_run` only print what that would do."""
    zone = desk.get("/me")["company"]["time_zone"]
    order = {"scope": scope, "step": step} | more
    order["starts_at"] = start if start in ("now", "default") else moment_of(start, zone, utcnow())
    order["ends_at"] = moment_of(until, zone, utcnow()) if until else None
    change = desk.ask("POST", "/enforcement/preview", order)
    if dry_run:
        print_change(change)
        return
    print_step(desk.ask("PUT", "/enforcement", order | {"expect": change["delivers"]}), scope)
    if change["delivers"]:
        say(f"delivered: {count_messages(change['delivers'])} held for the assistant; `mailroom decisions undo` takes both back")


def print_change(change: dict[str, Any]) -> None:
    """Say what a step would do."""
    say(f"{change['scope'] or 'the company'}: {change['step']}, {change['starts_at'] or 'at once'}")
    if change["step"] == "hold-everything":
        say(f"would have held {count_messages(change['holds'])} more in the last {change['days']} days")
    if change["delivers"] or change["kept"]:
        say(f"delivers {count_messages(change['delivers'])} held for the assistant; {change['kept']} more look suspicious and stay held")
    for uid in change["tells"]:
        say(f"tells {uid} by email")


def count_messages(number: int) -> str:
    """Number of messages in words."""
    return f"{number} message" if number == 1 else f"{number} messages"


@enforcement.command("reset")
@SCOPES[0]
@SCOPES[1]
@DRY_RUN
@REASON
@act_on_api
def reset(desk: Desk, department: str, person: str, dry_run: bool, reason: str) -> None:
    """Reset the step: the wider scope or the settings count again."""
    set_step(desk, scope_of(department, person), None, "now", None, dry_run=dry_run, reason=reason)


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
