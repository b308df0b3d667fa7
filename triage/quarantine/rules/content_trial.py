"""Trial of a rule on content: its effect on the last thirty days, by the code that judges, and the questions before it is made."""

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any, Self

from sqlalchemy import ColumnElement, and_, func, not_, or_, select, true
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.access.dual_control import MOVING
from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.message.inside_sender import inside_sender
from triage.message.summary import Summary
from triage.policy.content_rules.conditions import AUTHOR, INCOMING, INTERNAL, LANGUAGE, SIGNALS_BEFORE
from triage.policy.content_rules.match_content import ContentRule, ContentRules
from triage.policy.content_rules.message_content import MessageContent
from triage.policy.content_rules.patterns import is_pattern
from triage.policy.decide import Disposition
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.search.confirmations import Question
from triage.say import format_day, say, say_count
from triage.store import bodies
from triage.store.confidential_rows import is_confidential
from triage.store.db import correlate_condition, is_among
from triage.store.delivery_state import RELEASED, State
from triage.store.domain_index import of_domain
from triage.store.message_record.damaged_records import skip_damaged
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

DAYS = 30
LOOKED_AT = 5_000  # deliveries, the newest
SLICE = 50  # messages that are read at once
SECONDS = 3.0  # that a trial may take
MANY, FEW = 5, 10  # a rule that acts on one message in MANY, and on more than FEW, may hit more than is meant
MATCHES_MANY, REMOVES_WANTED, NOT_ALL = "matches-many", "removes-wanted", "not-all-looked-at"
MESSAGE_COLUMNS = (col(Message.id), col(Message.content_id), col(Message.record))
UNTOUCHED = ("postmaster", "returned-mail")  # rules of the policy that go before


@dataclass(frozen=True, slots=True)
class TrialCounts:
    """Numbers of the trial of a rule on content."""

    came: int  # deliveries that were looked at
    changed: int  # of them those on which it would have acted
    people: int
    since: datetime
    partial: bool  # there were more than could be looked at: `since` is when the oldest of these came

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"since": self.since.isoformat()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The value that `as_json` wrote."""
        return cls(**values | {"since": datetime.fromisoformat(values["since"])})


@dataclass(frozen=True, slots=True)
class ContentTrial:
    """Trial of a rule on content: its effect on past messages."""

    counts: TrialCounts
    changed: tuple[Any, ...]  # rows of the deliveries on which it would have acted, newest first
    against: int  # of them accepted, by a rule or by staff
    asked: tuple[Question, ...]
    fence: str


Trials = Mapping[RuleOrder, ContentTrial]
NO_TRIALS: Trials = {}


@dataclass(frozen=True, slots=True)
class TrialRun:
    """Actor, time and settings of a trial, and its deadline (`time.monotonic`)."""

    by: Actor
    now: datetime
    settings: Settings
    deadline: float


@dataclass(frozen=True)
class StoredContent(MessageContent):
    """A stored message. Whether it was sent inside the company is asked only where everything else fits."""

    ask_internal: Callable[[], bool] = bool

    @cached_property
    def directions(self) -> frozenset[str]:
        """From outside, or sent inside the company."""
        return frozenset((INTERNAL if self.ask_internal() else INCOMING,))


def try_contents(
    session: Session, orders: Iterable[RuleOrder], *, by: Actor, now: datetime, settings: Settings
) -> dict[RuleOrder, ContentTrial]:
    """Try checked orders out on what came for the actor's eyes within the scope of each. Nothing is made."""
    run = TrialRun(by, now, settings, time.monotonic() + SECONDS)
    by_scope: dict[str, list[RuleOrder]] = {}
    for order in dict.fromkeys(orders):
        by_scope.setdefault(order.scope, []).append(order)
    return {order: trial for some in by_scope.values() for order, trial in try_in_scope(session, some, run)}


