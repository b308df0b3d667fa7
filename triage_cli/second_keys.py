"""`mailroom second-keys`: what waits for a second person; confirming and declining it."""

import click

from triage import second_key
from triage.ids import show
from triage.times import utcnow
from triage_cli.mail import BELLS
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import say, table
from triage_cli.selecting import number


@click.group("second-keys")
def second_keys() -> None:
    """Acts that one person asked for and another one has to confirm (policy.two_keys)."""


@second_keys.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_waiting(ctx: click.Context, as_json: bool) -> None:
    """What waits, the newest first."""
    with looking(settings_of(ctx)) as session:
        rows = [
            {
                "id": show(one.id),
                "asked": one.asked_at.isoformat(timespec="minutes"),
                "lapses": one.lapses_at.isoformat(timespec="minutes"),
                "said": second_key.sentence(one),
                "reason": one.reason,
            }
            for one in second_key.listing(session, by=shell_user(), now=utcnow())
        ]
    table(rows, ("id", "asked", "lapses", "said", "reason"), as_json=as_json)


@second_keys.command("confirm")
@click.argument("pending_id", metavar="ID")
@click.option("--reason", default="", help="Goes on the record.")
@click.pass_context
def confirm(ctx: click.Context, pending_id: str, reason: str) -> None:
    """Turn the second key: it is done now, in the name of both."""
    settings = settings_of(ctx)
    with writing(settings, *BELLS) as session:
        done = second_key.confirm(session, number(pending_id), by=shell_user(), now=utcnow(), settings=settings, reason=reason)
        sentence = f"confirmed: {done.kind} {show(done.result_id or 0)}"
    say(sentence)


@second_keys.command("decline")
@click.argument("pending_id", metavar="ID")
@click.option("--reason", default="", help="Goes on the record.")
@click.pass_context
def decline(ctx: click.Context, pending_id: str, reason: str) -> None:
    """Say no, or withdraw what you asked for."""
    with writing(settings_of(ctx)) as session:
        second_key.decline(session, number(pending_id), by=shell_user(), now=utcnow(), reason=reason)
