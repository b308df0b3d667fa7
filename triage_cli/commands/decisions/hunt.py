"""`mailroom hunt`: messages in all mailboxes by subject, Message-ID, sender, link or attachment; seen and removed by two people."""

import time
from typing import Any

import click

from triage.text.numbers import format_count
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import ask_api
from triage_cli.client.exit_codes import DONE
from triage_cli.commands.decisions.decide import DECISION, REASON, await_decision
from triage_cli.commands.selection_options import given_id
from triage_cli.lazy_group import Listing
from triage_cli.output.tables import Form, Shape, json_option, list_options, print_table, say
from triage_cli.output.timestamps import format_instant

HUNTS = Shape(
    {
        "id": "of the hunt",
        "at": "when",
        "by": "who: person:LOGIN, shell:USER",
        "state": "counting, counted, waiting (for a second person), listing, listed, closed",
        "found": "messages that fit",
        "said": "the result, in words",
        "reason": "why",
        "not_searched": "mailboxes that were not searched to the end, and why",
    },
    ("id", "at", "by", "state", "said", "reason"),
)
MESSAGES = Shape(
    {
        "message": "id, for `hunt remove`",
        "mailbox": "its mailbox",
        "folder": "its folder",
        "at": "when it arrived there",
        "author": "author",
        "subject": "of the message",
        "read": "`read`, or empty",
        "state": "`contact`, `removed`, `not there`, `out of reach`, or the delivery of a message that came through Mailroom",
    }
)
APPROVAL = Shape({"approval": "id of the approval request", "said": "what is asked, in words"})
HUNT_ID = click.argument("hunt_id", metavar="ID")
PAUSE = 1.0  # seconds between two looks at a hunt


@click.group("hunt", cls=Listing)
def hunt() -> None:
    """Hunt messages in all mailboxes by subject, sender, link or attachment.

    Off by default (`recall.hunting`). Needs the right `hunt`, a reason, and a second person before any message is shown.
    """


@hunt.command("start")
@click.option("--subject", default="", metavar="TEXT", help="Part of the subject.")
@click.option("--message-id", default="", metavar="ID", help="The whole Message-ID.")
@click.option("--sender", default="", metavar="PATTERN", help="Author's address; * and ? are wildcards.")
@click.option("--link", default="", metavar="HOST", help="Host of a link or a parent domain; with a slash, part of the URL.")
@click.option("--sha256", default="", metavar="DIGEST", help="SHA-256 of an attachment.")
@click.option("--since", default=None, metavar="DATE", help="Received at or after this time; by default 31 days ago.")
@click.option("--reason", required=True, help="Reason, for the audit log and the auditors.")
@click.option("--wait", is_flag=True, help="Wait until every mailbox is searched.")
@json_option(HUNTS)
@ask_api
def start(desk: Desk, wait: bool, form: Form, **order: Any) -> int:
    """Count the messages that fit all criteria. Shows none and removes none."""
    return print_hunt(desk, desk.post("/hunts", order), wait=wait, form=form)


@hunt.command("list")
@list_options(HUNTS)
@ask_api
def list_hunts(desk: Desk, form: Form) -> None:
    """List hunts, the newest first."""
    HUNTS.print(map(hunt_row, desk.items("/hunts")), form)


@hunt.command("show")
@HUNT_ID
@click.option("--wait", is_flag=True, help="Wait until every mailbox is searched.")
@json_option(HUNTS)
@ask_api
def show(desk: Desk, hunt_id: str, wait: bool, form: Form) -> int:
    """Show how far a hunt is."""
    return print_hunt(desk, desk.get(f"/hunts/{given_id(hunt_id)}"), wait=wait, form=form)


@hunt.command("ask")
@HUNT_ID
@REASON
@json_option(APPROVAL)
@ask_api
def ask(desk: Desk, hunt_id: str, reason: str, form: Form) -> int:
    """Ask a second person to agree that the messages are shown. They confirm with `mailroom approvals confirm`."""
    asked = desk.post(f"/hunts/{given_id(hunt_id)}/show", {"reason": reason})
    APPROVAL.print_one({"approval": asked["id"], "said": asked["sentence"]}, form)
    return DONE


