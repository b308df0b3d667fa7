"""`mailroom requests`: what people here ask for, and saying no; `mailroom ask` writes down that somebody asks."""

import click

from triage import asking
from triage.ids import show
from triage.times import utcnow
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import say, table
from triage_cli.selecting import number

EVERY_ONE = 1000


@click.command("ask")
@click.argument("delivery_id", metavar="ID")
@click.option("--words", default="", help="What they said.")
@click.pass_context
def ask(ctx: click.Context, delivery_id: str, words: str) -> None:
    """Write down that somebody asks for a mail of theirs that is held or was taken away: its card rises in the queue."""
    with writing(settings_of(ctx)) as session:
        made = asking.ask(session, number(delivery_id), by=shell_user(), words=words, now=utcnow())
    say(f"{show(made)} waits for an answer")


@click.group("requests")
def requests() -> None:
    """What people here ask for. To say yes, release the mail."""


@requests.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_requests(ctx: click.Context, as_json: bool) -> None:
    """What is asked for and has no answer, the newest first."""
    with looking(settings_of(ctx)) as session:
        rows = [
            {
                "id": show(one.id),
                "asked": one.at.isoformat(timespec="minutes"),
                "by": one.by_shown,
                "delivery": show(one.mail.id),
                "state": one.mail.state,
                "author": one.mail.author,
                "subject": one.mail.subject,
                "words": one.words,
            }
            for one in asking.listing(session, by=shell_user(), limit=EVERY_ONE)
        ]
    table(rows, ("id", "asked", "by", "delivery", "state", "author", "subject", "words"), as_json=as_json)


@requests.command("decline")
@click.argument("request_id", metavar="ID")
@click.option("--reason", default="", help="Whoever asked can read it.")
@click.pass_context
def decline(ctx: click.Context, request_id: str, reason: str) -> None:
    """Say no. The mail stays where it is."""
    with writing(settings_of(ctx)) as session:
        asking.decline(session, number(request_id), by=shell_user(), reason=reason, now=utcnow())
    say("declined")
