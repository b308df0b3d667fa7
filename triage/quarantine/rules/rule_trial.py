"""Previews a rule: its effect in the last thirty days; and suggests rules for a sender, the narrowest first."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, false, select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.policy.decide import ENCRYPTED, UNLIKE, Disposition
from triage.policy.rules import rule_warnings
from triage.policy.rules.rule_conflicts import Clash
from triage.policy.rules.rule_request import CLAIMED, CONTENT, RuleOrder, as_row, check_order, is_possible
from triage.quarantine.rules import content_trial
from triage.quarantine.rules.content_trial import ContentTrial
from triage.quarantine.rules.rules_with_decision import MOST_RULES, naming_all, narrowest_scopes, rule_orders
from triage.quarantine.rules.trial_sentence import content_sentence
from triage.quarantine.search.confirmations import Question
from triage.quarantine.search.selection import Selection, is_spared, selection_condition
from triage.say import join_parts, mark, say, say_count
from triage.store.db import correlate_condition
from triage.store.delivery_state import RELEASED, State
from triage.store.domain_index import of_domain
from triage.store.message_columns import list_of_message
from triage.store.message_record.damaged_records import may_satisfy
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.models.rules import Rule

DAYS = 30
LOOKED_AT = 2_000  # deliveries of the sender
LOOKED_AT_OF_ALL = 20_000  # deliveries among which a list is looked for
EXAMPLES = 5
STRANGERS = frozenset({"first-contact", "unproven-known-sender", "bounce-with-files", "dmarc-reject", "listed-client", "listed-sample"})
ALLOWED = "allowed-sender"  # the policy's rule about what an allow rule accepted, by whichever proof
REMOVED = frozenset({State.PURGED, State.RECALLING, State.REJECTED})


@dataclass(frozen=True, slots=True)
class Trial:
    """Trial of a rule: what it would have changed among messages that the actor may see."""

    order: RuleOrder
    came: int  # from this sender, within the rule's scope
    changed: int  # would have been accepted, kept out or held
    people: int  # whom they were for
    against: int  # of them people decided otherwise: purged what it allows, released what it blocks
    examples: tuple[int, ...]  # newest first
    since: datetime
    sentence: str
    doubt: str  # why it may never work, or hit more than is meant
    clashes: tuple[Clash, ...]
    step: int = 0  # of several that are offered: those of one step are made together
    asked: tuple[Question, ...] = ()  # of a rule on content: what has to be confirmed before it is made
    fence: str = ""  # for that


def try_rule(session: Session, order: RuleOrder, *, by: Actor, settings: Settings, now: datetime) -> Trial:
    """Try a rule out on what came. BadInput for what can be no rule."""
    order = check_order(session, order, settings)
    if order.match == CONTENT:
        return trial_of_content(order, content_trial.try_contents(session, [order], by=by, now=now, settings=settings)[order])
    if order.effect == "redirect":
        raise BadInput(say("a redirect neither allows nor blocks messages: there is nothing to try"), field="effect")
    since = now - timedelta(days=DAYS)
    rows = came_from(session, order, since, by)
    kind = KINDS[order.effect]
    changed = [row for row in rows if kind.would_change(row, order)]
    against = sum(row.decision_id is not None and State(row.state) in kind.others for row in changed)
    people = len({(row.department, row.person) for row in changed})
    like = Rule(**as_row(order), author=by.shown, created_at=now)
    return Trial(
        order=order,
        came=len(rows),
        changed=len(changed),
        people=people,
        against=against,
        examples=tuple(row.id for row in changed[:EXAMPLES]),
        since=since,
        sentence=join_parts(" ", (trial_sentence(order, len(rows), len(changed), people, against), genuine_sentence(order, rows))),
        doubt=rule_warnings.warn_about_rule(session, order, by=by, settings=settings, now=now),
        clashes=rule_warnings.of_rules(session, [like], now, by=by)[like.id],
    )


def trial_of_content(order: RuleOrder, found: ContentTrial) -> Trial:
    """The trial of a rule on content, as that of every other rule."""
    return Trial(
        order=order,
        came=found.counts.came,
        changed=found.counts.changed,
        people=found.counts.people,
        against=found.against,
        examples=tuple(row.id for row in found.changed[:EXAMPLES]),
        since=found.counts.since,
        sentence=content_sentence(order.effect, found.counts),
        doubt="",
        clashes=(),
        asked=found.asked,
        fence=found.fence,
    )


def came_from(session: Session, order: RuleOrder, since: datetime, by: Actor) -> Sequence[Any]:
    """The deliveries of the sender and the scope of a rule that the actor may see, newest first; at most LOOKED_AT."""
    came_since = col(Delivery.received_at) >= since
    return session.execute(
        select(
            col(Delivery.id), col(Delivery.state), col(Delivery.person), col(Delivery.department), col(Delivery.verdict),
            col(Delivery.rule), col(Delivery.proof), col(Delivery.claimed), col(Delivery.decision_id), col(Message.record),
            is_spared().label("spared"),
        )
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(sender_condition(order, since))
        .where(correlate_condition(session, and_(access.scope_condition(order.scope), came_since, access.visible_deliveries(by))))
        .order_by(col(Delivery.id).desc())
        .limit(LOOKED_AT)
    ).all()  # fmt: skip


def count_allowed(session: Session, order: RuleOrder, scopes: Collection[str], *, by: Actor, now: datetime) -> dict[str, int]:
    """Counts the messages of the last thirty days that an allow rule for the company would have allowed, by scope."""
    rows = came_from(session, replace(order, scope="company"), now - timedelta(days=DAYS), by)
    passed = [{"company", f"department:{row.department}", f"person:{row.person}"} for row in rows if would_pass(row, order)]
    return {scope: sum(scope in one for one in passed) for scope in scopes}


def sender_condition(order: RuleOrder, since: datetime) -> ColumnElement[bool]:
    """Condition: messages of the sender whom the rule is about."""
    if order.match == "address":
        return col(Delivery.author) == order.value
    if order.match == "list":
        newest = select(col(Delivery.message_id)).where(col(Delivery.received_at) >= since).order_by(col(Delivery.id).desc())
        latest = newest.limit(LOOKED_AT_OF_ALL).subquery()
        named: ColumnElement[bool] = list_of_message() == order.value
        return col(Delivery.message_id).in_(select(latest.c.message_id)) & named
    if order.match not in ("domain", "subdomains"):
        return false()
    below = order.match == "subdomains" or order.effect != "allow"
    return of_domain(order.value) if below else col(Delivery.author_domain) == order.value


def would_pass(row: Any, order: RuleOrder) -> bool:
    """Whether it was held as a stranger's, and the rule would have let it in."""
    waives = {"dangerous-attachment": order.risky, ENCRYPTED: order.risky or order.encrypted, UNLIKE: order.unchecked}
    waived = {name for name, is_so in waives.items() if is_so}
    held = row.verdict != Disposition.RELAY and (row.rule in STRANGERS or row.rule in waived)
    return held and may_satisfy(row.record, order.proof, as_list=order.match == "list")


