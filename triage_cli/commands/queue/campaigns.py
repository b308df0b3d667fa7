"""`mailroom campaigns`: the same message sent many times, and what belongs together."""

from collections.abc import Iterable
from typing import Any

import click

from triage.store.delivery_state import State
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import ask_api, names_server
from triage_cli.commands.decisions.decide import DECISION, REASON, print_decision
from triage_cli.commands.selection_options import given_id, given_state, parse_date, states_like
from triage_cli.options import join_options
from triage_cli.output.tables import Form, Shape, json_option, list_options
from triage_cli.output.timestamps import format_instant

LINE = {
    "id": "of the campaign",
    "messages": "messages, each counted once",
    "deliveries": "messages by recipient",
    "held": "deliveries that are held",
    "people": "recipients",
    "senders": "sender addresses",
    "newest": "when the newest arrived",
    "subject": "of the newest",
}
CAMPAIGNS = Shape(LINE, ("id", "messages", "held", "people", "senders", "newest", "subject"))
CAMPAIGN = Shape(
    LINE
    | {
        "made by": "system:judge, or who split it off",
        "compared with": "messages that new ones are compared with",
        "states": "number in each state",
        "proofs": "number proven by each domain",
        "from": "the most frequent senders",
        "subjects": "the most frequent subjects",
    }
)
OPTIONS = (
    click.option(
        "--state",
        "states",
        multiple=True,
        shell_complete=states_like,
        help="State of messages to count; repeat for several. Default: held. `any`: all.",
    ),
    click.option("--department", metavar="CODE", help="Only messages for this department."),
    click.option(
        "--search", default="", metavar="WORDS", help="Words that all occur, or NAME:VALUE such as from:dhl (docs/reference/search.md)."
    ),
    click.option("--since", metavar="DATE", help="Only messages received at or after this time."),
    click.option("--fewest", default=2, show_default=True, help="Minimum number of messages."),
    click.option("--limit", default=50, show_default=True, help="Maximum number of rows."),
)
with_options = join_options(OPTIONS)  # what narrows the list down


@click.group("campaigns", invoke_without_command=True)
@with_options
@list_options(CAMPAIGNS)
@names_server
@click.pass_context
def campaigns(ctx: click.Context, /, **options: Any) -> None:
    """List campaigns, largest first. `deliveries --campaign ID` lists their messages."""
    if not ctx.invoked_subcommand:
        ctx.invoke(list_campaigns, **options)


@campaigns.command("list")
@with_options
@list_options(CAMPAIGNS)
@ask_api
def list_campaigns(
    desk: Desk,
    states: tuple[str, ...],
    department: str | None,
    search: str,
    since: str | None,
    fewest: int,
    limit: int,
    form: Form,
) -> None:
    """The same as `campaigns` alone."""
    of_states = list(State) if "any" in states else [given_state(one) for one in states] or ["held"]
    features = {"department": department, "q": search, "since": parse_date(since, "--since"), "min_messages": fewest}
    CAMPAIGNS.print(map(row_of, desk.items("/campaigns", limit, state=of_states, **features)), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A campaign as a line of a list."""
    return {name: one[name] for name in ("id", "messages", "deliveries", "held", "people", "senders")} | {
        "newest": format_instant(one["newest_at"]),
        "subject": one["lead"]["subject"],
    }


@campaigns.command()
@click.argument("campaign_id", metavar="ID")
@json_option(CAMPAIGN)
@ask_api
def show(desk: Desk, campaign_id: str, form: Form) -> None:
    """Show a campaign's states, proofs, senders and subjects."""
    found = desk.get(f"/campaigns/{given_id(campaign_id)}")
    values = row_of(found) | {
        "made by": found["made_by"],
        "compared with": found["representatives"],
        "states": count_each(found["by_state"], "state"),
        "proofs": count_each(found["by_proof"], "proof"),
        "from": count_each(found["by_sender"], "author"),
        "subjects": count_each(found["by_subject"], "subject"),
    }
    CAMPAIGN.print_one(values, form)


def count_each(numbers: Iterable[dict[str, Any]], name: str) -> list[str]:
    """Lists counts with the value of one field, such as a domain."""
    return [f"{one['count']} {one[name]}" for one in numbers]


@campaigns.command()
@click.argument("campaign_id", metavar="ID")
@click.argument("into", metavar="OTHER")
@REASON
@json_option(DECISION)
@ask_api
def join(desk: Desk, campaign_id: str, into: str, reason: str, form: Form) -> None:
    """Merge a campaign into the OTHER one; `decisions undo` separates them."""
    print_decision(desk.post(f"/campaigns/{given_id(campaign_id)}/join", {"into": given_id(into), "reason": reason}), form)


@campaigns.command()
@click.argument("campaign_id", metavar="ID")
@click.argument("numbers", metavar="DELIVERY...", nargs=-1, required=True)
@REASON
@json_option(DECISION)
@ask_api
def split(desk: Desk, campaign_id: str, numbers: tuple[str, ...], reason: str, form: Form) -> None:
    """Move these deliveries' messages into a new campaign; `decisions undo` restores them."""
    order = {"ids": [given_id(one) for one in numbers], "reason": reason}
    print_decision(desk.post(f"/campaigns/{given_id(campaign_id)}/split", order), form)
