"""What became of a decision in words, for a person to read."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from triage.policy.rules import store as rules
from triage.store.models.decisions import Decision
from triage.store.models.rules import Rule


@dataclass(frozen=True, slots=True)
class Along:
    """Blocks that went along with a removal: how many of each match, and how many copies they have refused at SMTP time."""

    matches: dict[str, int] = field(default_factory=dict)
    refused: int = 0


NOT_BLOCKED = Along()
MATCHES = {"campaign": ("campaign", "campaigns"), "domain": ("domain", "domains"), "address": ("address", "addresses")}
WORDS = {
    "release": "Released",
    "redirect": "Redirected",
    "purge": "Purged",
    "reject": "Rejected",
    "restore": "Restored",
    "hold": "Held again",
    "redeliver": "Delivered again",
    "sweep": "Swept",
    "take": "Taken along",
    "join": "Joined",
    "split": "Split off",
    "escalate": "Escalated",
    "undo": "Undone",
}
OUT_OF_REACH = "It was delivered already, and there is no way into the mailboxes: whoever runs Mailroom can open one."
BEGUN = {"purge": "Purging", "restore": "Restoring", "undo": "Undoing", "redeliver": "Delivering again"}
NOT_DONE = {
    "recalling": "being taken out of mailboxes",
    "restoring": "being put back into mailboxes",
    "still there": "still in the mailbox",
    "already gone": "deleted already by whom they were for",
    "in flight": "in flight",
    "out of reach": "out of reach",
    "refused": "changed by others before",
}
ASKED, LEFT_OUT = "asked", "left out"  # what a removal did about confidential folders that are closed to who decided
KEEPERS_ASKED = "Keepers of confidential folders are asked."
FOLDERS_LEFT_OUT = "Confidential folders are left out."
MAILBOXES_LEFT_OUT = "Mailboxes of confidential folders are left out."
NOT_TOLD = {"refused": "left as they are: their senders must not be told"}
NOT_THEIRS = {"refused": "left as they are: changed by others before, or their address is somebody else's now"}


def outcome_sentence(
    decision: Decision,
    outcomes: dict[str, int],
    made: tuple[Rule, ...],
    subject: str,
    *,
    passed: bool = False,
    along: Along = NOT_BLOCKED,
) -> str:
    """What became of it, for a person to read; `subject` is that of its only mail, "" when it is about several."""
    done = outcomes.get("done", 0)
    what = f"“{subject}”" if subject and done else f"{done} mail{'s' if done != 1 else ''}"
    begun = not done and any(outcomes.get(outcome) for outcome in ("recalling", "restoring"))
    parts = [BEGUN[decision.verb]] if begun else [f"{WORDS[decision.verb]} {what}" + (f" to {decision.target}" if decision.target else "")]
    not_done = NOT_DONE | (NOT_TOLD if decision.verb == "reject" else NOT_THEIRS if passed else {})
    parts += [f"{outcomes[outcome]} {words}" for outcome, words in not_done.items() if outcomes.get(outcome)]
    parts += [rule_words(rule) for rule in made]
    parts += undone_words(along) if decision.undoes else blocked_words(along)
    if left := to_come(decision, outcomes):
        parts.append(f"{left} to come")
    if decision.outside:
        parts.append(f"{decision.outside} left alone: not in scope")
    return "; ".join(parts) + "." + append_sentence(confidential_words(decision.confidential))


def confidential_words(what: str) -> str:
    """What a removal did, or will do, about confidential folders, for a person to read: never how many, or how many messages."""
    return {ASKED: KEEPERS_ASKED, LEFT_OUT: FOLDERS_LEFT_OUT}.get(what, "")


def append_sentence(words: str) -> str:
    """A sentence behind another one."""
    return f" {words}" if words else ""


def blocked_words(along: Along) -> list[str]:
    """What was blocked along with a removal, for a person to read."""
    named = [number_of(match, count) for match in MATCHES if (count := along.matches.get(match))]
    if not named:
        return []
    return [f"blocked {named[0]}" if len(named) == 1 else f"blocked {', '.join(named[:-1])} and {named[-1]}"]


def undone_words(along: Along) -> list[str]:
    """What became of these blocks when the removal was undone."""
    refused = along.refused
    missing = [f"{refused} message{'s' if refused != 1 else ''} refused meanwhile {'are' if refused != 1 else 'is'} not restored"]
    return (["ended the blocks"] if along.matches else []) + (missing if refused else [])


def number_of(match: str, count: int) -> str:
    """So many blocks of one kind."""
    if match == "campaign":
        return "the campaign" if count == 1 else f"{count} campaigns"
    one, several = MATCHES[match]
    return f"{count} {one if count == 1 else several}"


def to_come(decision: Decision, outcomes: dict[str, int]) -> int:
    """How many deliveries a large decision has not come to yet."""
    return max(0, decision.count - sum(outcomes.values())) if decision.last is not None else 0


def sweep_sentence(decision: Decision, outcomes: dict[str, int], total: int, left: int, found: int) -> str:
    """What became of a sweep, for a person to read."""
    if decision.verb == "take":
        return take_sentence(decision, outcomes.get("done", 0), total, left)
    number, act = (found, "Counted") if decision.selection.get("dry_run") else (outcomes.get("done", 0), "Swept")
    mails = f"{number} mail{'s' if number != 1 else ''} of {decision.selection['sender']}"
    looked = f"{total - left} of {total} mailboxes" if left else f"{total} mailbox{'es' if total != 1 else ''}"
    said = f"{act} {mails} in {looked}" + (f"; {left} mailboxes left." if left else ".")
    return said + append_sentence(MAILBOXES_LEFT_OUT if decision.confidential else "")


def take_sentence(decision: Decision, done: int, total: int, left: int) -> str:
    """What became of mails that were to be taken along, for a person to read."""
    missing = f"; {left} mailboxes left" if left else f"; {decision.count - done} not there any more" if done < decision.count else ""
    return f"Taken {done} of {decision.count} related mails out of {total} mailbox{'es' if total != 1 else ''}{missing}."


def rule_words(rule: Rule) -> str:
    """A rule that was made along, for a person to read."""
    if rule.origin == rules.STANDING and rule.until:
        of = "of this campaign" if rule.match == "campaign" else f"from {rule.value}"
        return f"late copies {of} are caught until {rule.until:%d %b %H:%M} UTC for {scope_words(rule.scope)}"
    if rule.effect == "redirect":
        return f"mail {'to' if rule.match == 'recipient' else 'of'} {rule.value} always goes to {rule.target}"
    if rule.effect == "hold" and rule.until:
        return f"messages from {rule.value} are held until {rule.until:%d %b %Y} for {scope_words(rule.scope)}"
    return f"{rule.value} {'allowed' if rule.effect == 'allow' else 'blocked'} for {scope_words(rule.scope)}"


def scope_words(scope: str) -> str:
    """A scope for a person to read."""
    kind, _, name = scope.partition(":")
    return "the whole company" if kind == "company" else f"the department {name}" if kind == "department" else name


def who_was_faster(state: str, decision: Decision | None, now: datetime, *, blocked: bool = False) -> str:
    """ "Released by Maria K. 4 seconds ago." `blocked`: its sender was too."""
    if decision is None:
        return f"It is {state} already."
    if blocked:
        return f"Purged, and its sender blocked, by {decision.by_shown} {describe_age(now - decision.at)}."
    return f"{WORDS.get(decision.verb, decision.verb)} by {decision.by_shown} {describe_age(now - decision.at)}."


def describe_age(span: timedelta) -> str:
    """A span of time in words."""
    seconds = max(0, round(span.total_seconds()))
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = seconds // size
            return f"{number} {unit}{'s' if number != 1 else ''} ago"
    return f"{seconds} second{'s' if seconds != 1 else ''} ago"
