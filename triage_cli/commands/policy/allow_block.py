"""Let senders in, keep them out or hold all that they send: `mailroom allow`, `block`, `hold-sender`."""

import shlex
from typing import Any

import click

from triage.policy.rules.rule_subject import match_of, word_of
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api
from triage_cli.client.exit_codes import DONE
from triage_cli.commands.confirm_option import CONFIRM, post_confirmed
from triage_cli.commands.decisions.decide import say_it_waits
from triage_cli.commands.selection_options import parse_date, read_scope
from triage_cli.output.tables import say, warn
from triage_cli.output.timestamps import format_instant


def rule_command(effect: str, text: str) -> click.Command:
    """`mailroom allow` or `mailroom block`."""

    @click.argument("sender", metavar="ADDRESS|DOMAIN|.DOMAIN|list:LIST-ID")
    @click.option("--scope", default="company", show_default=True, metavar="company|FOLDER|person:UID", callback=read_scope)
    @click.option("--until", metavar="DATE", help="End of the rule.")
    @click.option("--note", default="", help="Note; everybody who sees the rule can read it.")
    @click.option(
        "--lapse", "lapse_days", default=0, metavar="DAYS", help="Expires this many days after the last message in either direction."
    )
    @click.option("--dry-run", is_flag=True, help="Only print what it would have done in the last thirty days.")
    @act_on_api
    def command(desk: Desk, /, sender: str, until: str | None, dry_run: bool, confirm: tuple[str, ...] = (), **features: Any) -> int:
        match, value = match_of(sender)
        order = {"effect": effect, "match": match, "value": value, "until": parse_date(until, "--until")} | features
        if dry_run:
            return say_trial(desk, order)
        rule = post_confirmed(desk, "/rules", order, confirm)
        if "expires_at" in rule:
            return say_it_waits(rule)
        proof = f" with proof {rule['proof']}" if rule["proof"] else ""
        say(f"{rule['id']}  {rule['effect']} {word_of(rule['match'], rule['value'])} for {rule['scope']}{proof}")
        warn_of(rule)
        if rule["delivered"]:
            offer_removal(rule["delivered"])
        return DONE

    if effect == "allow":
        command = CONFIRM(command)
        command = click.option("--risky", is_flag=True, help="Also with risky attachments.")(command)
        command = click.option(
            "--encrypted", is_flag=True, help="Also with password-protected files, for one folder; expires after 90 days."
        )(command)
        command = click.option("--unchecked", is_flag=True, help="No check of known senders holds its messages.")(command)
        command = click.option(
            "--proof", default="", metavar="dmarc|aligned|dkim:DOMAIN|arc:DOMAIN", help="What proves the sender; default dmarc."
        )(command)
    else:
        command = click.option(
            "--forgeries", "unproven_only", is_flag=True, help="Only messages without proof of their sender; genuine ones still arrive."
        )(command)
    return click.command(effect, help=text)(command)


@click.command("hold-sender")
@click.argument("sender", metavar="ADDRESS|DOMAIN|.DOMAIN")
@click.option("--until", metavar="DATE", help="End of the hold. Default: in two weeks.")
@click.option("--reason", required=True, help="Reason; everybody who decides about the messages can read it.")
@click.option("--scope", default="company", show_default=True, metavar="company|FOLDER|person:UID", callback=read_scope)
@click.option("--dry-run", is_flag=True, help="Only print what it would have held in the last thirty days.")
@act_on_api
def hold_sender(desk: Desk, /, sender: str, until: str | None, reason: str, scope: str, dry_run: bool) -> int:
    """Hold all messages of a sender until a date.

    No message is refused. Replies to your messages and messages that only claim the name are held too.
    """
    match, value = match_of(sender)
    order = {"effect": "hold", "match": match, "value": value, "scope": scope, "until": parse_date(until, "--until"), "note": reason}
    if dry_run:
        return say_trial(desk, order)
    rule = desk.post("/rules", order)
    if "expires_at" in rule:
        return say_it_waits(rule)
    say(f"{rule['id']}  hold {word_of(rule['match'], rule['value'])} for {rule['scope']} until {format_instant(rule['until'])}")
    warn_of(rule)
    return DONE


def say_trial(desk: Desk, order: dict[str, Any]) -> int:
    """Say what a rule would have done."""
    found = desk.post("/rules/preview", order)
    say(found["sentence"])
    warn_of(found)
    return DONE


OPTIONS = {
    "sender": "--sender",
    "domain": "--domain",
    "campaign": "--campaign",
    "proof": "--proof",
    "states": "--state",
    "since": "--since",
    "department": "--department",
    "person": "--person",
}


def offer_removal(delivered: dict[str, Any]) -> None:
    """Say what a blocked sender delivered lately, and the command that removes it."""
    options = [
        f"{OPTIONS[name]} {shlex.quote(one)}"
        for name, value in delivered["select"].items()
        for one in (value if isinstance(value, list) else [value])
    ]
    say(f"{delivered['sentence']}  mailroom purge {' '.join(options)} --expect {delivered['messages']}")


def warn_of(rule: dict[str, Any]) -> None:
    """Say what stands in the way of a rule, or of one that is tried out."""
    for one in warnings_of(rule):
        warn(one)


def warnings_of(rule: dict[str, Any]) -> list[str]:
    """Lists why a rule may never match, unless it has matched, and its conflicts with other rules, the weightiest first."""
    doubt = [rule["doubt"]] if rule["doubt"] and not rule.get("used") else []
    return doubt + [one["sentence"] for one in rule["clashes"]]


allow = rule_command("allow", "Allow a sender whose messages prove the address.")
block = rule_command("block", "Block a sender. The SMTP server refuses what is blocked for the whole company.")
