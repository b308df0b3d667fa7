"""Sender rules: `mailroom rules list`, `remove`, `redirect`, `change`, `explain`."""

from typing import Any

import click

from triage.errors import BadInput
from triage.policy.rules.rule_subject import match_of, word_of
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api, names_server
from triage_cli.commands.confirm_option import CONFIRM, ask_confirmed
from triage_cli.commands.policy.allow_block import warnings_of
from triage_cli.commands.policy.content_rules import make_content_rule, pause, resume
from triage_cli.commands.policy.rule_suggestions import propose
from triage_cli.commands.policy.rules_file_tests import run_rules_file
from triage_cli.commands.policy.rules_import_export import export_rules, import_rules
from triage_cli.commands.selection_options import given_id, parse_date, read_scope
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

RULES = Shape(
    {
        "id": "of the rule",
        "effect": "allow, block, redirect or hold; on content also purge, mark",
        "sender": "ADDRESS, DOMAIN, .DOMAIN (with subdomains), list:LIST-ID, recipient:ADDRESS or content:NAME",
        "to": "target of a redirect",
        "scope": "company, department:CODE or person:UID",
        "proof": "required proof",
        "author": "who made it",
        "used": "number of uses; empty outside your scope",
        "until": "end",
        "note": "why",
        "origin": "staff, import, or standing: made by a purge",
        "risky": "allow rule: also with risky attachments",
        "unchecked": "allow rule: no check of known senders holds it",
        "conditions": "of a rule on content",
        "paused_at": "rule on content: it does nothing since then",
        "encrypted": "allow rule: also with files that only a password closes",
        "lapse_days": "days after the last message in either direction when it expires; 0: never",
        "first_used_at": "time of that use",
        "last_used_at": "time of that use",
        "warnings": "why it may never work, conflicts with other rules, exceptions",
    },
    table=("id", "effect", "sender", "to", "scope", "proof", "author", "used", "last_used_at", "until", "note", "warnings"),
)
CASES = Shape(
    {
        "when": "by proof; of a delivery then and now",
        "what": "relay, quarantine or purge; `also`: matches, but does not decide",
        "rule": "policy rule, and the id of the sender rule",
        "reason": "in words",
    }
)
SENDER = "ADDRESS|DOMAIN|.DOMAIN|list:LIST-ID|recipient:ADDRESS"


@click.group(invoke_without_command=True)
@names_server
@click.pass_context
def rules(ctx: click.Context) -> None:
    """List and manage allow rules and block rules."""
    if not ctx.invoked_subcommand:
        ctx.invoke(list_rules, q="", scope="", limit=100, form=Form.TEXT)


for command in (propose, import_rules, export_rules, make_content_rule, pause, resume, run_rules_file):
    rules.add_command(command)


@rules.command("list")
@click.option("--search", "q", default="", metavar="TEXT", help="Part of the sender.")
@click.option("--scope", default="", metavar="company|FOLDER|person:UID", callback=read_scope, help="Only rules for exactly this scope.")
@click.option("--limit", default=100, show_default=True, help="Maximum number of rows.")
@list_options(RULES)
@ask_api
def list_rules(desk: Desk, q: str, scope: str, limit: int, form: Form) -> None:
    """List the rules in force, newest first."""
    RULES.print(map(row_of, desk.items("/rules", limit, q=q, scope=scope)), form)


def proof_of(rule: dict[str, Any]) -> str:
    """Returns the proof that a rule requires, or that a block is for unclear authors or unproven messages only."""
    if rule["effect"] == "block" and rule["proof"] == "claimed":
        return "unclear authors only"
    return rule["proof"] or ("unproven messages only" if rule["unproven_only"] else "")