def would_stop(row: Any, order: RuleOrder) -> bool:
    """Whether the message came in and the rule would have blocked it."""
    spared = row.spared if order.unproven_only and order.proof != CLAIMED else order.proof == CLAIMED and not row.claimed
    return row.verdict != Disposition.PURGE and not spared


def would_hold(row: Any, order: RuleOrder) -> bool:
    """Whether the message was delivered and the rule would have held it."""
    return bool(row.verdict == Disposition.RELAY and row.rule != "postmaster")


class Kind(NamedTuple):
    """Trial of an effect: which messages it changes, and the sentences about it."""

    would_change: Callable[[Any, RuleOrder], bool]
    others: Collection[State]  # states into which people decided otherwise
    nothing: str  # what is said where it would have changed nothing
    changed: str  # what it would have done
    against: str = ""  # what staff did instead


KINDS = {
    "allow": Kind(
        would_pass,
        REMOVED,
        mark("In the last {days} days the rule would have released nothing more ({came} from this sender)."),
        mark("In the last {days} days the rule would have released {messages} to {people}."),
        mark("Staff removed {against} of them."),
    ),
    "block": Kind(
        would_stop,
        RELEASED,
        mark("In the last {days} days the rule would have blocked nothing more ({came} from this sender)."),
        mark("In the last {days} days the rule would have blocked {messages} to {people}."),
        mark("Staff released {against} of them."),
    ),
    "hold": Kind(
        would_hold,
        (),
        mark("In the last {days} days the rule would have held nothing more ({came} from this sender)."),
        mark("In the last {days} days the rule would have held {messages} to {people}."),
    ),
}


