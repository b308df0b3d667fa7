"""`mailroom redeliver`: what was delivered to a person since a date, again, for a mailbox that was lost."""

import click

from triage.text.numbers import format_count
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import ask_api
from triage_cli.client.exit_codes import DONE
from triage_cli.commands.confirm_option import CONFIRM
from triage_cli.commands.decisions.decide import DECISION, REASON, carry_out
from triage_cli.commands.selection_options import parse_date
from triage_cli.output.tables import SENTENCE_SHAPE, Form, collect_sentences, json_option, say


@click.command()
@click.option("--person", required=True, metavar="UID", help="Whose mailbox was lost.")
@click.option("--since", required=True, metavar="DATE", help="Delivered at or after this time (ISO 8601, UTC by default).")
@REASON
@CONFIRM
@click.option("--expect", type=int, help="Refuse unless exactly this many would be delivered.")
@click.option("--unchecked", is_flag=True, help="Deliver without checking the mailbox first; what is still there arrives twice.")
@click.option("--dry-run", is_flag=True, help="Count, and change nothing.")
@click.option("--wait", is_flag=True, help="Wait until the mailbox is checked.")
@json_option(DECISION)
@ask_api
def redeliver(
    desk: Desk,
    person: str,
    since: str,
    reason: str,
    confirm: tuple[str, ...],
    expect: int | None,
    unchecked: bool,
    dry_run: bool,
    wait: bool,
    form: Form,
) -> int:
    """Deliver a lost mailbox's messages again."""
    select = {"person": person, "delivered_since": parse_date(since, "--since")}
    if dry_run:
        count = desk.post("/selections/preview", {"select": select})["count"]
        with collect_sentences(SENTENCE_SHAPE, form):
            say(f"{format_count(count, 'message')} would be delivered again to {person}")
        return DONE
    order = {"verb": "redeliver", "select": select, "reason": reason, "expect": expect, "look_first": not unchecked}
    return carry_out(desk, order, confirm, wait=wait, form=form)
