"""`mailroom sweep`: one sender's mail out of every mailbox, also what was there before Mailroom."""

import click

from triage import sweeps
from triage.outcomes import DecisionReport
from triage.settings import Settings
from triage.times import utcnow
from triage_cli.mail import BELLS, told, wait_for
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import table


@click.command()
@click.argument("sender", metavar="ADDRESS")
@click.option("--reason", default="", help="Goes on the record.")
@click.option("--dry-run", is_flag=True, help="Count the mail in all mailboxes, and take nothing.")
@click.option("--wait", is_flag=True, help="Wait until every mailbox is looked through; --dry-run always waits.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def sweep(ctx: click.Context, sender: str, reason: str, dry_run: bool, wait: bool, as_json: bool) -> int:
    """Take a sender's mail out of every mailbox, also what never came through Mailroom; `decisions undo` puts it back.

    Slower than a purge: the recaller looks through all mailboxes. What came through Mailroom is left to `purge`.
    """
    settings = settings_of(ctx)
    with writing(settings, *BELLS) as session:
        made = sweeps.begin(session, sender, by=shell_user(), reason=reason, now=utcnow(), settings=settings, dry_run=dry_run)
    wait = wait or dry_run
    if not (wait and as_json):
        told(made, as_json=as_json)
    return carried_out(settings, made, as_json=as_json) if wait else 0


def carried_out(settings: Settings, made: DecisionReport, *, as_json: bool) -> int:
    """Wait until every mailbox is looked through; 1 when some could not be."""
    wait_for(settings, made, as_json=as_json)
    with looking(settings) as session:
        missed = [{"mailbox": mailbox, "why": why} for mailbox, why in sweeps.not_looked_through(session, made.id)]
    if missed and not as_json:
        table(missed, ("mailbox", "why"), as_json=False)
    return 1 if missed else 0
