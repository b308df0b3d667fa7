"""Rules as lines of a file: `mailroom rules import`, `export`."""

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import click

from triage.errors import BadInput
from triage.visible import visible
from triage_cli.asks import asks
from triage_cli.codes import DONE, USAGE
from triage_cli.desk import Declined, Desk
from triage_cli.printing import say
from triage_cli.progress import Progress
from triage_cli.senders import offer_removal

MOST_AT_ONCE = 500_000  # characters; as JSON they take up to twice that, and a request has at most a megabyte


class Part(NamedTuple):
    """Some lines of a file."""

    before: int  # lines that come before them
    text: str


@click.command("import")
@click.argument("file", type=click.File(encoding="utf-8"), metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Only look whether every line is right.")
@asks
def import_rules(desk: Desk, file: Any, dry_run: bool) -> int:
    """Make every rule of a file (- is standard input), or none when a line is wrong.

    A line is what `rules export` writes, or such as: allow .supplier.example scope=department:it proof=aligned note="from Ana"
    """
    parts = list(parted(readable(file)))
    made = kept = 0
    offered: list[dict[str, Any]] = []
    for dry in (True,) if dry_run else (False,) if len(parts) == 1 else (True, False):  # several parts: look at all of them first
        made = kept = 0
        with Progress("Looking at rules" if dry else "Making rules", len(parts)) as bar:
            for part in parts:
                try:
                    loaded = desk.post("/rules/import", {"text": part.text, "dry_run": dry})
                except Declined as refusal:
                    return faulty(refusal, file.name, part)
                made, kept = made + loaded["made"], kept + loaded["kept"]
                offered += loaded["delivered"]
                bar.step()
    rules = "1 rule" if made == 1 else f"{made} rules"
    say(f"{'would make' if dry_run else 'made'} {rules}; {kept} {'was' if kept == 1 else 'were'} there already")
    for one in offered:
        offer_removal(one)
    return DONE


def readable(file: Any) -> str:
    """What the file says; BadInput when it is not UTF-8."""
    try:
        text: str = file.read()
    except UnicodeDecodeError as fault:
        raise BadInput(f"{file.name} is not UTF-8: {fault.reason} at byte {fault.start}") from fault
    return text


def parted(text: str) -> Iterator[Part]:
    """The lines in parts that fit into one request."""
    lines, size, before, number = [""], 0, 0, 0
    for number, line in enumerate(text.splitlines(), 1):
        if size + len(line) > MOST_AT_ONCE:
            yield Part(before, "\n".join(lines[1:]))
            lines, size, before = [""], 0, number - 1
        lines.append(line)
        size += len(line) + 1
    yield Part(before, "\n".join(lines[1:]))


def faulty(refusal: Declined, name: str, part: Part) -> int:
    """Say which lines are wrong; anything else is a refusal like others."""
    faults = refusal.problem.get("lines")
    if not faults:
        raise refusal
    for fault in faults:
        click.echo(visible(f"{name}:{part.before + fault['line']}: {fault['reason']}"), err=True)
    count = len(faults)
    click.echo(f"mailroom: {count} {'line is' if count == 1 else 'lines are'} wrong; no rule was made", err=True)
    return USAGE


@click.command("export")
@asks
def export_rules(desk: Desk) -> None:
    """Every rule in force as one JSON object a line, which `rules import` reads back."""
    desk.download("/rules/export", sys.stdout.buffer.write)
    sys.stdout.buffer.flush()
