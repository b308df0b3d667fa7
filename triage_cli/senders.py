"""Let senders in or keep them out: `mailroom allow`, `block`."""

from typing import Any

import click

from triage import doubts, second_key, trial
from triage.ids import show
from triage.models import PendingAct
from triage.rule_files import match_of
from triage.rules import RuleOrder
from triage.times import utcnow
from triage.visible import visible
from triage_cli.mail import waits
from triage_cli.opened import settings_of, shell_user, writing
from triage_cli.printing import say
from triage_cli.selecting import date


def rule_command(effect: str, text: str) -> click.Command:
    """`mailroom allow` or `mailroom block`."""

    @click.argument("sender", metavar="ADDRESS|DOMAIN|.DOMAIN|list:LIST-ID")
    @click.option("--scope", default="company", show_default=True, metavar="company|department:CODE|person:UID")
    @click.option("--until", metavar="DATE", help="The rule runs out then.")
    @click.option("--note", default="")
    @click.option("--lapse", "lapse_days", default=0, metavar="DAYS", help="It runs out so many days after the last mail either way.")
    @click.option("--dry-run", is_flag=True, help="Only say what it would have done in the last thirty days.")
    @click.pass_context
    def command(ctx: click.Context, /, sender: str, scope: str, until: str | None, note: str, dry_run: bool, **features: Any) -> int:
        settings = settings_of(ctx)
        match, value = match_of(sender)
        order = RuleOrder(effect, match, value, scope, until=date(until, "--until"), note=note, **features)
        with writing(settings, "door") as session:
            if dry_run:
                say(trial.trial(session, order, by=shell_user(), settings=settings, now=utcnow()).sentence)
                return 0
            rule = second_key.add_rule(session, order, by=shell_user(), now=utcnow(), settings=settings)
            if isinstance(rule, PendingAct):
                return waits(rule)
            sentence = f"{show(rule.id)}  {rule.effect} {rule.value} for {rule.scope}" + (f" with proof {rule.proof}" if rule.proof else "")
            warnings = [rule.doubt, *(one.sentence for one in doubts.of_rules(session, [rule], utcnow(), by=shell_user())[rule.id])]
        say(sentence)
        for warning in filter(None, warnings):
            click.echo(f"mailroom: {visible(warning)}", err=True)
        return 0

    if effect == "allow":
        command = click.option("--risky", is_flag=True, help="Also with risky attachments.")(command)
        command = click.option(
            "--proof", default="", metavar="dmarc|aligned|dkim:DOMAIN|arc:DOMAIN", help="What proves the sender; default dmarc."
        )(command)
    return click.command(effect, help=text)(command)


allow = rule_command("allow", "Let a sender in for good, who proves who they are.")
block = rule_command("block", "Keep a sender out; company-wide blocks refuse at the door.")
