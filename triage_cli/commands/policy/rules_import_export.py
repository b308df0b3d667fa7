"""Rules as lines of a file: `mailroom rules import`, `export`."""

from typing import Any

import click

from triage.errors import BadInput
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.commands.confirm_option import CONFIRM, names_of
from triage_cli.commands.policy.rules_file import (
    FaultyPart,
    asked_of,
    look_at,
    make_rules,
    part_lines,
    read_rules_file,
    report_import,
    say_faulty_lines,
)
from triage_cli.commands.policy.rules_file_tests import require_passing_tests
from triage_cli.commands.policy.rules_import_gateway import import_gateway_list
from triage_cli.output.raw_bytes import open_output


@click.command("import")
@click.argument("file", type=click.File(encoding="utf-8"), metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Check every line and print what has to be confirmed.")
@click.option("--from", "source", type=click.Choice(("spamassassin", "exchange", "csv")), help="Read the lists of another gateway.")
@click.option("--apply", "is_applied", is_flag=True, help="With --from: create the rules. Without it, only print what is understood.")
@CONFIRM
@act_on_api
def import_rules(desk: Desk, file: Any, dry_run: bool, source: str | None, is_applied: bool, confirm: tuple[str, ...]) -> int:
    """Create every rule of a file (- is standard input), or none if a line is wrong.

    A line is JSON of `rules export`, or text: allow .supplier.example scope=department:it proof=aligned note="from Ana"

    With --from it reads the lists of SpamAssassin, Exchange (PowerShell's JSON or CSV) or a CSV file with the columns sender and action,
    says what each entry means, and leaves out whatever is unsure. Only --apply makes rules.
    """
    if is_applied and (dry_run or not source):
        raise BadInput("--apply needs --from, and cannot be combined with --dry-run")
    if source:
        return import_gateway_list(desk, source, read_rules_file(file), names_of(confirm), is_applied=is_applied)
    text = read_rules_file(file)
    parts, names = list(part_lines(text)), names_of(confirm)
    try:
        looked = look_at(desk, parts) if dry_run or len(parts) > 1 else []  # several parts: look at all of them first
        require_passing_tests(desk, text, file.name)
        if dry_run:
            return report_import(looked, "would make")
        made = make_rules(desk, parts, asked_of(looked, names) if looked else [names])
    except FaultyPart as fault:
        return say_faulty_lines(fault.refusal, file.name, fault.part)
    return report_import(made, "made")


@click.command("export")
@ask_api
def export_rules(desk: Desk) -> None:
    """Print every rule in force as one JSON object a line, for `rules import`."""
    with open_output() as take:
        desk.download("/rules/export", take)
