"""`mailroom queue`: what waits for a next hop, what it said last and when it is tried again; trying again, holding, giving up."""

from collections.abc import Callable, Sequence
from typing import Any

import click
from sqlalchemy import ColumnElement, and_, select
from sqlmodel import Session, col

from triage import access, decisions, waiting
from triage.decisions import Verb
from triage.errors import BadInput
from triage.ids import show
from triage.models import Delivery
from triage.routes import Destination, destination, next_hop_of
from triage.selection import MOST_IDS, Selection
from triage.settings import Settings
from triage.states import State
from triage.times import utcnow
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import say, table
from triage_cli.selecting import number

COLUMNS = ("id", "kind", "state", "mailbox", "next_hop", "attempts", "next_try", "last_reply")
UNSENT = (State.QUEUED, State.RELAYING, State.BOUNCED, State.RECALLING, State.RESTORING)
Act = Callable[[Session, Sequence[int]], int]
ActOnAll = Callable[[Session, Destination], int]


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def queue(ctx: click.Context, as_json: bool) -> None:
    """Deliveries that wait, are under way, were refused by the next hop, or are taken out of mailboxes; alone it lists them."""
    if not ctx.invoked_subcommand:
        listed(settings_of(ctx), "", as_json=as_json)


@queue.command("list")
@click.option("--next-hop", default="", metavar="URL", help="Only what goes there.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_(ctx: click.Context, next_hop: str, as_json: bool) -> None:
    """Those due first come first."""
    listed(settings_of(ctx), next_hop, as_json=as_json)


@queue.command("next-hops")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def next_hops(ctx: click.Context, as_json: bool) -> None:
    """How much waits for each next hop, and how much of it because the next hop is away."""
    settings = settings_of(ctx)
    with looking(settings) as session:
        found = waiting.standings(session, by=shell_user(), settings=settings)
    rows = [
        {
            "next_hop": one.next_hop,
            "waiting": one.waiting,
            "under_way": one.under_way,
            "refused": one.refused,
            "unreachable": one.unreachable,
            "next_try": one.next_try.isoformat(timespec="seconds") if one.next_try else "",
            "last_reply": one.last_reply,
        }
        for one in found
    ]
    table(rows, ("next_hop", "waiting", "under_way", "refused", "unreachable", "next_try", "last_reply"), as_json=as_json)


def listed(settings: Settings, next_hop: str, *, as_json: bool) -> None:
    """Print the list."""
    where: ColumnElement[bool] = and_(col(Delivery.state).in_(UNSENT), access.within(shell_user()))
    if next_hop:
        where = and_(where, waiting.of(destination(settings, next_hop)))
    with looking(settings) as session:
        rows = [row_of(one, settings) for one in session.scalars(select(Delivery).where(where).order_by(col(Delivery.due_at)))]
    table(rows, COLUMNS, as_json=as_json)


def row_of(delivery: Delivery, settings: Settings) -> dict[str, Any]:
    """A waiting delivery as a line of a list."""
    return {
        "id": show(delivery.id),
        "kind": delivery.direction,
        "state": delivery.state,
        "mailbox": delivery.mailbox,
        "next_hop": next_hop_of(settings, department=delivery.department, mailbox=delivery.mailbox, direction=delivery.direction),
        "attempts": delivery.attempts,
        "next_try": delivery.due_at.isoformat(timespec="seconds") if delivery.due_at else "",
        "last_reply": delivery.last_reply,
    }


def chosen(command: Callable[..., Any]) -> Callable[..., Any]:
    """Some by id, or all that wait for one next hop."""
    command = click.option("--next-hop", default="", metavar="URL", help="All that wait for it, instead of some.")(command)
    return click.argument("delivery_ids", metavar="[ID]...", nargs=-1)(command)


@queue.command("retry")
@chosen
@click.pass_context
def retry(ctx: click.Context, delivery_ids: tuple[str, ...], next_hop: str) -> None:
    """Try these again at once; refused ones anew when they are named."""

    settings = settings_of(ctx)

    def some(session: Session, ids: Sequence[int]) -> int:
        return waiting.retry(session, ids, settings=settings, by=shell_user(), now=utcnow())

    def everything(session: Session, where: Destination) -> int:
        return waiting.retry_all(session, where, by=shell_user(), now=utcnow())

    act(settings, delivery_ids, next_hop, some, everything, "tried again now")


@queue.command("give-up")
@chosen
@click.pass_context
def give_up(ctx: click.Context, delivery_ids: tuple[str, ...], next_hop: str) -> None:
    """Try these no more; they are shown as refused, and can be tried anew."""

    settings = settings_of(ctx)

    def some(session: Session, ids: Sequence[int]) -> int:
        return waiting.give_up(session, ids, settings=settings, by=shell_user(), now=utcnow())

    def everything(session: Session, where: Destination) -> int:
        return waiting.give_up_all(session, where, settings=settings, by=shell_user(), now=utcnow())

    act(settings, delivery_ids, next_hop, some, everything, "given up")


@queue.command("hold")
@chosen
@click.option("--reason", default="", metavar="TEXT")
@click.pass_context
def hold(ctx: click.Context, delivery_ids: tuple[str, ...], next_hop: str, reason: str) -> None:
    """Take these back into their folders: a decision that can be undone."""
    settings = settings_of(ctx)

    def some(session: Session, ids: Sequence[int]) -> int:
        selected = Selection.of(ids=tuple(ids))
        return decisions.decide(session, selected, Verb.HOLD, by=shell_user(), reason=reason, now=utcnow(), settings=settings).done

    def everything(session: Session, where: Destination) -> int:
        ids = waiting.waiting_for(session, where, by=shell_user(), limit=MOST_IDS)
        return some(session, ids) if ids else 0

    act(settings, delivery_ids, next_hop, some, everything, "held")


def act(settings: Settings, given: tuple[str, ...], next_hop: str, some: Act, everything: ActOnAll, done: str) -> None:
    """Do it to those that are named, or to all of a next hop, and say to how many."""
    if bool(given) == bool(next_hop):
        raise BadInput("name ids, or --next-hop URL for all that wait for it")
    with writing(settings, "relay") as session:
        count = everything(session, destination(settings, next_hop)) if next_hop else some(session, [number(one) for one in given])
    say(f"{count} {done}.")