def try_in_scope(session: Session, orders: Sequence[RuleOrder], run: TrialRun) -> Iterator[tuple[RuleOrder, ContentTrial]]:
    """The trials of rules that are for one scope: its messages are read once."""
    since = run.now - timedelta(days=DAYS)
    came, rows = came_lately(session, orders, since, run.by)
    found = match_messages(session, orders, dict.fromkeys(row.message_id for row in rows), run)
    looked = [row for row in rows[:LOOKED_AT] if row.message_id in found]
    partial = len(looked) < len(rows)
    if partial:
        came, since = len(looked), min((row.received_at for row in looked), default=run.now)
    for number, order in enumerate(orders):
        changed = tuple(row for row in looked if number in found[row.message_id] and would_act(row, order.effect))
        people = len({(row.department, row.person) for row in changed})
        counts = TrialCounts(came, len(changed), people, since, partial)
        wanted = [row for row in changed if was_wanted(row)]
        asked = tuple(questions_about(order, counts, looked, changed, wanted))
        yield order, ContentTrial(counts, changed, len(wanted), asked, trial_fence(order, asked))


def came_lately(session: Session, orders: Sequence[RuleOrder], since: datetime, by: Actor) -> tuple[int, Sequence[Any]]:
    """Counts the deliveries that rules of one scope could have reached and the actor may see; returns the newest of them too.

    If there are more than `LOOKED_AT` and every rule names authors, only deliveries from those authors are read.
    """
    reached = reached_deliveries(session, orders[0].scope, since, by)
    rows = newest_rows(session, reached)
    if len(rows) <= LOOKED_AT or (authors := author_condition(orders)) is None:
        return len(rows), rows
    came = session.scalar(select(func.count()).select_from(Delivery).where(reached)) or 0
    return came, newest_rows(session, and_(reached, authors))


def reached_deliveries(session: Session, scope: str, since: datetime, by: Actor) -> ColumnElement[bool]:
    """Condition for what came for a scope and the actor may see: of a confidential folder only where the scope is that folder."""
    open_to_it = true() if scope in confidential_folders.list_confidential(session) else not_(is_confidential())
    recent = and_(col(Delivery.received_at) >= since, col(Delivery.direction) == "in")
    return correlate_condition(session, and_(access.scope_condition(scope), recent, open_to_it, access.visible_deliveries(by)))


def newest_rows(session: Session, reached: ColumnElement[bool]) -> Sequence[Any]:
    """The newest of these deliveries without what their messages say."""
    return session.execute(
        select(
            col(Delivery.id), col(Delivery.message_id), col(Delivery.received_at), col(Delivery.state), col(Delivery.person),
            col(Delivery.department), col(Delivery.verdict), col(Delivery.rule), col(Delivery.decision_id), col(Delivery.author),
            col(Delivery.subject),
        )
        .where(reached)
        .order_by(col(Delivery.id).desc())
        .limit(LOOKED_AT + 1)
    ).all()  # fmt: skip


def author_condition(orders: Sequence[RuleOrder]) -> ColumnElement[bool] | None:
    """Deliveries from the authors whom the rules are about; None where one of them is about others too.

    A message without a clear author (`claimed`) may have further authors than the one that its delivery names.
    """
    named = [dict(order.conditions).get(AUTHOR, ()) for order in orders]
    if not all(named) or any(is_pattern(value) for values in named for value in values):
        return None
    return or_(col(Delivery.claimed), *(from_author(value) for values in named for value in values))


def from_author(value: str) -> ColumnElement[bool]:
    """From this address, or from this domain or one below it."""
    return col(Delivery.author) == value if "@" in value else of_domain(value)


def match_messages(session: Session, orders: Sequence[RuleOrder], message_ids: Iterable[int], run: TrialRun) -> dict[int, frozenset[int]]:
    """Returns the numbers of the orders that each message matches, as far as time allows. Each message is read once and not kept."""
    rules = ContentRules(rule_of_order(order, number) for number, order in enumerate(orders))
    needs_text = any(name == LANGUAGE for order in orders for name, _ in order.conditions)
    found: dict[int, frozenset[int]] = {}
    waiting = iter(message_ids)
    while part := list(islice(waiting, SLICE)):
        for message in skip_damaged(read_messages(session, part, needs_text=needs_text)):
            matches = rules.match(content_of_message(session, message, run.settings), run.now)
            found[message.id] = frozenset(match.rule.id for match in matches)
            if time.monotonic() >= run.deadline:
                return found
    return found


