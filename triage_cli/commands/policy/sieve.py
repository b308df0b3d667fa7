"""`mailroom sieve`: rules as a script for a mail program's or mail server's filters (RFC 5228), and back."""

import json
from typing import Any

import click

from triage.errors import BadInput
from triage.text.numbers import format_count
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.client.exit_codes import USAGE
from triage_cli.commands.confirm_option import CONFIRM, names_of
from triage_cli.commands.policy.rules_file import FaultyPart, asked_of, look_at, make_rules, part_lines, read_rules_file, report_import
from triage_cli.commands.selection_options import read_scope
from triage_cli.output.tables import say, warn
from triage_cli.sieve.parse_script import NoScript
from triage_cli.sieve.read_script import HELD, ReadScript, read_script
from triage_cli.sieve.write_script import write_script

MOST_FAULTS = 100


class DepartmentGroup(click.Group):
    """A group whose first word may be a department instead of a command: it is exported then."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the words of the command line."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["export", *args]
        return super().parse_args(ctx, args)


@click.group("sieve", cls=DepartmentGroup)
def sieve() -> None:
    """Print a department's rules as a Sieve script, or import a script as rules."""


@sieve.command("export")
@click.argument("department")
@ask_api
def export_script(desk: Desk, department: str) -> None:
    """Print the rules in force for DEPARTMENT as a Sieve script. Comments list rules that Sieve cannot express."""
    found = [one for one in desk.get("/departments")["items"] if one["code"] == department]
    if not found:
        raise BadInput(f'there is no department "{department[:80]}" in your scope; `mailroom people departments` lists them')
    parts: list[bytes] = []
    desk.download("/rules/export", parts.append)
    rules = [json.loads(line) for line in b"".join(parts).decode().splitlines()]
    people = [one["uid"] for one in found[0]["people"]]
    click.echo(escape_visible(write_script(rules, department=department, people=people, now=utcnow()), lines=True), nl=False)


@sieve.command("import")
@click.argument("file", type=click.File(encoding="utf-8"), metavar="FILE")
@click.option(
    "--scope",
    required=True,
    metavar="company|FOLDER|person:UID",
    callback=read_scope,
    help="For whom the rules are, unless the script says so, as exported ones do.",
)
@click.option("--held-folder", default=HELD, show_default=True, metavar="NAME", help="Folder of the script whose messages count as held.")
@click.option("--dry-run", is_flag=True, help="Print the rule of each line and what has to be confirmed; make nothing.")
@CONFIRM
@act_on_api
def import_script(desk: Desk, file: Any, scope: str, held_folder: str, dry_run: bool, confirm: tuple[str, ...]) -> int:
    """Create the rules of a Sieve script (- is standard input), or none if a line has no exact rule.

    Supported: if, elsif, else, anyof, allof, not, address, header (X-Mailroom-Verified, List-Id), envelope "to", keep, discard, redirect,
    fileinto and stop. An allow rule always asks for proof, dmarc if the script asks for none.
    """
    people = {one["mailbox"].casefold(): one["uid"] for one in desk.items("/people") if one["mailbox"]}
    try:
        script = read_script(read_rules_file(file), scope=scope, held=held_folder, people=people)
    except NoScript as fault:
        script = ReadScript(faults=[fault])
    if script.faults:
        return refuse_lines(file.name, script.faults)
    if not script.rules:
        raise BadInput(f"{file.name} has no line about a sender; no rule was created")
    for one in script.rules:
        say(f"line {one.line}: {one.words()}")
    parts = list(part_lines("\n".join(one.rule.as_line() for one in script.rules)))
    try:
        looked = look_at(desk, parts)
        if dry_run:
            return report_import(looked, "would make")
        return report_import(make_rules(desk, parts, asked_of(looked, names_of(confirm))), "made")
    except FaultyPart as fault:
        numbers = [(fault.part.before + one["line"] - 1, one["reason"]) for one in fault.refusal.problem["lines"]]
        return refuse_lines(file.name, [NoScript(script.rules[place].line, reason) for place, reason in numbers])


def refuse_lines(name: str, faults: list[NoScript]) -> int:
    """Say which lines are no rules, and why."""
    for fault in faults[:MOST_FAULTS]:
        click.echo(escape_visible(f"{name}:{fault.line}: {fault.reason}"), err=True)
    warn(f"{format_count(len(faults), 'line is', 'lines are')} no rule exactly; no rule was created")
    return USAGE
