"""`mailroom rules propose`: suggests rules from the company's own messages and decisions, and accepts or declines suggestions."""

import click

from triage_cli.client.api_client import Declined, Desk
from triage_cli.client.client_option import ask_api
from triage_cli.commands.confirm_option import CONFIRM, post_confirmed
from triage_cli.commands.selection_options import given_id
from triage_cli.output.tables import Form, Shape, list_options

FORBIDDEN = 403
PROPOSALS = Shape(
    {
        "id": "to accept or refuse it",
        "kind": "domain, sign-in or list",
        "value": "the domain or list",
        "proof": "proof that the rule would require",
        "would pass": "held messages of the last 90 days that it would have passed",
        "why": "reason, in words",
        "evidence": "the numbers behind the reason",
    },
    ("id", "kind", "would pass", "why"),
)


@click.command("propose")
@click.option("--accept", "accepted", metavar="ID", multiple=True, help="Accept this suggestion; repeat for several.")
@click.option("--refuse", "refused", metavar="ID", multiple=True, help="Never suggest this again.")
@CONFIRM
@list_options(PROPOSALS)
@ask_api
def propose(desk: Desk, accepted: tuple[str, ...], refused: tuple[str, ...], confirm: tuple[str, ...], form: Form) -> None:
    """List rules suggested by correspondence and decisions of the last 90 days. None counts before you accept it."""
    for given, answer in [(one, "accept") for one in accepted] + [(one, "refuse") for one in refused]:
        post_confirmed(desk, f"/rules/proposals/{given_id(given)}", {"answer": answer}, confirm)
    refresh_suggestions(desk)
    rows = desk.items("/rules/proposals")
    PROPOSALS.print([one | {"would pass": one["evidence"]["would_pass"], "why": one["sentence"]} for one in rows], form)


def refresh_suggestions(desk: Desk) -> None:
    """Let it be looked for now; who makes no rules sees what was found last."""
    try:
        desk.post("/rules/proposals/search")
    except Declined as refusal:
        if refusal.status != FORBIDDEN:
            raise