def read_messages(session: Session, message_ids: Sequence[int], *, needs_text: bool) -> Sequence[Any]:
    """Reads some messages, the newest first; their text only where it is needed."""
    text = (col(Message.text),) if needs_text else ()
    wanted = is_among(session, col(Message.id), message_ids)
    return session.execute(select(*MESSAGE_COLUMNS, *text).where(wanted).order_by(col(Message.id).desc())).all()


def content_of_message(session: Session, message: Any, settings: Settings) -> MessageContent:
    """Returns the content of a stored message."""
    summary = Summary.from_json(message.record.summary | {"text": getattr(message, "text", "")})
    signals = {SIGNALS_BEFORE.get(one["name"], one["name"]) for one in message.record.signals}
    return StoredContent(summary, signals, ask_internal=lambda: is_internal(session, message, settings))


def is_internal(session: Session, message: Any, settings: Settings) -> bool:
    """Whether a stored message was sent inside the company, as the judge found; without its bytes as far as its verdicts say."""
    passed = select(col(Delivery.id)).where(col(Delivery.message_id) == message.id, col(Delivery.rule) == "from-inside").limit(1)
    if session.scalars(passed).first() is not None:
        return True
    envelope = Envelope.from_json(message.record.envelope)
    raw = (bodies.find_body(session, message.content_id) or b"") if envelope.edge else b""
    return bool(inside_sender(envelope, raw, settings.smtp.internal_networks, settings.smtp.signed_in_hosts))


def rule_of_order(order: RuleOrder, number: int = 0) -> ContentRule:
    """An order as the judge would know it."""
    return ContentRule(number, order.value, order.effect, order.conditions, order.scope)


def would_act(row: Any, effect: str) -> bool:
    """Whether the rule would have changed what happened to the message."""
    if row.rule in UNTOUCHED or row.verdict == Disposition.PURGE:
        return False
    return effect != "hold" or row.verdict == Disposition.RELAY


def was_wanted(row: Any) -> bool:
    """Whether a rule or a person let the message in."""
    by_rule = row.verdict == Disposition.RELAY and row.decision_id is None
    return by_rule or State(row.state) in RELEASED


def questions_about(
    order: RuleOrder, counts: TrialCounts, looked: Sequence[Any], changed: Sequence[Any], wanted: Sequence[Any]
) -> Iterator[Question]:
    """Yields the questions that have to be confirmed before the rule is made."""
    if order.effect != "mark" and len(changed) > FEW and len(changed) * MANY >= counts.came:
        sentence = say("The rule would have acted on {changed} of {came} messages.", changed=len(changed), came=counts.came)
        yield question(MATCHES_MANY, sentence, changed)
    if order.effect in MOVING and wanted:
        yield question(REMOVES_WANTED, say_wanted(order.effect, len(wanted)), wanted)
    if order.effect in MOVING and counts.partial:
        sentence = say("Only the newest {came} messages, since {day}, were checked.", came=counts.came, day=format_day(counts.since))
        yield question(NOT_ALL, sentence, looked)


def say_wanted(effect: str, count: int) -> str:
    """Says how many delivered messages the rule would have removed or redirected."""
    if effect == "redirect":
        return say_count(
            "It would have redirected {count} message that was not held.",
            "It would have redirected {count} messages that were not held.",
            count=count,
        )
    return say_count(
        "It would have removed {count} message that was not held.",
        "It would have removed {count} messages that were not held.",
        count=count,
    )


def question(name: str, sentence: str, rows: Sequence[Any]) -> Question:
    """A question with the newest message that it is about."""
    return Question(name, sentence, len(rows), rows[0].id, rows[0].author, rows[0].subject)


def trial_fence(order: RuleOrder, asked: Collection[Question]) -> str:
    """A digest of what the rule says and of what is asked."""
    said = (order.effect, order.value, order.scope, order.to, order.conditions, [one.name for one in asked])
    return hashlib.sha256(repr(said).encode()).hexdigest()[:24]
