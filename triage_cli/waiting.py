"""`mailroom queue`: what waits for the next hop, what it said last, and trying again."""

from typing import Any

import click
from sqlalchemy import select
from sqlmodel import col

from triage import waiting
from triage.ids import show
from triage.models import Delivery
from triage.states import State
from triage.times import utcnow
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import table
from triage_cli.selecting import number

COLUMNS = ("id", "state", "mailbox", "attempts", "next_try", "last_reply")


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def queue(ctx: click.Context, as_json: bool) -> None:
    """Deliveries that wait, are under way or were refused by the next hop; `queue retry ID` tries again."""
    if ctx.invoked_subcommand:
        return
    with looking(settings_of(ctx)) as session:
        unsent = col(Delivery.state).in_([State.QUEUED, State.RELAYING, State.BOUNCED])
        rows = [row_of(one) for one in session.scalars(select(Delivery).where(unsent).order_by(col(Delivery.due_at)))]
    table(rows, COLUMNS, as_json=as_json)


def row_of(delivery: Delivery) -> dict[str, Any]:
    """A waiting delivery as a line of a list."""
    return {
        "id": show(delivery.id),
        "state": delivery.state,
        "mailbox": delivery.mailbox,
        "attempts": delivery.attempts,
        "next_try": delivery.due_at.isoformat(timespec="seconds") if delivery.due_at else "",
        "last_reply": delivery.last_reply,
    }


@queue.command("retry")
@click.argument("delivery_ids", metavar="ID...", nargs=-1, required=True)
@click.pass_context
def retry(ctx: click.Context, delivery_ids: tuple[str, ...]) -> None:
    """Try these again at once."""
    with writing(settings_of(ctx), "relay") as session:
        for delivery_id in delivery_ids:
            waiting.retry(session, [number(delivery_id)], by=shell_user(), now=utcnow())