def trial_sentence(order: RuleOrder, came: int, changed: int, people: int, against: int) -> str:
    """Says what the rule would have done, for a person to read."""
    kind = KINDS[order.effect]
    if not came:
        return say("No message from this sender came in the last {days} days.", days=DAYS)
    if not changed:
        return say(kind.nothing, days=DAYS, came=count_messages(came))
    to = say_count("{count} person", "{count} people", count=people)
    did = say(kind.changed, days=DAYS, messages=count_messages(changed), people=to)
    return join_parts(" ", (did, say(kind.against, against=against) if against else ""))


def genuine_sentence(order: RuleOrder, rows: Sequence[Any]) -> str:
    """Says of a block of forgeries that genuine messages still arrive, and how many of them came; "" for every other rule."""
    if order.effect != "block" or not order.unproven_only or order.proof == CLAIMED:
        return ""
    genuine = sum(bool(row.proof) or row.rule == ALLOWED for row in rows)
    if not genuine:
        return say("Genuine messages still arrive.")
    return say_count(
        "Genuine messages still arrive: {count} message came in that time.",
        "Genuine messages still arrive: {count} messages came in that time.",
        count=genuine,
    )


def count_messages(number: int) -> str:
    """Says a number of messages."""
    counted = say_count("{count} message", "{count} messages", count=number)
    return say("{messages} or more", messages=counted) if number >= LOOKED_AT else counted


def offer_rules(session: Session, selected: Selection, *, by: Actor, settings: Settings, now: datetime) -> tuple[Trial, ...]:
    """Rules that would let the senders of these messages in, each tried out: the narrowest sensible first, as far as the scope reaches.

    First the address, for whom it wrote to, then for the department and the company, then the domain alone; of a list the list. Where
    no scope of the actor's own holds all of the messages, each step is a rule for every one of theirs that holds some of it.
    """
    columns = select(col(Delivery.id), col(Delivery.department), col(Delivery.person))
    rows = session.execute(
        columns.where(selection_condition(selected), correlate_condition(session, access.visible_deliveries(by))).limit(LOOKED_AT)
    ).all()
    ids = [row.id for row in rows]
    steps = steps_of([(row.department, row.person) for row in rows], by, session) if ids else []
    found: dict[RuleOrder, int] = {}
    for step, (match, scopes) in enumerate([*(("address", one) for one in steps), *(("domain", one) for one in steps[-1:])]):
        for scope in scopes:
            try:
                order = naming_all(session, RuleOrder("allow", match, "", scope), ids)
                made = rule_orders(session, order, selected, ids, by=by, own_domains=settings.own_domains)
            except BadInput:
                continue
            for one in made:
                found.setdefault(one, step)
    possible = [(one, step) for one, step in found.items() if is_possible(session, one, settings)]
    return tuple(replace(try_rule(session, one, by=by, settings=settings, now=now), step=step) for one, step in possible)


def steps_of(folders: Sequence[tuple[str, str]], by: Actor, session: Session) -> list[list[str]]:
    """The scopes of the actor's own in which all of these folders lie, the narrowest first; or the few that hold all of them together."""
    if single := scopes_of(folders, by, session):
        return [[one] for one in single]
    several = narrowest_scopes(session, folders, by)
    return [several] if len(several) <= MOST_RULES else []


def scopes_of(folders: Sequence[tuple[str, str]], by: Actor, session: Session) -> list[str]:
    """The scopes that hold all of these folders and lie in the actor's own, narrowest first."""
    persons, departments = {person for _, person in folders}, {department for department, _ in folders}
    wanted = [f"person:{next(iter(persons))}"] if len(persons) == 1 and "" not in persons else []
    wanted += [f"department:{next(iter(departments))}"] if len(departments) == 1 and "" not in departments else []
    closed = confidential_folders.closed_scopes(session, by)
    within = by.scope.words()
    return [one for one in [*wanted, "company"] if one not in closed and (by.scope.company or one in within)]
