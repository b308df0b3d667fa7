"""Decide about mail: a command for each verb, `mailroom release`, `purge` …; and how a decision is told."""

import time
from collections.abc import Sequence
from typing import Any

import click

from triage.errors import BadInput
from triage_cli.client.api_client import Declined, Desk
from triage_cli.client.client_option import ask_api
from triage_cli.client.exit_codes import DONE, REFUSED
from triage_cli.commands.confirm_option import CONFIRM, post_confirmed
from triage_cli.commands.decisions import print_consent, print_removal
from triage_cli.commands.selection_options import read_scope, select_of, selecting
from triage_cli.options import join_options
from triage_cli.output.progress import Progress
from triage_cli.output.tables import SENTENCE_SHAPE, Form, Shape, collect_sentences, json_option, print_table, say

DECISION = Shape(
    {
        "decision": "id, for `decisions undo`; empty while it waits for approval",
        "approval": "id of the approval request; empty if none is needed",
        "said": "the result, in words",
        "count": "deliveries that were selected",
        "done": "deliveries that were changed",
        "items": "the first 500: delivery, before (its state), outcome (done, refused, in flight, recalling, restoring, …), why",
    }
)
ITEM = ("delivery", "before", "outcome", "why")
SOONEST, LATEST = 0.2, 2.0  # seconds between two looks at what is under way
WAIT = click.option("--wait", is_flag=True, help="Wait until everything is sent, deferred or out of every mailbox.")
REASON = click.option("--reason", default="", help="Reason, for the audit log.")
HELP = {
    "release": "Release held messages.",
    "redirect": "Release held messages to another person or department.",
    "purge": "Remove messages everywhere, also from mailboxes. `mailroom restore` undoes it.",
    "reject": "Reject held messages and notify their proven senders. `mailroom restore` undoes it until the notice leaves.",
    "restore": "Restore removed, rejected or expired messages.",
    "hold": "Hold released messages that have not left.",
}
MORE = {
    "release": print_consent.OPTIONS,
    "redirect": (
        click.option(
            "--to",
            required=True,
            metavar="ADDRESS",
            help="Address of yours (a distribution list's too), a person's uid or a department's code.",
        ),
    ),
    "purge": (
        click.option(
            "--block",
            metavar="[SCOPE]",
            is_flag=False,
            flag_value="",
            callback=read_scope,
            help="Also block the campaign and its senders, for company, a folder or person:UID. Default: your scope.",
        ),
        click.option("--without", multiple=True, metavar="VALUE", help="Address or domain that --block leaves out."),
        click.option("--also", multiple=True, metavar="VALUE", help="Address or domain to block although staff released messages from it."),
        click.option("--include-known", "known", is_flag=True, help="Also messages of contacts and other known senders."),
        click.option("--dry-run", is_flag=True, help="Print what would be removed and blocked, and change nothing."),
    ),
    "reject": (
        click.option("--template", metavar="NAME", help="Notice to the sender: a name in reject.templates."),
        click.option("--text", metavar="WORDS", help="Text of the notice instead; {subject} and {recipient} are filled in."),
    ),
}


def verb_command(verb: str) -> click.Command:
    """The command of one verb."""

    @selecting
    @REASON
    @CONFIRM
    @click.option("--expect", type=int, help="Refuse unless exactly this many are selected.")
    @WAIT
    @json_option(DECISION)
    @ask_api
    def command(desk: Desk, /, reason: str, confirm: Sequence[str], expect: int | None, wait: bool, form: Form, **features: Any) -> int:
        more = {name: given for name in ("to", "template", "text") if (given := features.pop(name, None))}
        without = features.pop("without", None)
        allow, senders, encrypted = features.pop("allow", None), features.pop("allow_sender", ()), features.pop("encrypted", False)
        rule = print_consent.rule_order(allow, senders, without, encrypted=encrypted) if verb == "release" else None
        reason = reason or (print_consent.BY_PHONE if encrypted else "")
        block = block_order(features.pop("block", None), without, features.pop("also", None)) if verb == "purge" else None
        known, dry_run = features.pop("known", False), features.pop("dry_run", False)
        select = select_of(**features) | ({"known": True} if known else {})
        if dry_run:
            return (
                print_consent.preview_consent(desk, select, rule, form)
                if verb == "release"
                else print_removal.preview_removal(desk, select, form)
            )
        with collect_sentences(SENTENCE_SHAPE, form, always=False):
            refused = print_consent.refuse_unnamed(desk, select, rule)
        if refused:
            return refused
        order = {"verb": verb, "select": select, "reason": reason, "rule": rule, "block": block, "expect": expect}
        return carry_out(desk, order | more, confirm, wait=wait, form=form)

    made = click.command(verb, help=HELP[verb])
    return made(join_options(MORE.get(verb, ()))(command))


