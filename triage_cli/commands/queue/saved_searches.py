"""`mailroom searches`: searches that are kept by a name, your own and those shared with you."""

from typing import Any

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.commands.selection_options import folder_of, given_id, read_scope
from triage_cli.lazy_group import Listing
from triage_cli.output.tables import Form, Shape, list_options, say

SEARCHES = Shape(
    {
        "id": "to remove it",
        "name": "its name",
        "search": "for deliveries --search",
        "tab": "held, decided or all",
        "department": "department code",
        "person": "person's uid",
        "shared": "scope it is shared with",
        "by": "owner",
        "held": "held messages that it finds, up to 1,000",
    }
)


@click.group("searches", cls=Listing)
def searches() -> None:
    """List and manage saved searches."""


@searches.command("list")
@list_options(SEARCHES)
@ask_api
def list_searches(desk: Desk, form: Form) -> None:
    """List your own and shared searches, with the number of held messages."""
    SEARCHES.print(map(row_of, desk.get("/searches", counts=True)["items"]), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A search as a line."""
    folder = {"department": one["department"] or "", "person": one["person"] or ""}
    about = {"id": one["id"], "name": one["name"], "search": one["q"], "tab": one["tab"], "held": one["held"]}
    return about | folder | {"shared": one["shared_with"], "by": one["by_name"]}


@searches.command("save")
@click.argument("name", metavar="NAME")
@click.option("--search", default="", metavar="WORDS", help="The search (docs/reference/search.md).")
@click.option("--department", metavar="CODE", help="Only this department, or a folder such as it+joe.fern.")
@click.option("--person", metavar="UID", help="Only this person.")
@click.option(
    "--tab",
    type=click.Choice(("held", "decided", "all")),
    default="held",
    show_default=True,
    help="Held messages, decided ones or all.",
)
@click.option(
    "--share", "shared_with", default="", metavar="SCOPE", callback=read_scope, help="Share it with company, a folder or person:UID."
)
@act_on_api
def save(desk: Desk, name: str, search: str, department: str | None, person: str | None, **about: Any) -> None:
    """Save a search. It replaces your search of the same name."""
    kept = desk.post("/searches", {"name": name, "q": search, **folder_of(department, person), **about})
    say(f"{kept['id']} {kept['name']} saved" + (f", shared with {kept['shared_with']}" if kept["shared_with"] else ""))


@searches.command("remove")
@click.argument("search_id", metavar="ID")
@act_on_api
def remove(desk: Desk, search_id: str) -> None:
    """Delete a saved search."""
    desk.ask("DELETE", f"/searches/{given_id(search_id)}")
    say(f"{search_id} removed")
