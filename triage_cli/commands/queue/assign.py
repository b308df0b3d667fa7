"""`mailroom assign`: held messages are a colleague's, with a note; `--back`: nobody's in particular any more."""

from typing import Any

import click

from triage.errors import BadInput
from triage.text.numbers import format_count
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api
from triage_cli.commands.selection_options import select_of, selecting
from triage_cli.output.tables import say


@click.command("assign")
@selecting
@click.option("--to", default="", metavar="LOGIN", help="The colleague; has to be allowed to decide about every message.")
@click.option("--note", default="", metavar="WORDS", help="Note for the colleague.")
@click.option("--back", is_flag=True, help="Remove the assignment instead.")
@act_on_api
def hand(desk: Desk, to: str, note: str, back: bool, **options: Any) -> None:
    """Assign held messages to a colleague. They stay held, and everybody may still decide."""
    if bool(to) == back:
        raise BadInput("name a colleague with --to LOGIN, or use --back")
    count: int = desk.post("/assignments", {"select": select_of(**options), "to": to, "note": note})["count"]
    say(f"{format_count(count, 'message')} {'unassigned' if back else f'assigned to {to}'}")
