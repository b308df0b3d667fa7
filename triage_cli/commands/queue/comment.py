"""`mailroom comment`: comments of staff about a message, read and written."""

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api
from triage_cli.output.tables import say
from triage_cli.output.timestamps import format_instant


@click.command("comment")
@click.argument("delivery_id", metavar="ID")
@click.argument("text", default="")
@click.option("--reason", default="", help="Reason for reading comments about a confidential message, for the audit log.")
@act_on_api
def comment(desk: Desk, delivery_id: str, text: str, reason: str) -> None:
    """Comment on a message without assigning it; without TEXT, list the comments.

    Staff who may read the message see them. They are erased with it.
    """
    path = f"/deliveries/{delivery_id}/comments"
    if text:
        desk.post(path, {"text": text})
    for one in desk.get(path, reason=reason)["items"]:
        text = "(confidential: give --reason to read it)" if one["withheld"] else one["text"]
        say(f"{format_instant(one['at'])} {one['by_name']}: {text}")
