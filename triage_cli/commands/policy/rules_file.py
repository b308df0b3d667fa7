"""Sends rules as lines of a file, in parts that fit into one request; says what becomes of them."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click

from triage.errors import BadInput
from triage.text.numbers import format_count, pick_was_or_were
from triage.text.sanitize import escape_visible
from triage_cli.client.api_client import Declined, Desk
from triage_cli.client.exit_codes import DONE, USAGE
from triage_cli.commands.confirm_option import post_confirmed, print_second_look
from triage_cli.commands.policy.allow_block import offer_removal
from triage_cli.output.progress import Progress
from triage_cli.output.tables import say

MOST_AT_ONCE = 500_000  # characters; as JSON they take up to twice that, and a request has at most a megabyte


class Part(NamedTuple):
    """Consecutive lines of a rules file."""

    before: int  # lines that come before them
    text: str


class FaultyPart(Exception):
    """Lines of this part are wrong, as the refusal says."""

    def __init__(self, part: Part, refusal: Declined) -> None:
        super().__init__(str(refusal))
        self.part, self.refusal = part, refusal


def look_at(desk: Desk, parts: Sequence[Part]) -> list[Any]:
    """Previews the import of each part of a rules file, with the questions to confirm; imports nothing."""
    with Progress("Looking at rules", len(parts)) as bar:
        return [import_part(desk, bar, part, dry_run=True) for part in parts]


def make_rules(desk: Desk, parts: Sequence[Part], names: Sequence[Sequence[str]]) -> list[Any]:
    """Make the rules of each part. `names`: what was confirmed of it."""
    with Progress("Making rules", len(parts)) as bar:
        return [import_part(desk, bar, part, given) for part, given in zip(parts, names, strict=True)]


def import_part(desk: Desk, bar: Progress, part: Part, given: Sequence[str] = (), *, dry_run: bool = False) -> Any:
    """Imports one part of a rules file and returns the result; FaultyPart where lines of it are wrong."""
    try:
        done = post_confirmed(desk, "/rules/import", {"text": part.text, "dry_run": dry_run}, given)
        done["left_out"] = [one | {"line": part.before + one["line"]} for one in done["left_out"]]
    except Declined as refusal:
        if refusal.problem.get("lines"):
            raise FaultyPart(part, refusal) from refusal
        raise
    bar.step()
    return done


def asked_of(looked: Sequence[Any], given: Sequence[str]) -> list[list[str]]:
    """The names of the second look that each part asks. Declined, and all of it is said, unless exactly those of all parts were given."""
    names = [[one["name"] for one in part["second_look"]] for part in looked]
    problem = problem_of(looked)
    if set(given) != set(problem["names"]) and problem["names"]:
        print_second_look(problem)
        raise Declined(409, {"detail": f"this needs a second look ({', '.join(problem['names'])}): no rule was created"})
    return names


def problem_of(looked: Sequence[Any]) -> dict[str, Any]:
    """Merges the confirmations that all parts ask for, in the form that the API uses for one."""
    found: dict[str, dict[str, Any]] = {}
    for one in (reason for part in looked for reason in part["second_look"]):
        before = found.get(one["name"], one | {"count": 0})
        found[one["name"]] = before | {"count": before["count"] + one["count"]}
    return {"names": list(found), "second_look": list(found.values()), "rules": [rule for part in looked for rule in part["rules"]]}


def report_import(made: Sequence[Any], verb: str) -> int:
    """Say how many rules were made, what has to be confirmed, and what to remove of senders that are now blocked."""
    count, kept = (sum(one[name] for one in made) for name in ("made", "kept"))
    say(f"{verb} {format_count(count, 'rule')}; {kept} {pick_was_or_were(kept)} there already")
    for left in (left for one in made for left in one["left_out"]):
        say(f"line {left['line']}: {left['reason']}")
    if (asked := problem_of(made))["names"]:
        print_second_look(asked)
    for offered in (offer for one in made for offer in one["delivered"]):
        offer_removal(offered)
    return DONE


def read_rules_file(file: Any) -> str:
    """Returns the text of a rules file; BadInput when it is not UTF-8."""
    try:
        text: str = file.read()
    except UnicodeDecodeError as fault:
        raise BadInput(f"{file.name} is not UTF-8: {fault.reason} at byte {fault.start}") from fault
    return text


def part_lines(text: str) -> Iterator[Part]:
    """The lines in parts that fit into one request."""
    lines, size, before, number = [""], 0, 0, 0
    for number, line in enumerate(text.splitlines(), 1):
        if size + len(line) > MOST_AT_ONCE:
            yield Part(before, "\n".join(lines[1:]))
            lines, size, before = [""], 0, number - 1
        lines.append(line)
        size += len(line) + 1
    yield Part(before, "\n".join(lines[1:]))


def say_faulty_lines(refusal: Declined, name: str, part: Part, *, outcome: str = "no rule was created") -> int:
    """Say which lines are wrong."""
    faults = refusal.problem["lines"]
    for fault in faults:
        click.echo(escape_visible(f"{name}:{part.before + fault['line']}: {fault['reason']}"), err=True)
    count = len(faults)
    click.echo(f"mailroom: {format_count(count, 'line is', 'lines are')} wrong; {outcome}", err=True)
    return USAGE
