"""Sender rules: `mailroom rules list`, `remove`, `redirect`, `change`, `explain`."""

from typing import Any

import click

from triage.errors import BadInput
from triage.policy.rules.rule_subject import match_of, word_of
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api, names_server
from triage_cli.commands.confirm_option import CONFIRM, ask_confirmed
from triage_cli.commands.policy.allow_block import warnings_of
from triage_cli.commands.policy.rule_suggestions import propose
from triage_cli.commands.policy.rules_import_export import export_rules, import_rules
from triage_cli.commands.selection_options import given_id, parse_date, read_scope
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

RULES = Shape(
    {
        "id": "of the rule",
        "effect": "allow, block, redirect or hold",
        "sender": "ADDRESS, DOMAIN, .DOMAIN (all below it), list:LIST-ID or recipient:ADDRESS",
        "to": "redirect: where such mail goes",
        "scope": "company, department:CODE or person:UID",
        "proof": "that it asks for",
        "author": "who made it",
        "used": "how often; empty where that would tell of mail beyond your scope",
        "until": "when it runs out",
        "note": "why",
        "origin": "staff, import, or standing: a purge left it behind",
        "risky": "an allow: also with risky attachments",
        "unchecked": "an allow: passes whatever the message says",
        "lapse_days": "it runs out so many days after the last mail either way; 0: not",
        "first_used_at": "of its uses",
        "last_used_at": "of its uses",
        "warnings": "why it may never work, which rules go before it or say the same, and which it is an exception to",
    },
    table=("id", "effect", "sender", "to", "scope", "proof", "author", "used", "last_used_at", "until", "note", "warnings"),
)
CASES = Shape(
    {
        "when": "under which proof; or then and today",
        "what": "relay, quarantine or purge; `also`: what matches too and does not decide",
        "rule": "of the policy, and the id of the sender rule",
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


for command in (propose, import_rules, export_rules):
    rules.add_command(command)


@rules.command("list")
@click.option("--search", "q", default="", metavar="TEXT", help="Part of the sender.")
@click.option("--scope", default="", metavar="company|FOLDER|person:UID", callback=read_scope, help="Only rules for exactly this one.")
@click.option("--limit", default=100, show_default=True, help="At most so many.")
@list_options(RULES)
@ask_api
def list_rules(desk: Desk, q: str, scope: str, limit: int, form: Form) -> None:
    """The rules in force, newest first."""
    RULES.print(map(row_of, desk.items("/rules", limit, q=q, scope=scope)), form)


def row_of(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule as a line of a list."""
    return rule | {
        "sender": word_of(rule["match"], rule["value"]),
        "to": rule["target"],
        "proof": rule["proof"] or ("unproven mail only" if rule["unproven_only"] else ""),
        "until": format_instant(rule["until"]),
        "first_used_at": format_instant(rule["first_used_at"]),
        "last_used_at": format_instant(rule["last_used_at"]),
        "warnings": warnings_of(rule),
    }


@rules.command("remove")
@click.argument("rule_ids", metavar="ID...", nargs=-1, required=True)
@act_on_api
def remove_rules(desk: Desk, rule_ids: tuple[str, ...]) -> None:
    """Take rules out of force; they stay on the record."""
    chosen = [given_id(one) for one in rule_ids]
    for one in chosen:  # all of them are there, or none is removed
        desk.get(f"/rules/{one}")
    for one in chosen:
        desk.ask("DELETE", f"/rules/{one}")


@rules.command("redirect")
@click.argument("sender", metavar=SENDER)
@click.option("--to", required=True, metavar="NAME|ADDRESS", help="A person, a department, or an address here.")
@click.option("--recipient", default="", metavar="ADDRESS", help="Only mail to this address of ours.")
@click.option(
    "--scope",
    default="company",
    show_default=True,
    metavar="company|FOLDER|person:UID",
    callback=read_scope,
    help="Whose mail.",
)
@click.option("--until", metavar="DATE", help="The rule runs out then.")
@click.option("--note", default="", help="Why; everybody who sees the rule reads it.")
@act_on_api
def redirect_rule(desk: Desk, sender: str, until: str | None, **features: str) -> None:
    """Always send mail of somebody, or to an address of ours, to somebody else here. It lets nothing in that would be held."""
    match, value = match_of(sender)
    order = {"effect": "redirect", "match": match, "value": value, "until": parse_date(until, "--until")} | features
    rule = desk.post("/rules", order)
    say(f"{rule['id']}  redirect {word_of(rule['match'], rule['value'])} to {rule['target']} for {rule['scope']}")


@rules.command("change")
@click.argument("rule_id", metavar="ID")
@click.option("--proof", help="What proves the sender.", metavar="dmarc|aligned|dkim:DOMAIN|arc:DOMAIN")
@click.option("--until", metavar="DATE", help="The rule runs out then; never: it does not.")
@click.option("--lapse", "lapse_days", type=int, metavar="DAYS", help="It runs out so many days after the last mail either way.")
@click.option("--note", help="Why; everybody who sees the rule reads it.")
@click.option("--risky/--not-risky", default=None, help="Also with risky attachments.")
@CONFIRM
@act_on_api
def change_rule(desk: Desk, rule_id: str, until: str | None, lapse_days: int | None, confirm: tuple[str, ...], **given: Any) -> None:
    """Change a rule; what is not named stays as it is."""
    changes = {name: value for name, value in given.items() if value is not None}
    if until is not None and lapse_days is not None:
        raise BadInput("--until and --lapse: a rule ends in one way; name one of them")
    if until is not None:
        changes |= {"until": None if until == "never" else parse_date(until, "--until"), "lapse_days": 0}
    if lapse_days is not None:
        changes |= {"until": None, "lapse_days": lapse_days}
    if not changes:
        raise BadInput("name what to change: --proof, --until, --lapse, --note, --risky or --not-risky")
    ask_confirmed(desk, "PATCH", f"/rules/{given_id(rule_id)}", changes, confirm)


@rules.command("explain")
@click.argument("sender", metavar="ADDRESS|DELIVERY-ID")
@click.option("--to", default="", metavar="ADDRESS", help="Somebody here.")
@click.option("--list", "list_id", default="", metavar="LIST-ID", help="As if it came through this list.")
@list_options(CASES)
@ask_api
def explain_rules(desk: Desk, sender: str, to: str, list_id: str, form: Form) -> None:
    """Which rule decides about mail of a sender, with which proof, and what else matches; or why a delivery went where it went."""
    if "@" in sender:
        if not to:
            raise BadInput("--to: name somebody here, such as --to joe.fern@company.example")
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
        raise BadInput(f'"{text[:80]}" is neither a mail address nor the id of a delivery (13 characters, digits and letters)') from None


def rows_of(when: str, one: dict[str, Any]) -> list[dict[str, str]]:
    """One case: what decides, and below it what matches too."""
    decides = {"when": when, "what": one["disposition"], "rule": rule_name(one), "reason": one["reason"]}
    return [decides, *({"when": "", "what": "also", "rule": rule_name(two), "reason": two["reason"]} for two in one["other_rules"])]


def rule_name(one: dict[str, Any]) -> str:
    """The policy's rule, and the sender rule if there is one."""
    return f"{one['rule']} {one['rule_id']}" if one["rule_id"] else str(one["rule"])
