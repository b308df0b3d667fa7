"""`mailroom distribution-lists`: the company's distribution lists and who gets a copy of what they get."""

from typing import Any

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import ask_api
from triage_cli.output.tables import Form, Shape, list_options

GROUPS = Shape(
    {
        "address": "of the list",
        "name": "as the directory has it",
        "department": "its code",
        "members": "their mailboxes; a table shows the number",
        "expand": "false: another server expands it",
        "aliases": "other addresses",
    },
    ("address", "name", "department", "members"),
)


@click.command("distribution-lists")
@click.argument("words", nargs=-1)
@list_options(GROUPS)
@ask_api
def groups(desk: Desk, words: tuple[str, ...], form: Form) -> None:
    """List distribution lists with their members."""
    found = desk.items("/distribution-lists", q=" ".join(words))
    GROUPS.print((count_members(one) for one in found) if form is Form.TEXT else found, form)


def count_members(one: dict[str, Any]) -> dict[str, Any]:
    """A group with the number of its members."""
    return one | {"members": len(one["members"]) if one["expand"] else "known to another server"}
