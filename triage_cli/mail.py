"""Look at mail and decide about it: `mailroom deliveries`, `show`, `decisions`, and a command for each verb."""

import sys
import time
from dataclasses import replace
from typing import Any

import click
from sqlalchemy import and_, func, select, true
from sqlmodel import Session, col

from triage import access, contents, db, extensive, ledger, opening, outcomes, second_key, selection
from triage.decisions import Verb
from triage.errors import NotFound
from triage.ids import show as show_id
from triage.models import Delivery, Message, PendingAct
from triage.outcomes import DecisionReport, NothingDone
from triage.rules import RuleOrder
from triage.selection import ANY_PROOF, Selection
from triage.settings import Settings
from triage.states import State
from triage.times import utcnow
from triage_cli.opened import database_of, looking, settings_of, shell_user, writing
from triage_cli.printing import pairs, say, table
from triage_cli.selecting import number, selecting, selection_of, sought

COLUMNS = ("id", "state", "received", "folder", "sender", "subject")
BELLS = ("relay", "recall", "door")  # what a decision may have made due, and the door snapshot


@click.command()
@selecting
@click.option("--rule", default="", metavar="NAME", help="Only those about which this rule decided, such as listed-client.")
@click.option("--limit", default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def deliveries(ctx: click.Context, /, rule: str, limit: int, as_json: bool, **features: Any) -> None:
    """List deliveries, newest first; of all states where a selection is given, else those that are held."""
    if not any(features.values()) and not rule:
        features["states"] = (State.HELD.value,)
    selected = sought(**features)
    if selected.campaign:
        selected = replace(selected, proof=selected.proof or ANY_PROOF)  # who only looks is shown what a decision leaves out
    with looking(settings_of(ctx)) as session:
        features_fit = selection.condition(selected) if selected != Selection() else true()
        rule_fits = col(Delivery.rule) == rule if rule else true()
        where = and_(features_fit, rule_fits, access.visible(shell_user()))
        newest = select(Delivery).where(where).order_by(col(Delivery.received_at).desc(), col(Delivery.id).desc()).limit(limit)
        rows = [row_of(delivery) for delivery in session.scalars(newest)]
    table(rows, COLUMNS, as_json=as_json)


def row_of(delivery: Delivery) -> dict[str, Any]:
    """A delivery as a line of a list."""
    return {
        "id": show_id(delivery.id),
        "state": delivery.state,
        "received": delivery.received_at.isoformat(timespec="seconds"),
        "folder": f"{delivery.department}+{delivery.person}" if delivery.person else delivery.department,
        "sender": delivery.author,
        "subject": delivery.subject,
        "campaign": show_id(delivery.campaign_id) if delivery.campaign_id else "",
    }


@click.command()
@click.argument("delivery_id", metavar="ID")
@click.option("--headers", is_flag=True, help="The message's header block.")
@click.option("--source", is_flag=True, help="The message as received, byte for byte.")
@click.option("--reason", default="", help="Why you open a sealed mail; goes on the record.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def show(ctx: click.Context, delivery_id: str, headers: bool, source: bool, reason: str, as_json: bool) -> None:
    """Show one delivery: what it is, why it was held, what it says. That you looked goes on the record."""
    by = shell_user()
    with writing(settings_of(ctx)) as session:
        delivery = session.scalar(select(Delivery).where(col(Delivery.id) == number(delivery_id), access.within(by)))
        if delivery is None:
            raise NotFound(f"there is no delivery {delivery_id}")
        if opening.breaks_seal(session, delivery.message_id, by=by, reason=reason):
            ledger.write(session, "open", f"message:{show_id(delivery.message_id)}", by=by, now=utcnow(), detail={"reason": reason})
        act = "source" if source else "view"
        ledger.write(session, act, f"message:{show_id(delivery.message_id)}", by=by, now=utcnow())
        message = session.get_one(Message, delivery.message_id)
        raw = contents.load(session, message.content_id) if headers or source else b""
        values = described(delivery, message)
    if source:
        sys.stdout.buffer.write(raw)
    elif headers:
        for line in raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", "backslashreplace").split("\n"):
            say(line)
    else:
        pairs(values, as_json=as_json)


def described(delivery: Delivery, message: Message) -> dict[str, Any]:
    """Everything about one delivery that fits a terminal."""
    dmarc = message.authentication["dmarc"]
    return row_of(delivery) | {
        "message": show_id(message.id),
        "to": delivery.recipient,
        "note": delivery.note,
        "mailbox": delivery.mailbox,
        "from": f"{delivery.author_name} <{delivery.author}>".strip(),
        "client": f"{message.envelope['client']} ({message.envelope['helo']})",
        "reverse_path": message.envelope["reverse_path"] or "<>",
        "proof": delivery.proof or f"none (DMARC {dmarc['result']})",
        "rule": delivery.rule,
        "why": delivery.reason,
        "signals": [signal["sentence"] for signal in (*message.signals, *delivery.signals)],
        "urgency": delivery.urgency,
        "why_here": [f"{reason['points']:+d} {reason['sentence']}" for reason in delivery.why_here],
        "attachments": [f"{one['name']} ({one['media_type']}, {one['size']} bytes)" for one in message.summary["attachments"]],
        "last_reply": delivery.last_reply,
        "text": message.text.splitlines(),
    }


def deciding(verb: Verb) -> click.Command:
    """The command of one verb."""

    @selecting
    @click.option("--reason", default="", help="Goes on the record.")
    @click.option("--expect", type=int, help="Refuse when the selection does not hold exactly so many.")
    @click.option("--wait", is_flag=True, help="Wait until all of it has left or was put off, or is out of every mailbox.")
    @click.option("--json", "as_json", is_flag=True)
    @click.pass_context
    def command(ctx: click.Context, /, reason: str, expect: int | None, wait: bool, as_json: bool, **features: Any) -> int:
        more = {name: features.pop(name, "") or "" for name in ("to", "template", "text")}
        more["rule"] = rule_order(features.pop("allow", None), features.pop("block", None))
        return carry_out(settings_of(ctx), selection_of(**features), verb, wait=wait, as_json=as_json, reason=reason, expect=expect, **more)

    if verb is Verb.REDIRECT:
        command = click.option(
            "--to",
            required=True,
            metavar="ADDRESS",
            help="An address of the company (a group's too), a person's id or a department's code.",
        )(command)
    if verb is Verb.RELEASE:
        command = click.option(
            "--allow", metavar="SCOPE", help="Also let the senders in for good: company, department:CODE or person:UID."
        )(command)
    if verb is Verb.PURGE:
        command = click.option("--block", metavar="SCOPE", help="Also block the senders: company, department:CODE or person:UID.")(command)
    if verb is Verb.REJECT:
        command = click.option("--text", metavar="WORDS", help="Or these words; {subject} and {recipient} are filled in.")(command)
        command = click.option("--template", metavar="NAME", help="What the sender is told: a name in reject.templates.")(command)
    return click.command(verb.value, help=HELP[verb])(command)


HELP = {
    Verb.RELEASE: "Send held mail on to the person.",
    Verb.REDIRECT: "Send held mail on to somebody else here.",
    Verb.PURGE: "Take mail away, also out of the mailboxes it was delivered to; `restore` brings it back.",
    Verb.REJECT: "Tell proven senders of held mail no; `restore` takes it back until they were told.",
    Verb.RESTORE: "Bring purged mail back: among the held, or into the mailbox it was taken out of.",
    Verb.HOLD: "Hold mail again that was released but has not left.",
}


def rule_order(allow: str | None, block: str | None) -> RuleOrder | None:
    """The rule about the senders that goes with a decision."""
    if not (allow or block):
        return None
    return RuleOrder(effect="allow" if allow else "block", match="address", value="", scope=allow or block or "")


def carry_out(
    settings: Settings,
    selected: Selection,
    verb: Verb,
    *,
    wait: bool,
    as_json: bool,
    **order: Any,
) -> int:
    """Decide, say what became of it; exit code 1 when some items could not be changed. `order`: as for decisions.decide."""
    by, now = shell_user(), utcnow()
    with looking(settings) as session:
        planned = extensive.plan(session, selected, verb, by=by, now=now, settings=settings, **order)
    try:
        with writing(settings, *BELLS) as session:
            if planned:
                done: DecisionReport | PendingAct = extensive.begin(
                    session, planned, selected, verb, by=by, now=now, settings=settings, **order
                )
            else:
                done = second_key.decide(session, selected, verb, by=by, now=now, settings=settings, **order)
            if isinstance(done, PendingAct):
                return waits(done)
    except NothingDone as refusal:
        for item in refusal.items:
            say(f"{show_id(item.delivery_id)}  {item.outcome}  {item.why}")
        raise
    if not (wait and as_json):
        told(done, as_json=as_json)
    if wait:
        done = wait_for(settings, done, as_json=as_json)
    return 1 if done.refused or (wait and done.out_of_reach) else 0


def waits(asked: PendingAct) -> int:
    """Say that nothing is done yet; the exit code."""
    say(f"{show_id(asked.id)}  {second_key.sentence(asked)} Nothing is changed until somebody else confirms it.")
    return 1


def told(done: DecisionReport, *, as_json: bool) -> None:
    """Print a decision and the items that were not simply done."""
    items = [{"delivery": show_id(one.delivery_id), "before": one.before, "outcome": one.outcome, "why": one.why} for one in done.items]
    values = {"decision": show_id(done.id), "said": done.sentence, "count": done.count, "done": done.done}
    if as_json:
        pairs(values | {"items": items}, as_json=True)
        return
    pairs(values, as_json=False)
    table([item for item in items if item["outcome"] != "done" or item["why"]], ("delivery", "before", "outcome", "why"), as_json=False)


def wait_for(settings: Settings, made: DecisionReport, *, as_json: bool) -> DecisionReport:
    """Wait until nothing of a decision waits for its first attempt or is under way, with progress on a terminal; what became of it."""
    ids = [item.delivery_id for item in made.items if item.outcome == "done"]
    with database_of(settings) as engine:
        while True:
            with db.reading(engine) as session:
                now = outcomes.report(session, made.id, by=shell_user())
                left = unsent(session, ids) + now.under_way
            total = made.mailboxes or made.count
            progress(total - left, total)
            if not left:
                break
            time.sleep(0.2)
    if made.under_way or as_json:
        told(now, as_json=as_json)
    return now


def progress(done: int, total: int) -> None:
    """How far it has come, on a terminal only."""
    if sys.stderr.isatty():
        click.echo(f"\r  {done}/{total} ", nl=done == total, err=True)


def unsent(session: Session, ids: list[int]) -> int:
    """How many of these were never answered by the next hop."""
    waiting = (col(Delivery.state) == State.QUEUED) & (col(Delivery.last_reply) == "") | (col(Delivery.state) == State.RELAYING)
    return session.scalar(select(func.count()).select_from(Delivery).where(db.among(session, col(Delivery.id), ids), waiting)) or 0


release, redirect, purge, reject, restore, hold = (
    deciding(verb) for verb in (Verb.RELEASE, Verb.REDIRECT, Verb.PURGE, Verb.REJECT, Verb.RESTORE, Verb.HOLD)
)
