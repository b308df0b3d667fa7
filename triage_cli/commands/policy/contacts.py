"""Contacts: `mailroom contacts`."""

from collections.abc import Sequence
from typing import Any

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api, names_server
from triage_cli.commands.selection_options import given_id
from triage_cli.output.tables import Form, Shape, list_options as lists_as, say
from triage_cli.output.timestamps import format_day

MOST_AT_ONCE = 5000
CONTACTS = Shape(
    {
        "id": "to accept or drop it",
        "address": "address of the contact",
        "scope": "scope",
        "sent": "messages to the contact",
        "replies": "proven messages from the contact",
        "last_mail": "day of the last message in either direction",
        "expires": "day on which it expires",
        "how": "how it was learned",
        "provenance": "who wrote, when, in which message",
    }
)
REASONS = Shape({"count": "how often", "how": "source", "reason": "its name", "sentence": "in words"})
LISTS = Shape(
    {
        "address": "address of the contact",
        "posts": "number",
        "person": "last employee who posted",
        "rule": "command that would allow its posts",
    }
)


@click.group("contacts", invoke_without_command=True)
@names_server
@click.pass_context
def contacts_group(ctx: click.Context) -> None:
    """List and accept contacts learned from sent messages."""
    if not ctx.invoked_subcommand:
        ctx.invoke(list_contacts, state="known", q="", person="", limit=100, form=Form.TEXT)


@contacts_group.command("list")
@click.option("--state", type=click.Choice(["known", "pending", "removed"]), default="known", show_default=True)
@click.option("--search", "q", default="", metavar="TEXT", help="Part of the address.")
@click.option("--person", default="", metavar="UID", help="Only contacts of this person.")
@click.option("--limit", default=100, show_default=True, help="Maximum number of rows.")
@lists_as(CONTACTS)
@ask_api
def list_contacts(desk: Desk, state: str, q: str, person: str, limit: int, form: Form) -> None:
    """List contacts. Pending ones wait until you accept or drop them."""
    CONTACTS.print(map(row_of, desk.items("/contacts", limit, state=state, q=q, person=person)), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A contact as a line."""
    return one | {"last_mail": format_day(one["last_message_at"]), "expires": format_day(one["expires_at"])}


@contacts_group.command("accept")
@click.argument("numbers", metavar="ID...", nargs=-1, required=True)
@act_on_api
def accept(desk: Desk, numbers: tuple[str, ...]) -> None:
    """Accept pending or removed contacts."""
    say(f"accepted: {decide_contacts(desk, 'accept', numbers)}")


@contacts_group.command("drop")
@click.argument("numbers", metavar="ID...", nargs=-1, required=True)
@act_on_api
def drop(desk: Desk, numbers: tuple[str, ...]) -> None:
    """Drop contacts, also if somebody writes to them again."""
    say(f"dropped: {decide_contacts(desk, 'remove', numbers)}")


def decide_contacts(desk: Desk, verb: str, numbers: Sequence[str]) -> int:
    """Do it; how many changed."""
    return int(desk.post(f"/contacts/{verb}", {"ids": [given_id(one) for one in numbers]})["count"])


@contacts_group.command("reasons")
@click.option("--days", default=30, show_default=True, help="Number of days up to today.")
@lists_as(REASONS)
@ask_api
def reasons(desk: Desk, days: int, form: Form) -> None:
    """List why no contacts were learned from sent messages, most frequent reason first."""
    REASONS.print(desk.get("/contacts/reasons", days=days)["items"], form)


@contacts_group.command("lists")
@lists_as(LISTS)
@ask_api
def lists(desk: Desk, form: Form) -> None:
    """List mailing lists that employees write to, and the rule that would allow their posts."""
    found = desk.items("/contacts/lists")
    LISTS.print([one | {"rule": rule_for(one["list_id"], one["signer"])} for one in found], form)


def rule_for(list_id: str, signer: str) -> str:
    """The command that makes the rule, where enough is known for one."""
    return f"mailroom allow list:{list_id} --proof dkim:{signer}" if list_id and signer else ""
