"""Command `mailroom where`: finds out where a message to a recipient is."""

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import ask_api
from triage_cli.commands.selection_options import parse_date
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

PLACES = Shape(
    {
        "at": "when it arrived, or was last refused",
        "state": "of the delivery, or refused",
        "sender": "author's address; MAIL FROM of a refused message",
        "recipient": "as the sender wrote it",
        "subject": "of the message; empty if it was refused",
        "sentence": "where it is, in words",
        "delivery": "id of the delivery; empty if it was refused",
    },
)


@click.command()
@click.argument("recipient")
@click.argument("words", required=False, default="")
@click.option("--since", metavar="DATE", help="Not before this time (ISO 8601, UTC by default). Default: seven days ago.")
@click.option("--until", metavar="DATE", help="Not after this time.")
@list_options(PLACES)
@ask_api
def where(desk: Desk, recipient: str, words: str, since: str | None, until: str | None, form: Form) -> None:
    """Say where a message is: held, decided, delivered, expired, refused at SMTP and why, or never seen.

    RECIPIENT is an address, a name or part of one; WORDS are parts of the sender or subject.
    """
    found = desk.get("/where", to=recipient, q=words, since=parse_date(since, "--since"), until=parse_date(until, "--until"))
    rows = [one | {"at": format_instant(one["at"]), "delivery": one["delivery"] or ""} for one in found["places"]]
    if form is not Form.TEXT:
        PLACES.print(rows, form)
        return
    say(found["sentence"])
    for one in rows:
        say(f"{one['at']}  {one['sender']} to {one['recipient'] or '?'}  {one['subject']}")
        say(f"    {one['sentence']}{' ID ' + one['delivery'] if one['delivery'] else ''}")
