"""`mailroom staff substitute`: who stands in for whom, from when until when."""

from typing import Any

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api
from triage_cli.commands.decisions.decide import REASON
from triage_cli.commands.selection_options import given_id, parse_date
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

SUBSTITUTES = Shape(
    {
        "id": "to end it",
        "absent": "login of the absent person",
        "substitute": "login of the substitute",
        "from": "begin",
        "until": "end",
        "reason": "why",
    }
)


@click.command("substitute")
@click.argument("absent", metavar="ABSENT")
@click.argument("substitute", metavar="SUBSTITUTE")
@click.option("--from", "starts", metavar="DATE", help="Begin (ISO 8601, UTC by default). Default: now.")
@click.option("--until", "ends", required=True, metavar="DATE", help="End (ISO 8601, UTC by default).")
@REASON
@act_on_api
def arrange(desk: Desk, absent: str, substitute: str, starts: str | None, ends: str, reason: str) -> None:
    """Let SUBSTITUTE see and decide what ABSENT may, for a time; both are logins. Confidential folders are excluded."""
    order = {"absent": absent, "substitute": substitute, "starts_at": parse_date(starts, "--from"), "ends_at": parse_date(ends, "--until")}
    made = desk.post("/substitutes", order | {"reason": reason})
    say(f"{made['id']}  {made['substitute']} is the substitute of {made['absent']} until {format_instant(made['ends_at'], 'minutes')}")


@click.command("substitutes")
@list_options(SUBSTITUTES)
@ask_api
def list_substitutes(desk: Desk, form: Form) -> None:
    """List current and later substitutes."""
    SUBSTITUTES.print(map(row_of, desk.items("/substitutes")), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A substitution as a line."""
    return one | {"from": format_instant(one["starts_at"], "minutes"), "until": format_instant(one["ends_at"], "minutes")}


@click.command("end-substitute")
@click.argument("substitution_id", metavar="ID")
@act_on_api
def end_substitute(desk: Desk, substitution_id: str) -> None:
    """End a substitution now."""
    desk.ask("DELETE", f"/substitutes/{given_id(substitution_id)}")
