"""Let senders in or keep them out: `mailroom allow`, `block`, `rules`."""

import json
from typing import Any

import click

from triage import rules as sender_rules, second_key
from triage.errors import NotFound
from triage.ids import show
from triage.models import PendingAct, Rule
from triage.rules import RuleOrder
from triage.times import utcnow
from triage_cli.mail import waits
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import say, table
from triage_cli.selecting import date, number

COLUMNS = ("id", "effect", "sender", "scope", "proof", "author", "used", "until", "note")


def rule_command(effect: str, text: str) -> click.Command:
    """`mailroom allow` or `mailroom block`."""

    @click.argument("sender", metavar="ADDRESS|DOMAIN|.DOMAIN|list:LIST-ID")
    @click.option("--scope", default="company", show_default=True, metavar="company|department:CODE|person:UID")
    @click.option("--until", metavar="DATE", help="The rule runs out then.")
    @click.option("--note", default="")
    @click.pass_context
    def command(ctx: click.Context, /, sender: str, scope: str, until: str | None, note: str, **features: Any) -> int:
        settings = settings_of(ctx)
        match, value = match_of(sender)
        order = RuleOrder(effect, match, value, scope, until=date(until, "--until"), note=note, **features)
        with writing(settings, "door") as session:
            rule = second_key.add_rule(session, order, by=shell_user(), now=utcnow(), settings=settings)
            if isinstance(rule, PendingAct):
                return waits(rule)
            sentence = f"{show(rule.id)}  {rule.effect} {rule.value} for {rule.scope}" + (f" with proof {rule.proof}" if rule.proof else "")
        say(sentence)
        return 0

    if effect == "allow":
        command = click.option("--risky", is_flag=True, help="Also with risky attachments.")(command)
        command = click.option(
            "--proof", default="", metavar="dmarc|aligned|dkim:DOMAIN|arc:DOMAIN", help="What proves the sender; default dmarc."
        )(command)
    return click.command(effect, help=text)(command)


def match_of(sender: str) -> tuple[str, str]:
    """What kind of rule the word means: an address has an @, a list says so, a dot comes before a domain with all below it."""
    if sender.startswith("list:"):
        return "list", sender.removeprefix("list:")
    return ("address", sender) if "@" in sender.lstrip("@") else ("domain", sender)


allow = rule_command("allow", "Let a sender in for good, who proves who they are.")
block = rule_command("block", "Keep a sender out; company-wide blocks refuse at the door.")


@click.group(invoke_without_command=True)
@click.pass_context
def rules(ctx: click.Context) -> None:
    """Sender rules in force; `rules remove ID` takes one back."""
    if not ctx.invoked_subcommand:
        ctx.invoke(list_rules)


@rules.command("list")
@click.option("--search", "q", default="", metavar="TEXT", help="Part of the sender.")
@click.option("--limit", default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_rules(ctx: click.Context, q: str = "", limit: int = 100, as_json: bool = False) -> None:
    """The rules in force, newest first."""
    with looking(settings_of(ctx)) as session:
        rows = [row_of(rule) for rule in sender_rules.listing(session, utcnow(), by=shell_user(), q=q, limit=limit)]
    table(rows, COLUMNS, as_json=as_json)


@rules.command("remove")
@click.argument("rule_ids", metavar="ID...", nargs=-1, required=True)
@click.pass_context
def remove_rules(ctx: click.Context, rule_ids: tuple[str, ...]) -> None:
    """Take rules out of force; they stay on the record."""
    with writing(settings_of(ctx), "door") as session:
        for rule_id in rule_ids:
            if not sender_rules.known_to(session, [number(rule_id)], by=shell_user()):
                raise NotFound(f"there is no rule {rule_id}")
            sender_rules.remove(session, number(rule_id), by=shell_user(), now=utcnow())


@rules.command("export")
@click.pass_context
def export_rules(ctx: click.Context) -> None:
    """Every rule in force as one JSON object a line."""
    with looking(settings_of(ctx)) as session:
        for rule in sender_rules.listing(session, utcnow(), by=shell_user(), limit=1_000_000):
            click.echo(json.dumps(row_of(rule), ensure_ascii=True))


def row_of(rule: Rule) -> dict[str, Any]:
    """A rule as a line of a list."""
    return {
        "id": show(rule.id),
        "effect": rule.effect,
        "sender": {"list": "list:", "subdomains": "."}.get(rule.match, "") + rule.value,
        "scope": rule.scope,
        "proof": rule.proof or ("unproven mail only" if rule.unproven_only else ""),
        "author": rule.author,
        "used": rule.used,
        "until": rule.until.isoformat() if rule.until else "",
        "note": rule.note,
    }
