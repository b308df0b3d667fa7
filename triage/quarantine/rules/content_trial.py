"""Trial of a rule on content: its effect on the last thirty days, by the code that judges, and the questions before it is made."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, not_, select, true
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.access.dual_control import MOVING
from triage.actor import Actor
from triage.message.summary import Summary
from triage.policy.content_rules.conditions import LANGUAGE
from triage.policy.content_rules.match_content import ContentRule, ContentRules
from triage.policy.content_rules.message_content import MessageContent
from triage.policy.decide import Disposition
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.search.confirmations import Question
from triage.say import say, say_count
from triage.store.confidential_rows import is_confidential
from triage.store.db import correlate_condition
from triage.store.delivery_state import RELEASED, State
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

DAYS = 30
LOOKED_AT = 5_000  # deliveries, the newest
MANY, FEW = 5, 10  # a rule that acts on one message in MANY, and on more than FEW, may hit more than is meant
MATCHES_MANY, REMOVES_WANTED = "matches-many", "removes-wanted"
UNTOUCHED = ("postmaster", "returned-mail")  # rules of the policy that go before


@dataclass(frozen=True, slots=True)
class ContentTrial:
    """Trial of a rule on content: its effect on past messages."""

    came: int  # deliveries that were looked at
    changed: tuple[Any, ...]  # rows of those on which it would have acted, newest first
    people: int
    against: int  # of them let in, by a rule or by staff
    asked: tuple[Question, ...]
    fence: str
    since: datetime


def try_contents(session: Session, orders: Iterable[RuleOrder], *, by: Actor, now: datetime) -> dict[RuleOrder, ContentTrial]:
    """Try checked orders out on what came for the actor's eyes within the scope of each. Nothing is made."""
    by_scope: dict[str, list[RuleOrder]] = {}
    for order in dict.fromkeys(orders):
        by_scope.setdefault(order.scope, []).append(order)
    return {order: trial for some in by_scope.values() for order, trial in try_in_scope(session, some, by=by, now=now)}


def try_in_scope(session: Session, orders: Sequence[RuleOrder], *, by: Actor, now: datetime) -> Iterator[tuple[RuleOrder, ContentTrial]]:
    """The trials of rules that are for one scope: its messages are read once."""
    since = now - timedelta(days=DAYS)
    rows = came_lately(session, orders, since, by)
    found = matches_by_message(orders, rows, now)
    for number, order in enumerate(orders):
        changed = tuple(row for row in rows if number in found[row.message_id] and would_act(row, order.effect))
        wanted = [row for row in changed if was_wanted(row)]
        asked = tuple(questions_about(order, len(rows), changed, wanted))
        people = len({(row.department, row.person) for row in changed})
        yield order, ContentTrial(len(rows), changed, people, len(wanted), asked, trial_fence(order, asked), since)


def came_lately(session: Session, orders: Sequence[RuleOrder], since: datetime, by: Actor) -> Sequence[Any]:
    """The deliveries that rules of one scope could have reached and the actor may see: of a confidential folder only where they are for
    that."""
    scope = orders[0].scope
    reached = true() if scope in confidential_folders.list_confidential(session) else not_(is_confidential())
    recent = and_(col(Delivery.received_at) >= since, col(Delivery.direction) == "in")
    needs_text = any(name == LANGUAGE for order in orders for name, _ in order.conditions)
    return session.execute(
        select(
            col(Delivery.id), col(Delivery.message_id), col(Delivery.state), col(Delivery.person), col(Delivery.department),
            col(Delivery.verdict), col(Delivery.rule), col(Delivery.decision_id), col(Delivery.author), col(Delivery.subject),
            col(Message.summary), col(Message.signals), *((col(Message.text),) if needs_text else ()),
        )
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(correlate_condition(session, and_(access.scope_condition(scope), recent, reached, access.visible_deliveries(by))))
        .order_by(col(Delivery.id).desc())
        .limit(LOOKED_AT)
    ).all()  # fmt: skip


def matches_by_message(orders: Sequence[RuleOrder], rows: Sequence[Any], now: datetime) -> dict[int, frozenset[int]]:
    """Returns the numbers of the orders that each message matches. A message is checked once for all its recipients."""
    rules = ContentRules(rule_of_order(order, number) for number, order in enumerate(orders))
    of_message = {row.message_id: row for row in rows}
    return {one: frozenset(match.rule.id for match in rules.match(content_of_row(row), now)) for one, row in of_message.items()}


def rule_of_order(order: RuleOrder, number: int = 0) -> ContentRule:
    """An order as the judge would know it."""
    return ContentRule(number, order.value, order.effect, order.conditions, order.scope)


def content_of_row(row: Any) -> MessageContent:
    """Returns the content of a stored message."""
    summary = Summary.from_json(row.summary | {"text": getattr(row, "text", "")})
    return MessageContent(summary, {one["name"] for one in row.signals}, row.rule == "from-inside")


def would_act(row: Any, effect: str) -> bool:
    """Would the rule have changed what became of it?"""
    if row.rule in UNTOUCHED or row.verdict == Disposition.PURGE:
        return False
    return effect != "hold" or row.verdict == Disposition.RELAY


def was_wanted(row: Any) -> bool:
    """Did a rule or a person let it in?"""
    by_rule = row.verdict == Disposition.RELAY and row.decision_id is None
    return by_rule or State(row.state) in RELEASED


def questions_about(order: RuleOrder, came: int, changed: Sequence[Any], wanted: Sequence[Any]) -> Iterator[Question]:
    """Yields the questions that have to be confirmed before the rule is made."""
    if order.effect != "mark" and len(changed) > FEW and len(changed) * MANY >= came:
        sentence = say("The rule would have acted on {changed} of {came} messages.", changed=len(changed), came=came)
        yield question(MATCHES_MANY, sentence, changed)
    if order.effect in MOVING and wanted:
        yield question(REMOVES_WANTED, say_wanted(order.effect, len(wanted)), wanted)


def say_wanted(effect: str, count: int) -> str:
    """How many messages that were let in the rule would have taken away from their recipients."""
    if effect == "redirect":
        return say_count(
            "It would have redirected {count} message that was let in.",
            "It would have redirected {count} messages that were let in.",
            count=count,
        )
    return say_count(
        "It would have removed {count} message that was let in.", "It would have removed {count} messages that were let in.", count=count
    )


def question(name: str, sentence: str, rows: Sequence[Any]) -> Question:
    """A question with the newest message that it is about."""
    return Question(name, sentence, len(rows), rows[0].id, rows[0].author, rows[0].subject)


def trial_fence(order: RuleOrder, asked: Collection[Question]) -> str:
    """A digest of what the rule says and of what is asked."""
    said = (order.effect, order.value, order.scope, order.to, order.conditions, [one.name for one in asked])
    return hashlib.sha256(repr(said).encode()).hexdigest()[:24]
