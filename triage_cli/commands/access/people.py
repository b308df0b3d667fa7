"""`mailroom people`: who works where, and what the directory said last."""

from typing import Any

import click

from triage.text.numbers import format_count
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
        "mailbox": "where released messages go",
    }
)
PLACES = Shape(
    {
        "code": "for --department",
        "name": "of the department",
        "people": "number of people",
        "mailbox": "where the department's own messages go",
        "roles": "role addresses",
        "responsible": "responsible person",
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
    """List people whose name, department or mailbox contains all WORDS."""
    PEOPLE.print(desk.items("/people", q=" ".join(words)), form)


@people.command("departments")
@list_options(PLACES)
@ask_api
def departments(desk: Desk, form: Form) -> None:
    """List departments; a table also shows the last change of the directory, and whether it was refused."""
    found = desk.get("/directory")
    PLACES.print((flatten_department(one) for one in found["departments"]), form)
    if form is not Form.TEXT:
        return
    changed = f"last changed {format_instant(found['changed_at'], 'minutes')}" if found["changed_at"] else "never read: run `mailroom sync`"
    lists = format_count(found["distribution_lists"], "distribution list")
    say(f"{format_count(found['people'], 'person', 'people')}, {found['left']} who left, {lists}; {changed}")
    if brake := found["brake"]:
        say(f"refused since {format_instant(brake['since'], 'minutes')}: {brake['sentence']}")


def flatten_department(one: dict[str, Any]) -> dict[str, Any]:
    """A department as a line."""
    return one | {"roles": " ".join(one["roles"])}