def row_of(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule as a line of a list."""
    return rule | {
        "sender": word_of(rule["match"], rule["value"]),
        "to": rule["target"],
        "proof": proof_of(rule),
        "until": format_instant(rule["until"]),
        "paused_at": format_instant(rule["paused_at"]),
        "conditions": [f"{name}={','.join(values)}" for name, values in rule["conditions"].items()],
        "first_used_at": format_instant(rule["first_used_at"]),
        "last_used_at": format_instant(rule["last_used_at"]),
        "warnings": warnings_of(rule),
    }


@rules.command("remove")
@click.argument("rule_ids", metavar="ID...", nargs=-1, required=True)
@act_on_api
def remove_rules(desk: Desk, rule_ids: tuple[str, ...]) -> None:
    """Remove rules. The audit log keeps them."""
    chosen = [given_id(one) for one in rule_ids]
    for one in chosen:  # all of them are there, or none is removed
        desk.get(f"/rules/{one}")
    for one in chosen:
        desk.ask("DELETE", f"/rules/{one}")


@rules.command("redirect")
@click.argument("sender", metavar=SENDER)
@click.option("--to", required=True, metavar="NAME|ADDRESS", help="A person, a department, or an address here.")
@click.option("--recipient", default="", metavar="ADDRESS", help="Only messages to this address of yours.")
@click.option(
    "--scope",
    default="company",
    show_default=True,
    metavar="company|FOLDER|person:UID",
    callback=read_scope,
    help="Scope.",
)
@click.option("--until", metavar="DATE", help="End of the rule.")
@click.option("--note", default="", help="Note; everybody who sees the rule can read it.")
@act_on_api
def redirect_rule(desk: Desk, sender: str, until: str | None, **features: str) -> None:
    """Redirect messages of a sender, or to one of your addresses. Messages that would be held stay held."""
    match, value = match_of(sender)
    order = {"effect": "redirect", "match": match, "value": value, "until": parse_date(until, "--until")} | features
    rule = desk.post("/rules", order)
    say(f"{rule['id']}  redirect {word_of(rule['match'], rule['value'])} to {rule['target']} for {rule['scope']}")


@rules.command("change")
@click.argument("rule_id", metavar="ID")
@click.option("--proof", help="What proves the sender.", metavar="dmarc|aligned|dkim:DOMAIN|arc:DOMAIN")
@click.option("--until", metavar="DATE", help="End of the rule; never: none.")
@click.option("--lapse", "lapse_days", type=int, metavar="DAYS", help="Expires this many days after the last message in either direction.")
@click.option("--note", help="Note; everybody who sees the rule can read it.")
@click.option("--risky/--not-risky", default=None, help="Also with risky attachments.")
@CONFIRM
@act_on_api
def change_rule(desk: Desk, rule_id: str, until: str | None, lapse_days: int | None, confirm: tuple[str, ...], **given: Any) -> None:
    """Change a rule. Options that are not given stay as they are."""
    changes = {name: value for name, value in given.items() if value is not None}
    if until is not None and lapse_days is not None:
        raise BadInput("--until and --lapse cannot be combined")
    if until is not None:
        changes |= {"until": None if until == "never" else parse_date(until, "--until"), "lapse_days": 0}
    if lapse_days is not None:
        changes |= {"until": None, "lapse_days": lapse_days}
    if not changes:
        raise BadInput("name what to change: --proof, --until, --lapse, --note, --risky or --not-risky")
    ask_confirmed(desk, "PATCH", f"/rules/{given_id(rule_id)}", changes, confirm)


@rules.command("explain")
@click.argument("sender", metavar="ADDRESS|DELIVERY-ID")
@click.option("--to", default="", metavar="ADDRESS", help="Recipient.")
@click.option("--list", "list_id", default="", metavar="LIST-ID", help="As if it came through this mailing list.")
@list_options(CASES)
@ask_api
def explain_rules(desk: Desk, sender: str, to: str, list_id: str, form: Form) -> None:
    """Explain which rule decides about a sender, or about one delivery, and what else matches."""
    if "@" in sender:
        if not to:
            raise BadInput("--to: name an address of yours, such as --to joe.fern@company.example")
        told = desk.post("/rules/explain", {"sender": sender, "to": to, "list_id": list_id})
        cases = [(one["proof"], one) for one in told["cases"]]
    else:
        told = desk.post("/rules/explain", {"delivery": delivery_of(sender)})
        cases = [(when, told[when]) for when in ("then", "today") if told[when]]
    CASES.print([row for name, one in cases for row in rows_of(name, one)], form)
    if told["note"] and form is Form.TEXT:
        say(told["note"])


def delivery_of(text: str) -> str:
    """The delivery that is to be explained."""
    try:
        return given_id(text)
    except BadInput:
        raise BadInput(f'"{text[:80]}" is neither an email address nor the id of a delivery (13 characters, digits and letters)') from None


def rows_of(when: str, one: dict[str, Any]) -> list[dict[str, str]]:
    """Rows of a test case: the deciding rule, and below it the others that match."""
    decides = {"when": when, "what": one["disposition"], "rule": rule_name(one), "reason": one["reason"]}
    return [decides, *({"when": "", "what": "also", "rule": rule_name(two), "reason": two["reason"]} for two in one["other_rules"])]


def rule_name(one: dict[str, Any]) -> str:
    """The policy's rule, and the sender rule if there is one."""
    return f"{one['rule']} {one['rule_id']}" if one["rule_id"] else str(one["rule"])
