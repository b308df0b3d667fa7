"""`mailroom sweep`: one sender's mail out of every mailbox, also what was there before Mailroom."""

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import ask_api
from triage_cli.commands.decisions.decide import DECISION, REASON, await_decision
from triage_cli.output.tables import Form, json_option


@click.command()
@click.argument("sender", metavar="ADDRESS")
@REASON
@click.option("--dry-run", is_flag=True, help="Count the messages in all mailboxes, and remove nothing.")
@click.option("--wait", is_flag=True, help="Wait until every mailbox is searched; --dry-run always waits.")
@json_option(DECISION)
@ask_api
def sweep(desk: Desk, sender: str, reason: str, dry_run: bool, wait: bool, form: Form) -> int:
    """Remove a sender's messages from every mailbox.

    Slower than a purge: the recall role searches all mailboxes. `purge` removes messages that came through Mailroom.
    """
    made = desk.post("/sweeps", {"sender": sender, "reason": reason, "dry_run": dry_run})
    return await_decision(desk, made, wait=wait or dry_run, form=form)
