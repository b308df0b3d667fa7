"""`--confirm`: what a second look asks, printed where nothing was confirmed, and confirmed where exactly its names are given."""

from collections.abc import Sequence
from typing import Any

import click

from triage_cli.desk import Declined, Desk
from triage_cli.printing import say

SECOND_LOOK = "urn:mailroom:second-look"  # the type of the problem
CONFIRM = click.option(
    "--confirm",
    multiple=True,
    metavar="NAME",
    help="What you have looked at: exactly the names that the command says without it. Several: again, or with commas.",
)


def names_of(given: Sequence[str]) -> list[str]:
    """The names that were given."""
    return [name.strip() for one in given for name in one.split(",") if name.strip()]


def post_confirmed(desk: Desk, path: str, order: dict[str, Any], given: Sequence[str]) -> Any:
    """Do it. Where that needs a second look: with the names that were given, if they are the right ones; else say why, and Declined.

    The names go along with the fence of what is there now, so that nothing else is released than what they were asked of.
    """
    confirm = names_of(given)
    try:
        return desk.post(path, order)
    except Declined as refusal:
        problem = refusal.problem
        if problem.get("type") != SECOND_LOOK:
            raise
        if confirm and set(confirm) == set(problem["names"]):
            return desk.post(path, order | {"confirm": confirm, "fence": problem["fence"]})
        tell(problem)
        raise


def tell(problem: Any) -> None:
    """Say why something needs a second look, a reason a line, and how it is confirmed."""
    for one in problem["second_look"]:
        say(f"{one['name']}  {one['sentence']} ({one['count']} of them, such as {one['example']} from {one['author'] or 'nobody'})")
    say(f"Look at it (`mailroom show {problem['second_look'][0]['example']}`). To go on: --confirm {','.join(problem['names'])}")