def block_order(scope: str | None, without: Sequence[str] | None, also: Sequence[str] | None) -> dict[str, Any] | None:
    """The blocks that go with a purge. BadInput where some are named and none are asked for."""
    if scope is None:
        if without or also:
            raise BadInput("--without and --also need --block")
        return None
    return {"scope": scope, "without": list(without or ()), "also": list(also or ())}


def carry_out(desk: Desk, order: dict[str, Any], confirm: Sequence[str] = (), *, wait: bool, form: Form) -> int:
    """Decide, say what became of it; exit code 1 when some items could not be changed, or it needs a second person's approval."""
    with collect_sentences(SENTENCE_SHAPE, form, always=False):
        try:
            done = post_confirmed(desk, "/decisions", order, confirm)
        except Declined as refusal:
            for item in refusal.problem.get("items", ()):
                say(f"{item['delivery']}  {item['outcome']}  {item['why']}")
            raise
    if "expires_at" in done:
        return print_approval(done, form)
    return await_decision(desk, done, wait=wait, form=form)


def say_it_waits(asked: dict[str, Any]) -> int:
    """Say that nothing is done yet; the exit code."""
    say(f"{asked['id']}  {asked['sentence']} Nothing is changed until a second person approves it.")
    return REFUSED


def print_approval(asked: dict[str, Any], form: Form) -> int:
    """As `say_it_waits`, as the fields of a decision where JSON is asked for."""
    if form is Form.TEXT:
        return say_it_waits(asked)
    items = [{"delivery": one, "before": "", "outcome": "waits", "why": ""} for one in asked["items"]]
    waiting = {"decision": "", "approval": asked["id"], "said": asked["sentence"], "count": len(items), "done": 0, "items": items}
    DECISION.print_one(waiting, form)
    return REFUSED


def await_decision(desk: Desk, done: dict[str, Any], *, wait: bool, form: Form) -> int:
    """Tell a decision, and wait for its end if asked to; the exit code."""
    if not wait:
        print_decision(done, form)
        return REFUSED if done["refused"] or (done["undoes"] and done["out_of_reach"]) else DONE
    if form is Form.TEXT:
        print_decision(done, form)
    end = wait_for(desk, done)
    if form is Form.JSON or under_way(done):
        print_decision(end, form)
    if form is Form.TEXT:
        print_table(end["not_searched"], ("mailbox", "why"))
    return REFUSED if end["refused"] or end["out_of_reach"] or end["not_searched"] else DONE


def print_decision(done: dict[str, Any], form: Form) -> None:
    """Print a decision and the items that were not simply done."""
    values = {"decision": done["id"], "approval": "", "said": done["sentence"]}
    values |= {name: done[name] for name in ("count", "done", "items")}
    if form is Form.JSON:
        DECISION.print_one(values, form)
        return
    Shape({name: "" for name in values if name != "items"}).print_one(values, form)
    print_table([item for item in done["items"] if item["outcome"] != "done" or item["why"]], ITEM)


def wait_for(desk: Desk, made: dict[str, Any]) -> dict[str, Any]:
    """Wait until nothing of a decision waits for its first attempt or is under way; what became of it."""
    pause = SOONEST
    total = made["mailboxes"] or made["count"]
    with Progress(made["verb"].capitalize(), total) as bar:
        while True:
            now: dict[str, Any] = desk.get(f"/decisions/{made['id']}")
            left = now["unsent"] + under_way(now)
            bar.reach(max(0, total - left))
            if not left:
                return now
            time.sleep(pause)
            pause = min(LATEST, pause * 1.2)


def under_way(one: dict[str, Any]) -> int:
    """Items that nobody knows the end of yet."""
    return int(one["in_flight"] + one["recalling"] + one["restoring"] + one["mailboxes_left"] + one["left"])


release, redirect, purge, reject, restore, hold = map(verb_command, HELP)
