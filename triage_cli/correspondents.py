"""Whom we know by our own mail: `mailroom correspondents`."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import click
from sqlmodel import Session

from triage import acquaintances
from triage.acquaintances import Acquaintance
from triage.ids import show
from triage.teaching import WORDS, Reason
from triage.times import utcnow
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import say, table
from triage_cli.selecting import number

COLUMNS = ("id", "address", "scope", "sent", "heard", "last_mail", "lapses", "how", "provenance")


@click.group(invoke_without_command=True)
@click.pass_context
def correspondents(ctx: click.Context) -> None:
    """Whom somebody here has written to; alone it lists those who are known."""
    if not ctx.invoked_subcommand:
        ctx.invoke(list_correspondents)


@correspondents.command("list")
@click.option("--state", type=click.Choice(["known", "parked", "dropped"]), default="known", show_default=True)
@click.option("--search", "q", default="", metavar="TEXT", help="Part of the address.")
@click.option("--person", default="", metavar="UID", help="Only whom this person has written to.")
@click.option("--limit", default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_correspondents(
    ctx: click.Context, state: str = "known", q: str = "", person: str = "", limit: int = 100, as_json: bool = False
) -> None:
    """Addresses, for whom they are known, until when, and who wrote to them; parked ones wait until you accept or drop them."""
    settings = settings_of(ctx)
    with looking(settings) as session:
        found = acquaintances.listing(session, by=shell_user(), settings=settings, state=state, q=q, person=person, limit=limit)
    table([row_of(one) for one in found], COLUMNS, as_json=as_json)


@correspondents.command("accept")
@click.argument("numbers", metavar="ID...", nargs=-1, required=True)
@click.pass_context
def accept(ctx: click.Context, numbers: tuple[str, ...]) -> None:
    """Let what was parked or dropped count from now on."""
    decide(ctx, numbers, partial(acquaintances.accept, settings=settings_of(ctx)), "count from now on")


@correspondents.command("drop")
@click.argument("numbers", metavar="ID...", nargs=-1, required=True)
@click.pass_context
def drop(ctx: click.Context, numbers: tuple[str, ...]) -> None:
    """Let these not count, also when somebody writes to them again."""
    decide(ctx, numbers, acquaintances.drop, "do not count any more")


def decide(ctx: click.Context, numbers: Sequence[str], verb: Callable[..., int], what: str) -> None:
    """Do it and say how many changed."""
    with writing(settings_of(ctx)) as session:
        count = verb(session, [number(text) for text in numbers], by=shell_user(), now=utcnow())
    say(f"{count} {what}")


@correspondents.command("reasons")
@click.option("--days", default=30, show_default=True, help="Of so many days, today's the last.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def reasons(ctx: click.Context, days: int, as_json: bool) -> None:
    """What was not learned from sent mail, and why; the most frequent first."""
    with looking(settings_of(ctx)) as session:
        found = acquaintances.reasons(session, by=shell_user(), since=utcnow() - timedelta(days=days - 1))
    rows = [{"count": count, "how": how, "reason": reason, "words": WORDS[Reason(reason)]} for how, reason, count in found]
    table(rows, ("count", "how", "reason", "words"), as_json=as_json)


@correspondents.command("lists")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def lists(ctx: click.Context, as_json: bool) -> None:
    """Mailing lists that people here write to, and the rule that would let their posts in."""
    with looking(settings_of(ctx)) as session:
        rows = list_rows(session)
    table(rows, ("address", "posts", "person", "rule"), as_json=as_json)


def list_rows(session: Session) -> list[dict[str, Any]]:
    """The lists as lines."""
    return [
        {"address": one.address, "posts": one.posts, "person": one.person, "rule": rule_for(one.list_id, one.signer)}
        for one in acquaintances.posted_lists(session, by=shell_user(), limit=1000)
    ]


def rule_for(list_id: str, signer: str) -> str:
    """The command that makes the rule, where enough is known for one."""
    return f"mailroom allow list:{list_id} --proof dkim:{signer}" if list_id and signer else ""


def row_of(one: Acquaintance) -> dict[str, Any]:
    """A correspondent as a line."""
    return {
        "id": show(one.id),
        "address": one.address,
        "scope": one.scope,
        "sent": one.sent,
        "heard": one.heard,
        "last_mail": one.last_mail_at.date().isoformat(),
        "lapses": one.lapses_at.date().isoformat(),
        "how": one.how,
        "provenance": one.provenance,
    }
