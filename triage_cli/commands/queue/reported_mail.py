"""`mailroom reported`: what people here find unusual and have reported, and saying what it is."""

from typing import Any

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.commands.selection_options import given_id
from triage_cli.lazy_group import Listing
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

LANES = ("employees", "partners")
REPORTED = Shape(
    {
        "id": "to answer it",
        "at": "when",
        "by": "who reported it",
        "others": "number of others who reported the same message",
        "delivery": "to purge or release it; empty: it did not come through Mailroom",
        "state": "of the delivery",
        "author": "author",
        "subject": "of the message",
        "found": "how the message was found",
    }
)


@click.group("reported", cls=Listing)
def reported() -> None:
    """List and answer messages reported as suspicious. If one is harmful, purge it."""


@reported.command("list")
@click.option("--lane", type=click.Choice(LANES), default=LANES[0], help="Who reported them.", show_default=True)
@list_options(REPORTED)
@ask_api
def list_reported(desk: Desk, form: Form, lane: str) -> None:
    """List open reports, newest first."""
    REPORTED.print(map(row_of, desk.items("/reported", lane=lane)), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A report as a line."""
    mail = one["delivery"] or {"id": "", "state": ""}
    about = {"delivery": mail["id"], "state": mail["state"], "author": one["author"], "subject": one["subject"], "found": one["how"]}
    return {"id": one["id"], "at": format_instant(one["at"], "minutes"), "by": one["by_name"], "others": one["others"]} | about


@reported.command("answer")
@click.argument("report_id", metavar="ID")
@click.option("--good/--bad", "good", default=None, help="The message is harmless, or it is not.")
@click.option("--comment", "words", default="", help="Text for those who reported it.")
@act_on_api
def answer(desk: Desk, report_id: str, good: bool | None, words: str) -> None:
    """Answer everybody who reported the same message. The message stays where it is."""
    if good is None:
        raise click.UsageError("give --good or --bad")
    told = desk.post(f"/reported/{given_id(report_id)}/answer", {"verdict": "good" if good else "bad", "comment": words})
    say(f"{told['reporters']} people get the answer" if told["reporters"] != 1 else "one person gets the answer")
