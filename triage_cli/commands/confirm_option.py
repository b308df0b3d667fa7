"""`--confirm`: what a second look asks, printed where nothing was confirmed, and confirmed where exactly its names are given."""

from collections.abc import Sequence
from typing import Any

import click

from triage.policy.rules.rule_subject import word_of
from triage.text.numbers import format_count
from triage_cli.client.api_client import Declined, Desk
from triage_cli.output.tables import say

SECOND_LOOK = "urn:mailroom:second-look"  # the type of the problem
CONFIRM = click.option(
    "--confirm",
    multiple=True,
    metavar="NAME",
    help="Confirm a second look by its name, as the command prints it. Repeat, or separate by commas.",
)


def names_of(given: Sequence[str]) -> list[str]:
    """The names that were given."""
    return [name.strip() for one in given for name in one.split(",") if name.strip()]


def post_confirmed(desk: Desk, path: str, order: dict[str, Any], given: Sequence[str]) -> Any:
    """As `ask_confirmed`, of something that is done."""
    return ask_confirmed(desk, "POST", path, order, given)


def ask_confirmed(desk: Desk, method: str, path: str, order: dict[str, Any], given: Sequence[str]) -> Any:
    """Do it. Where that needs a second look: with the names that were given, if they are the right ones; else say why, and Declined.

    The names go along with the fence of what is there now, so that nothing else is released than what they were asked of.
    """
    confirm = names_of(given)
    try:
        return desk.ask(method, path, order)
    except Declined as refusal:
        problem = refusal.problem
        if problem.get("type") != SECOND_LOOK:
            raise
        if confirm and set(confirm) == set(problem["names"]):
            return desk.ask(method, path, order | {"confirm": confirm, "fence": problem["fence"]})
        print_second_look(problem)
        raise


def print_second_look(problem: Any) -> None:
    """Say why something needs a second look, a reason a line, which rules ask it, and how it is confirmed."""
    for one in problem["second_look"]:
        say(f"{one['name']}  {one['sentence']} ({one['count']} of them, such as {one['example']} from {one['author'] or 'nobody'})")
    for rule in problem.get("rules", ()):
        print_rule(rule)
    say(f"Look at it (`mailroom show {problem['second_look'][0]['example']}`). To go on: --confirm {','.join(problem['names'])}")


def print_rule(rule: Any) -> None:
    """Say which rule would allow what, and why that asks for a second look."""
    count = format_count(rule["count"], "held message")
    say(f"allow {word_of(rule['match'], rule['value'])} for {rule['scope']}: {count}, {', '.join(rule['names'])}")
