"""Look at mail: `mailroom deliveries`, `show`."""

from datetime import datetime
from typing import Any

import click

from triage.errors import BadInput
from triage.times import utcnow
from triage_cli.client.api_client import Declined, Desk
from triage_cli.client.client_option import ask_api
from triage_cli.commands.selection_options import given_id, select_of, selecting
from triage_cli.output.raw_bytes import open_output
from triage_cli.output.tables import Form, Shape, json_option, list_options, say
from triage_cli.output.timestamps import format_instant

NOT_FOUND = 404
LINE = {
    "id": "of the delivery",
    "state": "held, queued, relaying, delivered, bounced, recalling, restoring, purged, rejected or expired",
    "received": "when it came in",
    "folder": "DEPARTMENT+PERSON, or the department alone",
    "sender": "author's address",
    "subject": "of the message",
    "campaign": "id of the campaign",
}
DELIVERIES = Shape(LINE, ("id", "state", "received", "folder", "sender", "subject"))
DELIVERY = Shape(
    LINE
    | {
        "message": "id of the message, which all its deliveries share",
        "to": "recipient, as the sender wrote it",
        "note": "a remark on how it was addressed",
        "mailbox": "where it goes when it is released",
        "from": "name and address of the author",
        "client": "SMTP client: address and HELO name",
        "reverse_path": "MAIL FROM",
        "proof": "what proves who sent it",
        "rule": "the policy rule that decided",
        "why": "in words",
        "signals": "findings about the message",
        "priority": "0-100; it sorts the queue",
        "why_here": "reasons for the priority",
        "expires": "when its code or link stops working",
        "attachments": "name, type and size of each",
        "last_reply": "of the next hop",
        "viewed": "when and by whom; only for auditors, data protection officers and the message's recipient",
        "text": "the text, line by line",
    }
)


@click.command()
@selecting
@click.option("--rule", default="", metavar="NAME", help="Only those decided by this rule, such as listed-client.")
@click.option("--limit", default=50, show_default=True, help="Maximum number of rows.")
@list_options(DELIVERIES)
@ask_api
def deliveries(desk: Desk, /, rule: str, limit: int, form: Form, **features: Any) -> None:
    """List messages by recipient, the newest first. Without a selection only those that are held."""
    wanted = select_of(**features)
    if not wanted and not rule:
        wanted = {"states": ["held"]}
    query = {{"ids": "id", "states": "state"}.get(name, name): value for name, value in wanted.items()}
    if query.get("person") == "":
        query["person"] = [""]
    DELIVERIES.print(map(row_of, desk.items("/deliveries", limit, rule=rule, **query)), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A delivery as a line of a list."""
    return {
        "id": one["id"],
        "state": one["state"],
        "received": format_instant(one["received_at"]),
        "folder": f"{one['department']}+{one['person']}" if one["person"] else one["department"],
        "sender": one["author"],
        "subject": one["subject"],
        "campaign": one["campaign"] or "",
    }


@click.command()
@click.argument("delivery_id", metavar="ID")
@click.option("--headers", is_flag=True, help="The message's header block.")
@click.option("--source", is_flag=True, help="The message as received, byte for byte; a terminal shows control characters as escapes.")
@click.option("--raw", is_flag=True, help="With --source: unchanged on a terminal too; control characters take effect.")
@click.option("--reason", default="", help="Why you open a message in a confidential folder, for the audit log.")
@json_option(DELIVERY)
@ask_api
def show(desk: Desk, delivery_id: str, headers: bool, source: bool, raw: bool, reason: str, form: Form) -> None:
    """Show one message. The audit log records it.

    The ID of a message works too; if it has several deliveries, they are listed.
    """
    if raw and not source:
        raise BadInput("--raw is about --source: name both")
    delivery = delivery_named(desk, given_id(delivery_id), form)
    if delivery is None:
        return
    message = f"/messages/{delivery['message_id']}"
    if source:
        with open_output(raw=raw) as take:
            desk.download(f"{message}/source", take, reason=reason)
    elif headers:
        for line in desk.get(f"{message}/headers", reason=reason)["text"].split("\n"):
            say(line)
    else:
        text = desk.get(f"{message}/text", reason=reason)["text"]
        DELIVERY.print_one(describe_delivery(delivery, desk.get(message, links="false"), text), form)


def delivery_named(desk: Desk, number: str, form: Form) -> dict[str, Any] | None:
    """The delivery with this id, or the only one of the message with this id; None when there are several, which are listed then."""
    try:
        found: dict[str, Any] = desk.get(f"/deliveries/{number}")
        return found
    except Declined as refusal:
        if refusal.status != NOT_FOUND:
            raise
        theirs = list(desk.items("/deliveries", q=f"queue-id:{number}"))
        if not theirs:
            raise
    if len(theirs) == 1:
        return delivery_named(desk, theirs[0]["id"], form)
    DELIVERIES.print(map(row_of, theirs), form)
    return None


def describe_delivery(delivery: dict[str, Any], message: dict[str, Any], text: str) -> dict[str, Any]:
    """Returns the fields of one delivery that fit a terminal."""
    return row_of(delivery) | {
        "message": message["id"],
        "to": delivery["recipient"],
        "note": delivery["note"],
        "mailbox": delivery["mailbox"],
        "from": describe_author(delivery),
        "client": f"{message['client']} ({message['helo']})",
        "reverse_path": message["reverse_path"] or "<>",
        "proof": delivery["proof"] or f"none (DMARC {message['authentication']['dmarc']['result']})",
        "rule": delivery["verdict"]["rule"],
        "why": delivery["verdict"]["reason"],
        "signals": [signal["sentence"] for signal in delivery["signals"]],
        "priority": delivery["priority"],
        "why_here": [f"{reason['points']:+d} {reason['sentence']}" for reason in delivery["why_here"]],
        "expires": expiry_of(delivery),
        "attachments": [f"{one['name']} ({one['media_type']}, {one['size']} bytes)" for one in message["attachments"]],
        "last_reply": delivery["last_reply"],
        "viewed": [f"{format_instant(past['at'])} {past['sentence']}" for past in delivery["history"] if past["act"] == "viewed"],
        "text": text.splitlines(),
    }


def describe_author(delivery: dict[str, Any]) -> str:
    """Returns name and address of the author; of a message without a clear one, whom it claims to be from."""
    author = f"{delivery['author_name']} <{delivery['author']}>".strip()
    return f"unclear author, claims to be {author}" if delivery["claimed"] else author


def expiry_of(delivery: dict[str, Any]) -> str:
    """Returns when a delivery's code or link expires, and whether that is over or only usual; "" where nothing expires."""
    until = delivery["time_limited_until"]
    if until is None:
        return ""
    is_over = datetime.fromisoformat(until) <= utcnow()
    return f"{format_instant(until)} ({'expired' if is_over else 'usually' if delivery['lifetime_assumed'] else 'stated in the message'})"
