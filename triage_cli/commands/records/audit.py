"""`mailroom audit` reads, proves and exports the audit log."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from triage.text.numbers import format_count
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import ask_api, desk_of, names_server, settings_of
from triage_cli.client.exit_codes import DONE, REFUSED
from triage_cli.lazy_group import Lazy
from triage_cli.output.progress import Ticker
from triage_cli.output.raw_bytes import open_output
from triage_cli.output.tables import Form, Shape, json_option, list_options, say
from triage_cli.output.timestamps import format_instant

Command = TypeVar("Command", bound=Callable[..., Any])

ACTS = Shape(
    {
        "id": "of the record",
        "at": "when",
        "by": "actor: person:LOGIN, token:ID, shell:USER, rule:NAME, system:PART; withheld: a viewer that you may not see",
        "act": "what: fetch, viewed, release, purge, allow, sign-in, …",
        "subject": "delivery:ID, message:ID, rule:ID, …",
        "items": "number of items",
        "sequence": "place in the chain; empty until it is chained",
        "detail": 'what else is known of it; {"sealed": true} where you may not see it',
    },
    ("id", "at", "by", "act", "subject", "items", "detail"),
)


VERIFIED = Shape(
    {
        "records": "entries in the hash chain",
        "unchained": "entries not yet in the chain",
        "head": "hash of its newest entry",
        "checkpoints": "signed checkpoints that were compared",
        "fault": "where the chain breaks; empty: nowhere",
        "state": "with --state: number of rows `compared`, `different`, `unproven`, `forgotten`, and the first 100 `differences`",
    }
)


def audit_options(command: Command) -> Command:
    """The options that say which acts."""
    for option in (
        click.option("--limit", default=50, show_default=True, help="Maximum number of rows."),
        click.option("--about", default="", metavar="SUBJECT", help="Only about this, such as rule:ID; ID alone: a message."),
        click.option("--act", default="", metavar="ACT", help="Only this act, such as viewed, fetch or purge."),
        click.option("--by", default="", metavar="ACTOR", help="Only by this actor, such as ana, token:ID or shell:root."),
    ):
        command = option(command)
    return command


@click.group(cls=Lazy, elsewhere={"key": "commands.records.audit_keys"}, invoke_without_command=True)
@audit_options
@list_options(ACTS)
@names_server
@click.pass_context
def audit(ctx: click.Context, by: str, act: str, about: str, limit: int, form: Form) -> None:
    """List, verify and export the audit log."""
    if not ctx.invoked_subcommand:
        ctx.invoke(list_acts, by=by, act=act, about=about, limit=limit, form=form)


@audit.command("list")
@audit_options
@list_options(ACTS)
@ask_api
def list_acts(desk: Desk, by: str, act: str, about: str, limit: int, form: Form) -> None:
    """The same as `audit` alone."""
    ACTS.print([one | {"at": format_instant(one["at"])} for one in desk.items("/audit", limit, by=by, act=act, subject=about)], form)


@audit.command("verify")
@click.option("--checkpoints", type=click.Path(path_type=Path), help="Directory of the signed checkpoints; default: audit.checkpoints.")
@click.option("--public-key", help="The key that signed them; default: audit.public_key, or that of audit.key_file.")
@click.option(
    "--state", is_flag=True, help="Compare rules, tokens, accounts, enforcement steps, decisions and deliveries with the audit log too."
)
@json_option(VERIFIED)
@names_server
@click.pass_context
def verify(ctx: click.Context, checkpoints: Path | None, public_key: str | None, state: bool, form: Form) -> int:
    """Verify the hash chain and the signed checkpoints. Exit code 1 and the place where it breaks, if it does.

    With --server, the server uses the checkpoints of its own machine.
    """
    if checkpoints or public_key:
        from triage_cli.commands.records.audit_keys import verify_records

        found = verify_records(settings_of(ctx), checkpoints, public_key, state=state)
    else:
        with desk_of(ctx) as desk:
            found = desk.get("/audit/verify", state=state or None)
    return print_verification(found, form)


def print_verification(found: dict[str, Any], form: Form) -> int:
    """Prints the result of an audit log verification; returns the exit code."""
    state = found["state"]
    code = REFUSED if found["fault"] or (state and state["different"]) else DONE
    if form is Form.JSON:
        VERIFIED.print_one(found, form)
        return code
    compared = f", compared with {format_count(found['checkpoints'], 'checkpoint')}" if found["checkpoints"] else ""
    chained = format_count(found["records"], "entry", "entries")
    say(f"{chained} chained, {found['unchained']} not yet; head {found['head'] or 'none'}{compared}")
    if found["fault"]:
        say(found["fault"])
    if state:
        print_state(state)
    return code


def print_state(state: dict[str, Any]) -> None:
    """Prints how the database differs from the audit log."""
    say(f"the database: {state['compared']} rows are as the audit log says, {state['different']} differences")
    if state["unproven"]:
        say(f"{state['unproven']} not provable: made before 0.1.0")
    if state["forgotten"]:
        say(f"{state['forgotten']} not provable: forgotten, as retention says")
    for difference in state["differences"]:
        say(difference)
    if (more := state["different"] - len(state["differences"])) > 0:
        say(f"and {more} more")


@audit.command("export")
@click.option(
    "--after",
    type=click.IntRange(min=0),
    default=0,
    metavar="SEQUENCE",
    help="Only entries after this one.",
)
@ask_api
def export(desk: Desk, after: int) -> None:
    """Print every chained entry as one JSON object a line, without details of confidential folders.

    The audit log records the export.
    """
    with Ticker("records") as ticker, open_output() as write:

        def take(piece: bytes) -> None:
            write(piece)
            if not sys.stdout.isatty():
                ticker.add(piece.count(b"\n"))

        desk.download("/audit/export", take, after=after or None)
