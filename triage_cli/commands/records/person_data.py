"""`mailroom person-data`: what is kept about a person, for them to take along, and erased."""

import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

import click

from triage.errors import BadInput
from triage.text.numbers import format_count
from triage.text.sanitize import escape_visible
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.client.exit_codes import DONE
from triage_cli.commands.decisions.decide import say_it_waits
from triage_cli.lazy_group import Listing
from triage_cli.output.tables import Form, Shape, list_options, print_pairs, say
from triage_cli.output.timestamps import format_instant

ERASURES = Shape(
    {
        "id": "of the erasure",
        "requested": "when",
        "by": "who asked",
        "reason": "why",
        "pseudonym": "replaces the address or uid",
        "messages": "messages whose rows were emptied",
        "contents": "message bodies erased",
        "kept": "messages under a legal hold",
        "rules_left": "rules that still name the address",
        "done": "when it was done; empty: in progress",
    },
    ("id", "requested", "by", "reason", "messages", "contents", "kept", "rules_left", "done"),
)


@click.group("person-data", cls=Listing)
def person_data_group() -> None:
    """Export or erase the data of a person (GDPR)."""


@person_data_group.command()
@click.argument("address")
@click.option("--to", "to", required=True, metavar="FILE", help="File of the zip; - is standard output.")
@click.option("--reason", default="", help="Reason, for the audit log.")
@ask_api
def export(desk: Desk, address: str, to: str, reason: str) -> None:
    """Write a zip of all data about a person: JSON lists and the original messages. The audit log records it."""
    order = {"address": address, "reason": reason}
    if to == "-" and sys.stdout.isatty():
        raise BadInput("--to: a terminal cannot show a zip; name a file, or use a pipe")
    if to == "-":
        desk.ask("POST", "/person-data/export", order, take=sys.stdout.buffer.write)
        sys.stdout.buffer.flush()
    else:
        write_new_file(Path(to), desk, order)


def write_new_file(file: Path, desk: Desk, order: dict[str, str]) -> None:
    """A new file that nobody else may read, on stable storage; none when it was refused."""
    try:
        with open(file, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as opened:
            save_export(opened, desk, order)
    except FileExistsError as fault:
        raise BadInput(f"{file} is there already: name another file") from fault
    except OSError as fault:
        raise BadInput(f"{file} cannot be written: {fault.strerror}") from fault
    say(f"{file}: {file.stat().st_size} bytes")


def save_export(opened: BinaryIO, desk: Desk, order: dict[str, str]) -> None:
    """Saves an export and syncs it to disk; removes the file when that fails."""
    try:
        desk.ask("POST", "/person-data/export", order, take=opened.write)
    except BaseException:
        Path(opened.name).unlink()
        raise
    opened.flush()
    os.fsync(opened.fileno())


@person_data_group.command()
@click.argument("address")
@click.option("--reason", default="", help="Reason, for the audit log, where it stays: name nobody in it.")
@click.option("--with-rules", is_flag=True, help="Also remove rules about the address. Without it, block rules keep naming it.")
@click.option("--dry-run", is_flag=True, help="Only print what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@act_on_api
def erase(desk: Desk, address: str, reason: str, with_rules: bool, dry_run: bool, yes: bool) -> int:
    """Erase messages, addresses and learned data of a person. It cannot be undone. Employees must have left."""
    found = desk.post("/person-data/preview", {"address": address})
    stay = f"{found['kept']} are under a legal hold and stay, and {found['under_way']} are still under way"
    said = f"{format_count(found['deliveries'], 'message')}, of which {stay}"
    if dry_run:
        say(said)
        return DONE
    if not yes and sys.stdin.isatty():
        click.confirm(escape_visible(f"{said}. Erase them for good?"), abort=True, err=True)
    made = desk.post("/person-data/erasures", {"address": address, "reason": reason, "with_rules": with_rules})
    if "expires_at" in made:
        return say_it_waits(made)
    print_pairs(row_of(made))
    if not made["done_at"]:
        say("`mailroom upkeep` erases it from now on: `mailroom person-data list` says when it is done")
    return DONE


@person_data_group.command("list")
@list_options(ERASURES)
@ask_api
def list_erasures(desk: Desk, form: Form) -> None:
    """List erasures, newest first. A completed erasure no longer names the person."""
    ERASURES.print(map(row_of, desk.items("/person-data/erasures")), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """An erasure as a line of the list."""
    more = {"requested": format_instant(one["asked_at"], "minutes"), "by": one["asked_by_name"], "messages": one["deliveries"]}
    return {name: (one | more | {"done": format_instant(one["done_at"], "minutes")})[name] for name in ERASURES.fields}
