"""Output of `mailroom release --allow`: each sender with its proof, before any is allowed."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from triage.errors import BadInput
from triage.text.numbers import format_count
from triage_cli.client.api_client import Desk
from triage_cli.client.exit_codes import DONE, REFUSED
from triage_cli.commands.selection_options import read_scope
from triage_cli.output.tables import Form, print_json, say

BY_PHONE = "The password was given by phone."  # reason of a release and of its rule
PROOF = {"genuine": "genuine", "not_proven": "not proven", "failed": "DMARC fails"}
OPTIONS = (
    click.option("--allow", metavar="SCOPE", callback=read_scope, help="Also allow the senders, for company, FOLDER or person:UID."),
    click.option("--allow-sender", multiple=True, metavar="VALUE", help="Sender that --allow is for; with several senders, name each."),
    click.option("--without", multiple=True, metavar="VALUE", help="Sender that --allow leaves out; their messages stay held."),
    click.option(
        "--encrypted", is_flag=True, help="With --allow for one folder: the password was given by phone; further encrypted files pass too."
    ),
    click.option("--dry-run", is_flag=True, help="With --allow: list who would be allowed, and change nothing."),
)


def rule_order(scope: str | None, senders: Sequence[str], without: Sequence[str], *, encrypted: bool) -> dict[str, Any] | None:
    """The allow that goes with a release. BadInput where senders are named and none are to be allowed."""
    if scope is None:
        if senders or without or encrypted:
            raise BadInput("--allow-sender, --without and --encrypted need --allow")
        return None
    more = {"encrypted": True, "note": BY_PHONE} if encrypted else {}
    return {"effect": "allow", "match": "address", "scope": scope, "senders": list(senders), "without": list(without)} | more


def preview_consent(desk: Desk, select: dict[str, Any], rule: dict[str, Any] | None, form: Form) -> int:
    """Print whom a release of this selection would allow, and do nothing."""
    if rule is None:
        raise BadInput("--dry-run needs --allow")
    found = desk.post("/selections/preview", {"select": select, "verb": "release", "rule": rule})
    if form is Form.JSON:
        print_json(found)
    else:
        for line in consent_lines(found["allow"]):
            say(line)
    return DONE


def refuse_unnamed(desk: Desk, select: dict[str, Any], rule: dict[str, Any] | None) -> int:
    """Say who the senders are where there are several and nobody is named; then REFUSED, and nothing is done."""
    if rule is None or rule["senders"]:
        return DONE
    allow = desk.post("/selections/preview", {"select": select, "verb": "release", "rule": rule})["allow"]
    if len([one for one in allow["senders"] if one["sender"] not in rule["without"]]) < 2:
        return DONE
    for line in consent_lines(allow):
        say(line)
    say("Nothing was done: name each sender with --allow-sender or --without.")
    return REFUSED


def consent_lines(allow: dict[str, Any]) -> Iterator[str]:
    """Yields the senders that a release would allow, with proof, severity and warnings, then the rules."""
    chosen = sum(one["chosen"] for one in allow["senders"])
    yield f"Would release {format_count(allow['count'], 'message')} and allow {chosen} of these senders."
    for one in allow["senders"]:
        what = "allow" if one["chosen"] else "leave"
        count = format_count(one["count"], "message")
        yield f"  {what}  {one['sender'] or 'no sender'}: {count}, {PROOF[one['proof']]}, severity {one['severity']}."
        for why in [one["why_not"]] if one["why_not"] else one["warnings"]:
            yield f"         {why}"
    for rule in allow["rules"]:
        also = ", also with encrypted files" if rule["encrypted"] else ""
        yield f"Rule: allow {rule['value']} for {rule['scope']} with proof {rule['proof']}{also}."
