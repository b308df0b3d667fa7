"""`mailroom resume`: after a restore, find what was delivered since the backup, and go on."""

from dataclasses import dataclass, field
from typing import Any

import click
from sqlalchemy import Engine

from mailboxes.recall import reconcile
from triage import ids
from triage.config.settings import Settings
from triage.delivery.recall import reconcile as recall_reconcile
from triage.errors import NotYet
from triage.ids import format_id
from triage.runtime import spool_backup
from triage.store import db
from triage.text.numbers import format_count
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from triage_cli.client.client_option import refuse_server, settings_of
from triage_cli.client.exit_codes import LATER, REFUSED
from triage_cli.client.local_setup import database_of, shell_user, wake_waiters
from triage_cli.output.progress import Progress
from triage_cli.output.tables import Form, Shape, json_option, print_table, say

STOOD = Shape(
    {
        "found": "deliveries found in their mailbox: delivered",
        "absent": "in no mailbox: sent now, or still held",
        "unknown": "that cannot be checked",
        "waiting": "ids that wait for `mailroom outgoing retry ID` or `give-up ID`",
        "unreachable": "mailboxes that could not be searched, and why",
        "resumed": "true: relay and recall work again",
    }
)


@dataclass(slots=True)
class Seen:
    """Deliveries found, absent and unknown in all mailboxes."""

    found: list[int] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)  # by mailbox: why nobody could look
    later: bool = False


@click.command()
@click.option("--dry-run", is_flag=True, help="Only report; everything stays paused.")
@click.option(
    "--leave-unreachable", is_flag=True, help="Continue although some mailboxes cannot be searched now; their messages wait for you."
)
@click.option("--send-unknown", is_flag=True, help="Send messages that cannot be checked too, perhaps a second time.")
@json_option(STOOD)
@click.pass_context
def resume(ctx: click.Context, dry_run: bool, leave_unreachable: bool, send_unknown: bool, form: Form) -> int:
    """Resume delivery after a backup was restored.

    A message found in its mailbox counts as delivered; one that is in no mailbox is sent. Messages that cannot be checked wait (to the
    outside, to distribution lists, to mailboxes without access): send them by `mailroom outgoing retry ID`, or end them by `give-up`.
    Exit code 75 when mailboxes cannot be searched now.
    """
    refuse_server(ctx)
    settings = settings_of(ctx)
    with database_of(settings) as engine:
        seen = find_mailboxes(engine, settings)
        if dry_run or (seen.later and not leave_unreachable):
            print_progress(seen, seen.unknown, resumed=False, form=form)
            return 0 if dry_run else LATER
        with db.transaction(engine) as session:
            asked: dict[str, Any] = {"found": seen.found, "absent": seen.absent, "unknown": seen.unknown}
            waiting = recall_reconcile.resume_delivery(session, **asked, by=shell_user(), now=utcnow(), send=send_unknown)
    wake_waiters(settings, "relay", "recall", "change")
    print_progress(seen, waiting, resumed=True, form=form)
    return REFUSED if waiting else 0


def find_mailboxes(engine: Engine, settings: Settings) -> Seen:
    """Mailboxes that may hold doubtful messages. NotYet while accepted messages from before are still in the spool."""
    seen = Seen()
    with db.read_transaction(engine) as session:
        pause = recall_reconcile.pause_in_force(session)
        boxes = recall_reconcile.doubtful_mailboxes(session, settings)
        seen.unknown += recall_reconcile.list_elsewhere(session)
    left = spool_backup.accepted_before(settings.spool.directory, pause.since)
    if left:
        do = "start `mailroom serve`, then try again; `mailroom spool` says what stays"
        raise NotYet(f"the spool still holds {format_count(left, 'batch', 'batches')} of messages accepted before the restore: {do}")
    with Progress("mailboxes", len(boxes)) as progress:
        for one in reconcile.examine_mailboxes(engine, boxes, settings):
            progress.step()
            seen.found += one.found
            seen.absent += one.absent
            seen.unknown += one.unknown
            seen.later |= one.later
            if one.why:
                seen.why[one.box.mailbox] = one.why
    return seen


def print_progress(seen: Seen, waiting: list[int], *, resumed: bool, form: Form) -> None:
    """Say how it stands."""
    values = {
        "found": len(seen.found),
        "absent": len(seen.absent),
        "unknown": len(seen.unknown),
        "waiting": [ids.format_id(one) for one in waiting],
        "unreachable": seen.why,
        "resumed": resumed,
    }
    if form is Form.JSON:
        STOOD.print_one(values, form)
        return
    say(f"{format_count(len(seen.found), 'message')} already delivered, {len(seen.absent)} not, {len(seen.unknown)} unknown")
    print_table([{"mailbox": escape_visible(box), "why": escape_visible(why)} for box, why in seen.why.items()], ("mailbox", "why"))
    for one in waiting:
        say(f"{format_id(one)}  waits for you: `mailroom outgoing retry {format_id(one)}` sends it, `give-up` ends it")
    say("relay and recall work again" if resumed else "everything stays paused")