@hunt.command("messages")
@HUNT_ID
@list_options(MESSAGES)
@ask_api
def messages(desk: Desk, hunt_id: str, form: Form) -> None:
    """List what a hunt found, once a second person agreed."""
    MESSAGES.print(map(message_row, desk.get(f"/hunts/{given_id(hunt_id)}/messages")["items"]), form)


@hunt.command("remove")
@HUNT_ID
@click.argument("chosen", metavar="[MESSAGE]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All messages that bypassed Mailroom, except those from contacts.")
@click.option("--include-known", "known", is_flag=True, help="Also messages from contacts.")
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and change nothing.")
@REASON
@click.option("--wait", is_flag=True, help="Wait until they are removed.")
@json_option(DECISION)
@ask_api
def remove(
    desk: Desk, hunt_id: str, chosen: tuple[str, ...], everything: bool, known: bool, dry_run: bool, reason: str, wait: bool, form: Form
) -> int:
    """Remove messages that a hunt found from their mailboxes. `decisions undo` restores them."""
    if bool(chosen) == everything:
        raise click.UsageError("name messages, or give --all")
    path = f"/hunts/{given_id(hunt_id)}"
    order = {"messages": None if everything else [given_id(one) for one in chosen], "known": known}
    found = desk.post(f"{path}/preview", order)
    if dry_run:
        print_evidence(found, form)
        return DONE
    wanted = found["removable"] if everything else order["messages"]
    made = desk.post(f"{path}/removals", {"messages": wanted, "known": known, "fence": found["fence"], "reason": reason})
    if "asked_by" in made:
        DECISION.print_one({"decision": "", "approval": made["id"], "said": made["sentence"], "count": 0, "done": 0, "items": []}, form)
        return DONE
    return await_decision(desk, made, wait=wait, form=form)


@hunt.command("close")
@HUNT_ID
@json_option(HUNTS)
@ask_api
def close(desk: Desk, hunt_id: str, form: Form) -> int:
    """End a hunt and forget what it found. Removals stay."""
    return print_hunt(desk, desk.post(f"/hunts/{given_id(hunt_id)}/close", {}), wait=False, form=form)


def print_hunt(desk: Desk, found: dict[str, Any], *, wait: bool, form: Form) -> int:
    """Prints a hunt, once every mailbox is searched if asked to."""
    while wait and found["mailboxes_left"]:
        time.sleep(PAUSE)
        found = desk.get(f"/hunts/{found['id']}")
    HUNTS.print_one(hunt_row(found), form)
    return DONE


def hunt_row(one: dict[str, Any]) -> dict[str, Any]:
    """A hunt as a row."""
    return one | {"at": format_instant(one["at"], "minutes"), "said": one["sentence"]}


def message_row(one: dict[str, Any]) -> dict[str, Any]:
    """A message that a hunt found as a row."""
    state = one["delivery"] or one["outcome"] or ("being removed" if one["claimed_by"] else "contact" if one["known"] else "")
    return one | {"message": one["id"], "at": format_instant(one["at"]), "read": "read" if one["read"] else "", "state": state}


def print_evidence(found: dict[str, Any], form: Form) -> None:
    """Prints what a removal would take."""
    if form is Form.JSON:
        said = f"would remove {len(found['removable'])} of {format_count(found['count'], 'message')}"
        DECISION.print_one({"decision": "", "approval": "", "said": said, "count": found["count"], "done": 0, "items": []}, form)
        return
    mailboxes = format_count(found["mailboxes"], "mailbox", "mailboxes")
    say(f"would remove {len(found['removable'])} of {format_count(found['count'], 'message')} in {mailboxes}")
    say(f"{found['read']} read; {found['known']} from contacts; {found['ours']} came through Mailroom; {found['taken']} removed already")
    print_table([{"sender": one, "messages": number} for one, number in found["senders"]], ("sender", "messages"))
    print_table([{"subject": one, "messages": number} for one, number in found["subjects"]], ("subject", "messages"))
