"""Outcome of a decision as sentences."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from triage.access.scope import NO_NAMES, ScopeNames, describe_scope
from triage.config.duties import known_title
from triage.delivery.recall.hunt_criteria import HUNT, Criteria
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.say import format_day, format_minute, format_span, join_parts, list_with_and, mark, say, say_count
from triage.store.delivery_state import SHOWN
from triage.store.models.decisions import ENDED_STEP, RESUMED_STEP, Decision
from triage.store.models.rules import Rule


@dataclass(frozen=True, slots=True)
class Along:
    """Blocks that went along with a removal: how many of each match, and how many copies they have refused at SMTP time."""

    matches: dict[str, int] = field(default_factory=dict)
    refused: int = 0


NOT_BLOCKED = Along()
NAMED = {
    "release": mark("Released {what}"),
    "redirect": mark("Redirected {what}"),
    "purge": mark("Removed {what}"),
    "reject": mark("Rejected {what}"),
    "restore": mark("Restored {what}"),
    "hold": mark("Held {what} again"),
    "redeliver": mark("Delivered {what} again"),
    "deliver": mark("Delivered {what} without a decision"),
    "sweep": mark("Removed {what} from mailboxes"),
    "take": mark("Removed {what} with them"),
    "hunt": mark("Searched mailboxes for {what}"),
    "join": mark("Merged {what}"),
    "split": mark("Split off {what}"),
    "escalate": mark("Escalated {what}"),
    "undo": mark("Undid {what}"),
}
AIMED = {
    "release": mark("Released {what} to {target}"),
    "redirect": mark("Redirected {what} to {target}"),
    "escalate": mark("Escalated {what} to {target}"),
}
BY = {
    "release": mark("Released by {name} {ago}."),
    "redirect": mark("Redirected by {name} {ago}."),
    "purge": mark("Removed by {name} {ago}."),
    "reject": mark("Rejected by {name} {ago}."),
    "restore": mark("Restored by {name} {ago}."),
    "hold": mark("Held again by {name} {ago}."),
    "redeliver": mark("Delivered again by {name} {ago}."),
    "deliver": mark("Delivered by {name} {ago}, because nobody had decided."),
    "sweep": mark("Removed from the mailbox by {name} {ago}."),
    "take": mark("Removed from the mailbox by {name} {ago}."),
    "join": mark("Merged by {name} {ago}."),
    "split": mark("Split off by {name} {ago}."),
    "escalate": mark("Escalated by {name} {ago}."),
    "undo": mark("Undone by {name} {ago}."),
}
OUT_OF_REACH = say("It was already delivered, and Mailroom has no access to mailboxes: ask an administrator of the server to set it up.")
BEGUN = {
    "purge": say("Removing"),
    "restore": say("Restoring"),
    "undo": say("Undoing"),
    "redeliver": say("Delivering again"),
}
NOT_DONE = {
    "recalling": mark("{number} being removed from mailboxes"),
    "restoring": mark("{number} being put back into mailboxes"),
    "still there": mark("{number} still in the mailbox"),
    "already gone": mark("{number} not there any more"),
    "in flight": mark("{number} being delivered right now"),
    "out of reach": mark("{number} out of reach"),
    "refused": mark("{number} already changed by others"),
}
ASKED, LEFT_OUT = "asked", "left out"  # what a removal did about confidential folders that are closed to who decided
KEEPERS_ASKED = say("Keepers of confidential folders are asked.")
FOLDERS_LEFT_OUT = say("Confidential folders are left out.")
MAILBOXES_LEFT_OUT = say("Mailboxes of confidential folders are left out.")
NOT_NOTIFIED = {"refused": mark("{number} left as they are: their senders must not get a notice")}
NOT_THEIRS = {"refused": mark("{number} left as they are: already changed by others, or the address now belongs to somebody else")}


def outcome_sentence(
    decision: Decision,
    outcomes: dict[str, int],
    made: tuple[Rule, ...],
    subject: str,
    *,
    passed: bool = False,
    along: Along = NOT_BLOCKED,
    names: ScopeNames = NO_NAMES,
) -> str:
    """The result of a decision for a person to read; `subject` is that of its only message, "" when it is about several. `names`: of
    the scopes of these rules."""
    done = outcomes.get("done", 0)
    what = say("“{subject}”", subject=subject) if subject and done else count_messages(done)
    begun = decision.verb in BEGUN and not done and any(outcomes.get(outcome) for outcome in ("recalling", "restoring"))
    parts = [BEGUN[decision.verb] if begun else name_act(decision.verb, what, decision.target)]
    not_done = NOT_DONE | (NOT_NOTIFIED if decision.verb == "reject" else NOT_THEIRS if passed else {})
    parts += describe_not_done(outcomes, not_done)
    parts += [describe_made_rule(rule, names) for rule in made]
    parts += describe_undone(along) if decision.undoes else describe_blocked(along)
    if left := to_come(decision, outcomes):
        parts.append(say("{number} still to do", number=left))
    if decision.outside:
        parts.append(say("{number} left alone because they are outside your scope", number=decision.outside))
    return with_more(end_sentence(join_parts("; ", parts)), describe_confidential(decision.confidential))


def describe_not_done(outcomes: dict[str, int], words: dict[str, str]) -> list[str]:
    """Returns a sentence for each other outcome, with its number of items."""
    return [say(said, number=outcomes[outcome]) for outcome, said in words.items() if outcomes.get(outcome)]


def name_act(verb: str, what: str, target: str = "") -> str:
    """Names the action and its object."""
    return (
        say(AIMED.get(verb, mark("{what} to {target}")), what=what, target=known_title(target)) if target else say(NAMED[verb], what=what)
    )


def count_messages(number: int) -> str:
    """Says a number of messages."""
    return say_count("{count} message", "{count} messages", count=number)


def say_resumed(decision: Decision) -> str:
    """Says that an undo set Hold everything again, or that the undo of this decision would; "" where neither is so."""
    if name := decision.order.get(RESUMED_STEP):
        return say("Hold everything is on again for {name}.", name=name)
    if (ended := decision.order.get(ENDED_STEP)) and decision.undone_by is None:
        sentence = mark("Undo also turns Hold everything on again for {name}, unless its time is over or another step was set since.")
        return say(sentence, name=ended["name"])
    return ""


def end_sentence(text: str) -> str:
    """A clause as a sentence."""
    return say("{clause}.", clause=text)


def with_more(text: str, more: str) -> str:
    """A sentence, and another one behind it."""
    return join_parts(" ", [text, more])


def with_answers(text: str, answers: Sequence[str], *, alone: bool) -> str:
    """The sentence of a decision with what it was told about known messages; that alone where it was about nothing else."""
    told = answers[0] if len(answers) == 1 else say_count("{count} known message", "{count} known messages", count=len(answers))
    return told if alone and len(answers) == 1 else with_more(text, told if len(answers) == 1 else end_sentence(told))


def describe_confidential(what: str) -> str:
    """Sentence about confidential folders in a removal: never a number."""
    return {ASKED: KEEPERS_ASKED, LEFT_OUT: FOLDERS_LEFT_OUT}.get(what, "")


def describe_blocked(along: Along) -> list[str]:
    """Sentence about blocks made with a removal."""
    blocked = [number_of(match, count) for match in MATCHES if (count := along.matches.get(match))]
    return [say("blocked {what}", what=list_with_and(blocked))] if blocked else []


def describe_undone(along: Along) -> Sequence[str]:
    """Sentence about these blocks after an undo."""
    missing = say_count(
        "{count} message refused in the meantime is not restored",
        "{count} messages refused in the meantime are not restored",
        count=along.refused,
    )
    return ([say("ended the blocks")] if along.matches else []) + ([missing] if along.refused else [])


MATCHES = ("campaign", "domain", "address")


def number_of(match: str, count: int) -> str:
    """Says a number of blocks of one kind."""
    if match == "campaign":
        return say("the campaign") if count == 1 else say("{number} campaigns", number=count)
    if match == "domain":
        return say_count("{count} domain", "{count} domains", count=count)
    return say_count("{count} address", "{count} addresses", count=count)


def to_come(decision: Decision, outcomes: dict[str, int]) -> int:
    """Counts the deliveries that a large decision has not reached yet."""
    return max(0, decision.count - sum(outcomes.values())) if decision.last is not None else 0


def sweep_sentence(decision: Decision, outcomes: dict[str, int], total: int, left: int, found: int) -> str:
    """The result of a sweep, for a person to read."""
    if decision.verb == "take":
        return take_sentence(decision, outcomes.get("done", 0), total, left)
    if decision.verb == HUNT:
        return hunt_sentence(decision, total, left, found)
    counted = bool(decision.selection.get("dry_run"))
    what = count_messages(found if counted else outcomes.get("done", 0))
    looked = say("{number} of {mailboxes}", number=total - left, mailboxes=count_mailboxes(total)) if left else count_mailboxes(total)
    about = {"what": what, "sender": decision.selection["sender"], "mailboxes": looked}
    act = say("Counted {what} from {sender} in {mailboxes}" if counted else "Removed {what} from {sender} in {mailboxes}", **about)
    result = end_sentence(join_parts("; ", [act, *describe_not_done(outcomes, NOT_DONE), still_left(left)]))
    return with_more(result, MAILBOXES_LEFT_OUT if decision.confidential else "")


def hunt_sentence(decision: Decision, total: int, left: int, found: int) -> str:
    """Sentence about a hunt: how many messages fit, and no word of any of them."""
    criteria = Criteria.from_json(decision.selection).describe()
    about = {"what": count_messages(found), "criteria": criteria, "mailboxes": count_mailboxes(total)}
    return end_sentence(join_parts("; ", [say("Found {what} with {criteria} in {mailboxes}", **about), still_left(left)]))


def hunted_sentence(decision: Decision, removed: int, total: int, left: int, not_there: int) -> str:
    """Sentence about the removal of messages that a hunt found, also when those are forgotten."""
    not_there = 0 if left else not_there
    act = say_count(
        "Removed {done} of {count} message that a hunt found from {mailboxes}",
        "Removed {done} of {count} messages that a hunt found from {mailboxes}",
        count=decision.count,
        done=removed,
        mailboxes=count_mailboxes(total),
    )
    gone = say("{number} no longer there", number=not_there) if not_there else ""
    beyond = decision.count - removed - not_there
    missed = say("{number} out of reach", number=beyond) if beyond > 0 and not left else ""
    return end_sentence(join_parts("; ", [act, gone, missed, still_left(left)]))


def take_sentence(decision: Decision, done: int, total: int, left: int) -> str:
    """Sentence about related messages that were to be removed too."""
    gone = decision.count - done
    act = say_count(
        "Removed {done} of {count} related message from {mailboxes}",
        "Removed {done} of {count} related messages from {mailboxes}",
        count=decision.count,
        done=done,
        mailboxes=count_mailboxes(total),
    )
    missing = still_left(left) or (say("{number} no longer there", number=gone) if gone > 0 else "")
    return end_sentence(join_parts("; ", [act, missing]))


def count_mailboxes(number: int) -> str:
    """Says a number of mailboxes."""
    return say_count("{count} mailbox", "{count} mailboxes", count=number)


def still_left(left: int) -> str:
    """Says how many mailboxes are still to be searched, "" for none."""
    return say("{mailboxes} still to do", mailboxes=count_mailboxes(left)) if left else ""


def describe_made_rule(rule: Rule, names: ScopeNames) -> str:
    """A rule that was made along, for a person to read."""
    scope = describe_scope(rule.scope, names)
    if rule.origin == rules.STANDING and rule.until:
        until = format_minute(rule.until, year=False)
        if rule.match == "campaign":
            return say("late copies of this campaign are caught until {until} UTC for {scope}", until=until, scope=scope)
        return say("late copies from {value} are caught until {until} UTC for {scope}", value=rule.value, until=until, scope=scope)
    if rule.effect == "redirect":
        about = {"value": rule.value, "target": rule.target}
        if rule.match == "recipient":
            return say("messages to {value} always go to {target}", **about)
        return say("messages from {value} always go to {target}", **about)
    if rule.effect == "hold" and rule.until:
        return say("messages from {value} are held until {until} for {scope}", value=rule.value, until=format_day(rule.until), scope=scope)
    return describe_allow_rule(rule, names) if rule.effect == "allow" else say("{value} blocked for {scope}", value=rule.value, scope=scope)


def describe_allow_rule(rule: Rule | RuleOrder, names: ScopeNames) -> str:
    """An allow that is made along, or would be."""
    scope = describe_scope(rule.scope, names)
    if not rule.encrypted:
        return say("{value} allowed for {scope}", value=rule.value, scope=scope)
    if rule.lapse_days or rule.until is None:
        return say(
            "{value} allowed for {scope}, also with encrypted files, until {days} days after the last message",
            value=rule.value,
            scope=scope,
            days=rule.lapse_days,
        )
    return say(
        "{value} allowed for {scope}, also with encrypted files, until {until}",
        value=rule.value,
        scope=scope,
        until=format_day(rule.until),
    )


def earlier_decision_sentence(state: str, decision: Decision | None, now: datetime, *, blocked: bool = False) -> str:
    """ "Released by Maria K. 4 seconds ago." `blocked`: its sender was too."""
    if decision is None:
        return say("It is already {state}.", state=SHOWN.get(state, state))
    about = {"name": decision.by_shown, "ago": format_span(now - decision.at)}
    if blocked:
        return say("Removed by {name} {ago}, and its sender blocked.", **about)
    return say(BY[decision.verb], **about)
