"""`mailroom outgoing`: what waits for a next hop, what it said last and when it is tried again; trying again, holding, giving up."""

from collections.abc import Callable
from typing import Any

import click

from triage.errors import BadInput
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api, names_server
from triage_cli.commands.decisions.decide import REASON
from triage_cli.commands.selection_options import given_id
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

QUEUE = Shape(
    {
        "id": "of the delivery",
        "kind": "in, simulation, outbound, bounce, notice, report",
        "state": "queued, relaying, bounced, recalling or restoring",
        "mailbox": "recipient",
        "next_hop": "next hop",
        "attempts": "attempts so far",
        "next_try": "next attempt; empty: none",
        "last_reply": "of the next hop",
    }
)
NEXT_HOPS = Shape(
    {
        "next_hop": "its URL",
        "waiting": "waiting deliveries",
        "under_way": "being sent now",
        "refused": "permanently refused",
        "unreachable": "waiting because it is unreachable",
        "next_try": "next attempt",
        "last_reply": "its last reply",
    }
)


@click.group("outgoing", invoke_without_command=True)
@list_options(QUEUE)
@names_server
@click.pass_context
def queue(ctx: click.Context, form: Form) -> None:
    """List, retry, hold or give up outgoing messages."""
    if not ctx.invoked_subcommand:
        ctx.invoke(list_, next_hop="", form=form)


@queue.command("list")
@click.option("--next-hop", default="", metavar="URL", help="Only for this next hop.")
@list_options(QUEUE)
@ask_api
def list_(desk: Desk, next_hop: str, form: Form) -> None:
    """List outgoing messages, those due first."""
    QUEUE.print(map(row_of, desk.items("/outgoing/unsent", next_hop=next_hop)), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A waiting delivery as a line of a list."""
    return one | {"next_try": format_instant(one["due_at"])}


@queue.command("next-hops")
@list_options(NEXT_HOPS)
@ask_api
def next_hops(desk: Desk, form: Form) -> None:
    """Count what waits for each next hop, and what waits because it is unreachable."""
    found = desk.get("/outgoing", limit=1)["next_hops"]
    NEXT_HOPS.print([one | {"next_try": format_instant(one["next_try"])} for one in found], form)


def choose_deliveries(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the choice of deliveries: some by id, or all that wait for one next hop."""
    command = click.option("--next-hop", default="", metavar="URL", help="All that wait for this next hop, instead of single ones.")(
        command
    )
    return click.argument("delivery_ids", metavar="[ID]...", nargs=-1)(command)


@queue.command("retry")
@choose_deliveries
@act_on_api
def retry(desk: Desk, delivery_ids: tuple[str, ...], next_hop: str) -> None:
    """Retry deliveries now; refused ones too, if named by ID."""
    act_on_queue(desk, "/outgoing/retry", delivery_ids, next_hop, "tried again now")


@queue.command("give-up")
@choose_deliveries
@act_on_api
def give_up(desk: Desk, delivery_ids: tuple[str, ...], next_hop: str) -> None:
    """Give deliveries up: they show as refused, and can be retried."""
    act_on_queue(desk, "/outgoing/give-up", delivery_ids, next_hop, "given up")


@queue.command("hold")
@choose_deliveries
@REASON
@act_on_api
def hold(desk: Desk, delivery_ids: tuple[str, ...], next_hop: str, reason: str) -> None:
    """Hold deliveries again in their folders. It can be undone."""
    act_on_queue(desk, "/outgoing/hold", delivery_ids, next_hop, "held", reason=reason)


def act_on_queue(desk: Desk, path: str, given: tuple[str, ...], next_hop: str, done: str, **more: str) -> None:
    """Do it to those that are named, or to all of a next hop, and say to how many."""
    if bool(given) == bool(next_hop):
        raise BadInput("name ids, or --next-hop URL for all that wait for it")
    which = {"next_hop": next_hop} if next_hop else {"ids": [given_id(one) for one in given]}
    say(f"{desk.post(path, which | more)['count']} {done}.")
