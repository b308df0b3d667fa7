"""Past decisions: `mailroom decisions`, `undo`, and `related` messages in mailboxes."""

from typing import Any

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import ask_api, names_server
from triage_cli.client.exit_codes import DONE
from triage_cli.commands.confirm_option import CONFIRM, post_confirmed
from triage_cli.commands.decisions.decide import DECISION, REASON, await_decision
from triage_cli.commands.selection_options import given_id
from triage_cli.output.tables import SENTENCE_SHAPE, Form, Shape, collect_sentences, json_option, list_options
from triage_cli.output.timestamps import format_instant

DECISIONS = Shape(
    {
        "id": "of the decision",
        "at": "when",
        "by": "who: person:LOGIN, token:ID, shell:USER, rule:NAME",
        "said": "the result, in words",
        "undone": "`undone`, or empty",
        "reason": "why",
    }
)
RELATED = Shape(
    {
        "copy": "id, for --take",
        "mailbox": "its mailbox",
        "folder": "its folder",
        "at": "when it arrived there",
        "author": "author",
        "subject": "of the message",
        "what": "`the same Message-ID`, or `names it`: a reply, or forwarded",
        "state": "empty: not removed",
    }
)
ITEMS = Shape(
    {
        "delivery": "its id",
        "before": "its state before",
        "outcome": "`done`, or what prevents it",
        "why": "in words",
    }
)


@click.group(invoke_without_command=True, name="decisions")
@click.option("--limit", default=50, show_default=True, help="Maximum number of rows.")
@click.option("--mine", is_flag=True, help="Only your own.")
@list_options(DECISIONS)
@names_server
@click.pass_context
def decisions_group(ctx: click.Context, /, **options: Any) -> None:
    """List decisions and undo them."""
    if not ctx.invoked_subcommand:
        ctx.invoke(list_decisions, **options)


@decisions_group.command("list")
@click.option("--limit", default=50, show_default=True, help="Maximum number of rows.")
@click.option("--mine", is_flag=True, help="Only your own.")
@list_options(DECISIONS)
@ask_api
def list_decisions(desk: Desk, limit: int, mine: bool, form: Form) -> None:
    """The same as `decisions` alone."""
    DECISIONS.print(map(row_of, desk.items("/decisions", limit, mine=mine)), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A decision as a line."""
    return {
        "id": one["id"],
        "at": format_instant(one["at"]),
        "by": one["by"],
        "said": one["sentence"],
        "undone": "undone" if one["undone_by"] else "",
        "reason": one["reason"],
    }


@decisions_group.command("items")
@click.argument("decision_id", metavar="ID")
@click.option("--outcome", default="", metavar="WORDS", help="Only this outcome, such as refused.")
@click.option("--limit", type=int, help="Maximum number of rows. Default: all.")
@list_options(ITEMS)
@ask_api
def list_items(desk: Desk, decision_id: str, outcome: str, limit: int | None, form: Form) -> None:
    """List the result for each delivery of a decision."""
    ITEMS.print(desk.items(f"/decisions/{given_id(decision_id)}/items", limit, outcome=outcome), form)


@decisions_group.command("undo")
@click.argument("decision_id", metavar="ID")
@REASON
@CONFIRM
@click.option("--wait", is_flag=True, help="Wait until everything is restored.")
@json_option(DECISION)
@ask_api
def undo_decision(desk: Desk, decision_id: str, reason: str, confirm: tuple[str, ...], wait: bool, form: Form) -> int:
    """Undo a whole decision."""
    with collect_sentences(SENTENCE_SHAPE, form, always=False):
        undone = post_confirmed(desk, f"/decisions/{given_id(decision_id)}/undo", {"reason": reason}, confirm)
    return await_decision(desk, undone, wait=wait, form=form)


@decisions_group.command("related")
@click.argument("decision_id", metavar="ID")
@click.option("--take", "chosen", metavar="COPY", multiple=True, help="Remove this copy from its mailbox too; repeat for several.")
@REASON
@click.option("--wait", is_flag=True, help="Wait until they are removed.")
@list_options(RELATED)
@ask_api
def related(desk: Desk, decision_id: str, chosen: tuple[str, ...], reason: str, wait: bool, form: Form) -> int:
    """List messages related to the copies that a purge removed: replies, forwarded, copied or forged ones.

    They share or refer to the Message-ID. --take removes them; `decisions undo` restores them.
    """
    path = f"/decisions/{given_id(decision_id)}/related"
    if chosen:
        taken = desk.post(path, {"copies": [given_id(one) for one in chosen], "reason": reason})
        return await_decision(desk, taken, wait=wait, form=form)
    RELATED.print(map(related_row, desk.get(path)["items"]), form)
    return DONE


def related_row(one: dict[str, Any]) -> dict[str, Any]:
    """A related mail as a line."""
    state = "came through Mailroom: use `purge`" if one["ours"] else f"removed by {one['claimed_by']}" if one["claimed_by"] else ""
    return {
        "copy": one["id"],
        "mailbox": one["mailbox"],
        "folder": one["folder"],
        "at": format_instant(one["at"]),
        "author": one["author"],
        "subject": one["subject"],
        "what": "the same Message-ID" if one["bears"] else "names it",
        "state": state,
    }
