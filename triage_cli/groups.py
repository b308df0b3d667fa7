"""`mailroom groups`: the company's distribution lists and who gets a copy of what they get."""

import click

from triage import addressees
from triage_cli.opened import looking, settings_of
from triage_cli.printing import table

COLUMNS = ("address", "name", "department", "members")
PAGE = 200


@click.command("groups")
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="With every member's mailbox.")
@click.pass_context
def groups(ctx: click.Context, words: tuple[str, ...], as_json: bool) -> None:
    """List the groups whose name or address has all these WORDS, with their members as the directory has them now."""
    settings = settings_of(ctx)
    found: list[addressees.ListedGroup] = []
    with looking(settings) as session:
        while page := addressees.groups(session, settings.company, " ".join(words), limit=PAGE, after=found[-1].address if found else ""):
            found.extend(page)
    rows = [
        {
            "address": one.address,
            "name": one.name,
            "department": one.department,
            "members": list(one.members) if as_json else str(len(one.members)) if one.expand else "known to another server",
            "expand": one.expand,
            "aliases": list(one.aliases),
        }
        for one in found
    ]
    table(rows, (*COLUMNS, "expand", "aliases") if as_json else COLUMNS, as_json=as_json)
