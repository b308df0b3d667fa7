"""`mailroom people`: who works where, and what the directory said last."""

from typing import Any

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import ask_api
from triage_cli.lazy_group import Listing
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

PEOPLE = Shape(
    {
        "uid": "for --person",
        "name": "full name",
        "department": "its code",
        "mailbox": "where released mail goes",
    }
)
PLACES = Shape(
    {
        "code": "for --department",
        "name": "of the department",
        "people": "how many work there",
        "mailbox": "where the department's own mail goes",
        "roles": "role addresses",
        "responsible": "who answers for it",
    }
)


@click.group("people", cls=Listing)
def people() -> None:
    """List people and departments of the directory. `mailroom sync` reads it again."""


@people.command("list")
@click.argument("words", nargs=-1)
@list_options(PEOPLE)
@ask_api
def list_people(desk: Desk, words: tuple[str, ...], form: Form) -> None:
    """Everybody whose name, department or mailbox has all these WORDS."""
    PEOPLE.print(desk.items("/people", q=" ".join(words)), form)


@people.command("departments")
@list_options(PLACES)
@ask_api
def departments(desk: Desk, form: Form) -> None:
    """The departments; and, in a table, what the directory last changed, and whether it is believed."""
    found = desk.get("/directory")
    PLACES.print((flatten_department(one) for one in found["departments"]), form)
    if form is not Form.TEXT:
        return
    changed = (
        f"last changed {format_instant(found['changed_at'], 'minutes')}" if found["changed_at"] else "never taken over: run `mailroom sync`"
    )
    say(f"{found['people']} people, {found['left']} who have left, {found['distribution_lists']} distribution lists; {changed}")
    if brake := found["brake"]:
        say(f"not believed since {format_instant(brake['since'], 'minutes')}: {brake['words']}")


def flatten_department(one: dict[str, Any]) -> dict[str, Any]:
    """A department as a line."""
    return one | {"roles": " ".join(one["roles"])}
