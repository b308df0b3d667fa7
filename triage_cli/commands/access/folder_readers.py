"""`mailroom who-can-read`: who can read a folder's messages, and why."""

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import ask_api
from triage_cli.output.tables import Form, Shape, list_options, say

READERS = Shape(
    {
        "kind": "person, token, or account (on the IMAP server)",
        "name": "login, id of a token, or address of the account",
        "shown": "full name, or what the token is for",
        "role": "empty for an account",
        "access": "content, or count: only how many messages are held",
        "why": "scope, assistant, substitute, keeper",
    },
    ("name", "shown", "role", "access", "why"),
)


@click.command("who-can-read")
@click.argument("folder")
@list_options(READERS)
@ask_api
def who_can_read(desk: Desk, folder: str, form: Form) -> None:
    """Say who can read a folder, and why: by scope, as keeper, assistant, substitute or auditor, or with a token.

    FOLDER is department:CODE or person:UID; the code or uid alone works too.
    """
    found = desk.get("/folder-readers", folder=folder)
    if form is Form.TEXT:
        confidential = f" (confidential: {', '.join(found['confidential'])})" if found["confidential"] else ""
        say(f"{found['folder']}, {found['name']}{confidential}")
    READERS.print(found["readers"], form)
    if form is Form.TEXT:
        for note in found["notes"]:
            say(note)
