"""Words of the answer to a move that asks: what the console's sheet says of the same decision, in lines of plain text."""

from collections import Counter
from collections.abc import Iterable

from triage.access.scope import ScopeNames, describe_scope
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import approvals
from triage.quarantine.decisions.consent import Consent
from triage.quarantine.decisions.outcome_text import MATCHES, count_messages, number_of
from triage.quarantine.removal.removal_plan import Plan as Removal
from triage.quarantine.search.confirmations import Question
from triage.quarantine.search.selection_summary import Evidence
from triage.quarantine.selection_preview import Preview
from triage.say import as_sentence, format_minute, join_parts, list_with_and, quote_text, say, say_count
from triage.store.delivery_state import SHOWN
from triage.store.models.approvals import PendingAct

MOST = 5  # senders, subjects, blocks that are named


def answer_subject(made: PendingAct) -> str:
    """The subject of an answer: what was asked for."""
    return say("Confirm: {what}", what=approvals.describe_request(made))


def write_answer_text(
    made: PendingAct, preview: Preview | None, along: Iterable[str], *, alone: bool, factor: bool = False, unnamed: int = 0
) -> str:
    """The text of an answer. `along`: the sentences about rules; `alone`: whoever asked may confirm it; `factor`: with their second
    factor; `unnamed`: messages that lie outside the account.
    """
    blocks = made.order.get("block") is not None
    lines = [approvals.approval_sentence(made), *(sheet_lines(preview, blocks=blocks, unnamed=unnamed) if preview else ()), *along]
    return join_parts("\n\n", [*lines, *how_to_confirm(made, alone, factor)])


def rule_lines(orders: Iterable[RuleOrder], names: ScopeNames) -> Iterable[str]:
    """Says whom an act blocks along, and for whom; what an allow rule allows is said by `allow_lines`."""
    for one in orders:
        if one.effect == "block":
            yield as_sentence(say("{value} blocked for {scope}", value=one.value, scope=describe_scope(one.scope, names)))


def late_lines(orders: Iterable[RuleOrder], hours: int, names: ScopeNames) -> Iterable[str]:
    """Says which late copies a removal also removes, for how many hours and for whom."""
    for one in orders:
        about = {"hours": hours, "scope": describe_scope(one.scope, names)}
        if one.match == "campaign":
            yield say("Late copies of this campaign are removed on arrival for {hours} hours, for {scope}.", **about)
        else:
            yield say("Late copies from {value} are removed on arrival for {hours} hours, for {scope}.", value=one.value, **about)


def how_to_confirm(made: PendingAct, alone: bool, factor: bool) -> Iterable[str]:
    """Says how the request is confirmed, and where: no mail program takes a second factor."""
    end = format_minute(made.lapses_at, year=False)
    if not alone:
        yield say("A colleague confirms it in the console, under Approvals, until {end} UTC. Moving this message changes nothing.", end=end)
        return
    if factor:
        yield say(
            "It needs your second factor: confirm it in the console, under Approvals, until {end} UTC. "
            "Moving this message changes nothing.",
            end=end,
        )
        return
    yield say(
        "To do exactly this, move this message into the folder Yes. If anything changes before, nothing is done and you get a new answer."
    )
    yield say("It also waits in the console, under Approvals, until {end} UTC. Deleting this message decides nothing.", end=end)


def sheet_lines(preview: Preview, *, blocks: bool, unnamed: int = 0) -> Iterable[str]:
    """Returns the sentences of the sheet, the most important first."""
    yield from map(format_question, preview.second_look)
    yield count_line(preview.sheet)
    if senders := most_frequent(preview.sheet.senders):
        yield say("Senders: {names}", names=senders)
    if subjects := most_frequent(preview.sheet.subjects):
        yield say("Subjects: {names}", names=subjects)
    if unnamed:
        yield say_count(
            "{count} message lies outside this account: the console shows it.",
            "{count} messages lie outside this account: the console shows them.",
            count=unnamed,
        )
    yield from allow_lines(preview.allow) if preview.allow else ()
    yield from removal_lines(preview.removal, blocks=blocks) if preview.removal else ()
    if preview.sheet.rules_contradicted:
        yield say_count(
            "{count} allow rule is about these senders.",
            "{count} allow rules are about these senders.",
            count=len(preview.sheet.rules_contradicted),
        )
    yield preview.confidential


def format_question(one: Question) -> str:
    """A reason for a second look, with its newest message."""
    about = {"sentence": one.sentence, "messages": count_messages(one.count), "sender": one.author or "?"}
    return say("Second look: {sentence} {messages}, the newest {subject} from {sender}.", subject=quote_text(one.subject), **about)


def count_line(sheet: Evidence) -> str:
    """Counts messages, people and departments, and says the states."""
    states = list_with_and(
        say("{number} {state}", number=count, state=SHOWN.get(state, state)) for state, count in sorted(sheet.by_state.items())
    )
    people = say_count("{count} person", "{count} people", count=sheet.people)
    departments = say_count("{count} department", "{count} departments", count=sheet.departments)
    about = {"messages": count_messages(sheet.count), "people": people, "departments": departments, "states": states}
    counted = say("{messages} to {people} in {departments} ({states}).", **about)
    outside = say("{number} more are outside your scope.", number=sheet.outside) if sheet.outside else ""
    return join_parts(" ", [counted, outside])


def most_frequent(named: Iterable[tuple[str, int]]) -> str:
    """The most frequent ones in a line."""
    return ", ".join(f"{name} ({count})" for name, count in list(named)[:MOST] if name)


def allow_lines(allow: Consent) -> Iterable[str]:
    """Names senders that an allow allows, and senders that it does not."""
    yield from allow.sentences
    for one in allow.senders[:MOST]:
        if one.sender and not one.chosen:
            yield as_sentence(
                say(
                    "{sender} is not allowed: {why}",
                    sender=one.sender,
                    why=one.why_not or list_with_and(one.says) or say("nothing proves it"),
                )
            )


def removal_lines(plan: Removal, *, blocks: bool) -> Iterable[str]:
    """Names senders that a removal leaves alone, and counts its blocks."""
    for one in plan.not_included[:MOST]:
        yield say(
            "Left alone: {messages} from {sender}, whose messages are wanted here.",
            messages=count_messages(one.count),
            sender=one.sender or say("senders outside this account"),
        )
    counts = Counter(one.match for one in plan.blocks.made if one.ticked)
    made = [number_of(match, counts[match]) for match in MATCHES if counts[match]]
    if blocks and made and plan.scopes:
        yield say("It blocks {what}.", what=list_with_and(made))
    elif blocks:
        yield say("It blocks nobody: you make no rules here, or there is nothing to block.")
