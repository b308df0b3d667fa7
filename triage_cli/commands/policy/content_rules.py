"""Rules on content from the shell: `mailroom rules content`, `pause`, `resume`."""

from typing import Any

import click

from triage.errors import BadInput
from triage.policy.content_rules.conditions import CONTENT, CONTENT_EFFECTS, NAMES
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api
from triage_cli.client.exit_codes import DONE
from triage_cli.commands.confirm_option import CONFIRM, ask_confirmed, post_confirmed
from triage_cli.commands.decisions.decide import say_it_waits
from triage_cli.commands.selection_options import given_id, parse_date, read_scope
from triage_cli.output.tables import say


@click.command("content")
@click.argument("name")
@click.option("--effect", type=click.Choice(CONTENT_EFFECTS), required=True, help="What happens to messages that match.")
@click.option("--when", multiple=True, required=True, metavar="CONDITION=VALUE,…", help="Condition; repeat for several, all must match.")
@click.option("--note", required=True, help="Reason; everybody who decides about the messages can read it.")
@click.option("--to", default="", metavar="NAME|ADDRESS", help="Destination of a redirect.")
@click.option("--scope", default="company", show_default=True, metavar="company|FOLDER|person:UID", callback=read_scope, help="Scope.")
@click.option("--until", metavar="DATE", help="End of the rule.")
@click.option("--paused", is_flag=True, help="Create it paused, until `mailroom rules resume`.")
@click.option("--dry-run", is_flag=True, help="Only print what it would have done in the last thirty days.")
@CONFIRM
@act_on_api
def make_content_rule(
    desk: Desk, name: str, when: tuple[str, ...], until: str | None, dry_run: bool, confirm: tuple[str, ...], **features: Any
) -> int:
    """Hold, purge, redirect or mark messages by their content. It releases nothing.

    Conditions: attachment_hash, attachment_kind, attachment_name, author, direction, language, link_domain, list, reply_to, signal,
    wording. In a value, * stands for any characters.
    """
    order = {"match": CONTENT, "value": name, "conditions": read_conditions(when), "until": parse_date(until, "--until")} | features
    if dry_run:
        say_content_trial(desk.post("/rules/preview", order))
        return DONE
    rule = post_confirmed(desk, "/rules", order, confirm)
    if "expires_at" in rule:
        return say_it_waits(rule)
    paused = ", paused" if rule["paused_at"] else ""
    say(f"{rule['id']}  {rule['effect']} content:{rule['value']} for {rule['scope']}{paused}")
    return DONE


def read_conditions(given: tuple[str, ...]) -> dict[str, list[str]]:
    """The conditions of `--when`."""
    found: dict[str, list[str]] = {}
    for one in given:
        name, equals, values = one.partition("=")
        if not equals or name not in NAMES:
            raise BadInput(f'--when: write CONDITION=VALUE, where the condition is one of {", ".join(NAMES)}; not "{one[:80]}"')
        found.setdefault(name, []).extend(values.split(","))
    return found


def say_content_trial(found: dict[str, Any]) -> None:
    """Say what a rule on content would have done, to which messages, and what has to be confirmed before it is made."""
    say(found["sentence"])
    for one in found["second_look"]:
        say(f"{one['name']}  {one['sentence']}")
    if found["examples"]:
        say(f"for example: mailroom show {found['examples'][0]}")


def pause_command(name: str, text: str, *, paused: bool) -> click.Command:
    """`mailroom rules pause` or `mailroom rules resume`."""

    @click.argument("rule_ids", metavar="ID...", nargs=-1, required=True)
    @act_on_api
    def command(desk: Desk, /, rule_ids: tuple[str, ...], confirm: tuple[str, ...] = ()) -> None:
        for one in map(given_id, rule_ids):
            ask_confirmed(desk, "PATCH", f"/rules/{one}", {"paused": paused}, confirm)

    return click.command(name, help=text)(command if paused else CONFIRM(command))


pause = pause_command("pause", "Pause rules on content.", paused=True)
resume = pause_command("resume", "Resume paused rules on content.", paused=False)
