"""`mailroom reported`: what people here find odd and have reported, and saying what it is."""

from typing import Any

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.commands.selection_options import given_id
from triage_cli.lazy_group import Listing
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

REPORTED = Shape(
    {
        "id": "to answer it",
        "at": "when",
        "by": "who reports it",
        "others": "how many more report the same mail",
        "delivery": "to purge or release it; empty: no such mail came through us to them",
        "state": "of the delivery",
        "author": "who wrote it",
        "subject": "of the mail",
        "found": "how the mail was found",
    }
)


@click.group("reported", cls=Listing)
def reported() -> None:
    """List and answer messages reported as suspicious. To say that it was bad, purge the mail."""


@reported.command("list")
@list_options(REPORTED)
@ask_api
def list_reported(desk: Desk, form: Form) -> None:
    """What is reported and has no answer, the newest first."""
    REPORTED.print(map(row_of, desk.items("/reported")), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A report as a line."""
    mail = one["delivery"] or {"id": "", "state": ""}
    about = {"delivery": mail["id"], "state": mail["state"], "author": one["author"], "subject": one["subject"], "found": one["how"]}
    return {"id": one["id"], "at": format_instant(one["at"], "minutes"), "by": one["by_name"], "others": one["others"]} | about


@reported.command("answer")
@click.argument("report_id", metavar="ID")
@click.option("--good/--bad", "good", default=None, help="The mail is fine, or it is not.")
@click.option("--comment", "words", default="", help="Whoever reported it reads them.")
@act_on_api
def answer(desk: Desk, report_id: str, good: bool | None, words: str) -> None:
    """Tell everybody who reported the same mail what it is. The mail stays where it is."""
    if good is None:
        raise click.UsageError("say --good or --bad")
    told = desk.post(f"/reported/{given_id(report_id)}/answer", {"verdict": "good" if good else "bad", "comment": words})
    say(f"{told['reporters']} told" if told["reporters"] != 1 else "one person is told")
