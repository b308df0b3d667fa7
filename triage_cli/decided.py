"""What was decided: `mailroom decisions`, `undo`, and what was seen beside it in the mailboxes (`related`)."""

import click

from triage import extensive, outcomes, takings, undoing
from triage.ids import show
from triage.models import RelatedMail
from triage.times import utcnow
from triage.visible import visible
from triage_cli.mail import BELLS, told, wait_for
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import table
from triage_cli.selecting import number
from triage_cli.sweeping import carried_out


@click.group(invoke_without_command=True, name="decisions")
@click.option("--limit", default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def decisions_group(ctx: click.Context, limit: int, as_json: bool) -> None:
    """What was decided, newest first; `decisions undo ID` takes one back."""
    if ctx.invoked_subcommand:
        return
    with looking(settings_of(ctx)) as session:
        rows = [
            {
                "id": show(one.id),
                "at": one.at.isoformat(timespec="seconds"),
                "by": one.by,
                "said": one.sentence,
                "undone": "undone" if one.undone_by else "",
                "reason": one.reason,
            }
            for one in outcomes.listing(session, by=shell_user(), limit=limit)
        ]
    table(rows, ("id", "at", "by", "said", "undone", "reason"), as_json=as_json)


@decisions_group.command("undo")
@click.argument("decision_id", metavar="ID")
@click.option("--reason", default="")
@click.option("--wait", is_flag=True, help="Wait until everything is back where it was.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def undo_decision(ctx: click.Context, decision_id: str, reason: str, wait: bool, as_json: bool) -> int:
    """Take a decision back as a whole."""
    settings = settings_of(ctx)
    with writing(settings, *BELLS) as session:
        undo_one = extensive.undo if extensive.is_large(session, number(decision_id)) else undoing.undo
        undone = undo_one(session, number(decision_id), by=shell_user(), reason=reason, now=utcnow(), settings=settings)
    if not (wait and as_json):
        told(undone, as_json=as_json)
    undone = wait_for(settings, undone, as_json=as_json) if wait else undone
    return 1 if undone.refused or undone.out_of_reach else 0


@decisions_group.command("related")
@click.argument("decision_id", metavar="ID")
@click.option("--take", "chosen", metavar="COPY", multiple=True, help="Take this one out of its mailbox too; may be given again.")
@click.option("--reason", default="", help="Goes on the record.")
@click.option("--wait", is_flag=True, help="Wait until they are taken.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def related(ctx: click.Context, decision_id: str, chosen: tuple[str, ...], reason: str, wait: bool, as_json: bool) -> int:
    """Mails that a purge saw beside the copies it took, since they share or name their Message-ID: replies, forwarded, copied, forged.

    They are left alone unless named with --take; `decisions undo` puts them back.
    """
    settings = settings_of(ctx)
    if not chosen:
        with looking(settings) as session:
            rows = [shown(row) for row in takings.offered(session, number(decision_id), by=shell_user())]
        table(rows, ("copy", "mailbox", "folder", "at", "author", "subject", "what", "state"), as_json=as_json)
        return 0
    copies = [number(one) for one in chosen]
    with writing(settings, *BELLS) as session:
        made = takings.take(session, number(decision_id), copies, by=shell_user(), reason=reason, now=utcnow(), settings=settings)
    if not (wait and as_json):
        told(made, as_json=as_json)
    return carried_out(settings, made, as_json=as_json) if wait else 0


def shown(row: RelatedMail) -> dict[str, str]:
    """A related mail as a line."""
    state = "came through Mailroom: purge it there" if row.ours else f"taken by {show(row.taken_by)}" if row.taken_by else ""
    return {
        "copy": show(row.id),
        "mailbox": row.mailbox,
        "folder": visible(row.folder),
        "at": row.internal_date.isoformat(timespec="seconds"),
        "author": row.author,
        "subject": row.subject,
        "what": "the same Message-ID" if row.bears else "names it",
        "state": state,
    }
