"""Second looks before rules are made or changed: whether they would allow held messages that nobody should allow unseen."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.addressing.envelope import ancestor_domains
from triage.config.settings import Settings
from triage.errors import BadInput, NotAllowed, SecondLookNeeded
from triage.message.signals.second_look import in_order
from triage.policy.rules import content_store, restore_rules as restoring, store as rules
from triage.policy.rules.rule_request import CONTENT, RuleOrder, check_order, rule_end
from triage.quarantine.rules import content_trial, rule_trial
from triage.quarantine.rules.content_trial import NO_TRIALS, Trials
from triage.quarantine.search import confirmations, selection
from triage.store.db import is_among
from triage.store.message_columns import list_of_message
from triage.store.message_record.damaged_records import may_satisfy
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.models.rules import Rule
from triage.store.queue.grouping import HELD_MAIL

EVER = datetime.min.replace(tzinfo=UTC)
MOST = 5000  # held messages of one sender that are read, the newest


@dataclass(frozen=True, slots=True)
class RuleToConfirm:
    """A rule that needs a second look, for the reasons with these names."""

    match: str
    value: str
    scope: str
    proof: str
    names: tuple[str, ...]
    count: int  # held messages that it is about


@dataclass(frozen=True, slots=True)
class AskedQuestions:
    """Questions that several rules ask together, the rules that ask them, and the fence of the messages that they are about."""

    asked: tuple[confirmations.Question, ...] = ()
    rules: tuple[RuleToConfirm, ...] = ()
    fence: str = ""
    names_of: Mapping[RuleOrder, tuple[str, ...]] = field(default_factory=dict)

    def confirmed(self, confirm: Collection[str], fence: str | None, *, by: Actor) -> list[str]:
        """The names, all of them confirmed; else SecondLookNeeded with the rules, or Stale."""
        try:
            return confirmations.check_confirmed(self.asked, confirm, by=by, fence=fence, current=self.fence)
        except SecondLookNeeded as need:
            raise SecondLookNeeded(need.asked, need.fence, self.rules) from None


def confirmed_looks(
    session: Session,
    order: RuleOrder,
    confirm: Collection[str],
    fence: str | None,
    *,
    by: Actor,
    settings: Settings,
    now: datetime,
    tried: Trials = NO_TRIALS,
) -> list[str]:
    """The names of the second look that this rule needs, all of them confirmed; else SecondLookNeeded, or Stale. BadInput for no rule.

    `tried`: what `try_ahead` found before the transaction that writes.
    """
    checked = check_order(session, order, settings)
    if checked.match == CONTENT:
        look = collect_content_questions(session, [checked], by=by, now=now, settings=settings, tried=tried)
    else:
        look = collect_rule_questions(session, [checked], by=by)
    return look.confirmed(confirm, fence, by=by)


def try_ahead(session: Session, orders: Iterable[RuleOrder], *, by: Actor, now: datetime, settings: Settings) -> Trials:
    """The trials of rules on content that are asked for: made before the transaction that writes, which nobody else could write beside."""
    checked = [order for one in orders if one.match == CONTENT and (order := acceptable_order(session, one, by=by, settings=settings))]
    return content_trial.try_contents(session, new_contents(session, checked, now), by=by, now=now, settings=settings)


def acceptable_order(session: Session, order: RuleOrder, *, by: Actor, settings: Settings) -> RuleOrder | None:
    """The order in folded form; None where it will be refused."""
    try:
        access.may_make_rule(session, by, order.scope)
        return check_order(session, order, settings)
    except (BadInput, NotAllowed):
        return None


def new_contents(session: Session, orders: Iterable[RuleOrder], now: datetime) -> list[RuleOrder]:
    """Returns the rules on content that are not in force yet."""
    return [order for order in orders if order.match == CONTENT and content_store.find_same(session, order, now) is None]


def collect_content_questions(
    session: Session, orders: Iterable[RuleOrder], *, by: Actor, now: datetime, settings: Settings, tried: Trials = NO_TRIALS
) -> AskedQuestions:
    """Collects the questions of rules on content, each by its trial; rules that are already in force ask nothing."""
    fresh = new_contents(session, orders, now)
    missing = [order for order in fresh if order not in tried]
    anew = content_trial.try_contents(session, missing, by=by, now=now, settings=settings)
    tried = {order: anew.get(order) or tried[order] for order in fresh}
    questions = [one for trial in tried.values() for one in trial.asked]
    asked = {one.name: replace(one, count=sum(other.count for other in questions if other.name == one.name)) for one in questions}
    names_of = {order: tuple(one.name for one in trial.asked) for order, trial in tried.items()}
    asking = [rule_to_confirm(order, names, tried[order].counts.changed) for order, names in names_of.items() if names]
    return AskedQuestions(tuple(asked.values()), tuple(asking), join_fences(one.fence for one in tried.values() if one.asked), names_of)


def join_questions(one: AskedQuestions, other: AskedQuestions) -> AskedQuestions:
    """Joins the questions of two looks."""
    fence = join_fences(look.fence for look in (one, other) if look.asked)
    return AskedQuestions((*one.asked, *other.asked), (*one.rules, *other.rules), fence, {**one.names_of, **other.names_of})


def join_fences(fences: Iterable[str]) -> str:
    """Joins several fences into one; returns a single one unchanged."""
    first, *others = [*fences] or [""]
    return hashlib.sha256("".join((first, *others)).encode()).hexdigest()[:24] if others else first


def collect_rule_questions(session: Session, orders: Iterable[RuleOrder], *, by: Actor) -> AskedQuestions:
    """Collects the questions that these rules (rule_request.checked) ask together."""
    return collect_questions(session, {order: released_by(session, order, by=by) for order in orders})


def collect_new_questions(session: Session, orders: Iterable[RuleOrder], *, by: Actor, now: datetime) -> AskedQuestions:
    """Collects questions as `collect_rule_questions` does, of very many rules, and without those that are in force already."""
    allows = [order for order in dict.fromkeys(orders) if order.effect == "allow"]
    named = names_of_held(session, by=by) if allows else set()
    found = {order: released_by(session, order, by=by) for order in allows if order.match == "list" or order.value in named}
    return collect_questions(session, {order: some for order, some in found.items() if some and not is_covered(session, order, now)})


def names_of_held(session: Session, *, by: Actor) -> set[str]:
    """The authors of the held messages that need a second look, their domains, and the domains above."""
    rows = session.execute(select(col(Delivery.author), col(Delivery.author_domain)).where(held_needing_look(by)).distinct())
    return {name for author, domain in rows for name in (author, *ancestor_domains(domain))}


def collect_questions(session: Session, found: Mapping[RuleOrder, Collection[int]]) -> AskedQuestions:
    """Collects the questions of rules about the held messages that each of them allows."""
    every = sorted({one for some in found.values() for one in some})
    where = is_among(session, col(Delivery.id), every)
    due = confirmations.reasons_by_delivery(session, every)
    names_of = {order: tuple(in_order(name for one in some for name in due[one])) for order, some in found.items()}
    asking = [rule_to_confirm(order, names, sum(bool(due[one]) for one in found[order])) for order, names in names_of.items() if names]
    return AskedQuestions(confirmations.list_questions(session, where), tuple(asking), selection.selection_fence(session, where), names_of)


def rule_to_confirm(order: RuleOrder, names: tuple[str, ...], count: int) -> RuleToConfirm:
    """A rule as it is named where it is asked about."""
    return RuleToConfirm(order.match, order.value, order.scope, order.proof, names, count)


def change_rule(
    session: Session,
    rule_id: int,
    changes: Mapping[str, Any],
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    expected: str | None = None,
    confirm: Collection[str] = (),
    fence: str | None = None,
) -> Rule:
    """Change a rule in force as `store.changing` says.

    SecondLookNeeded where the rule would allow more than before, and messages are held of which nobody should.
    """
    rule, order = rules.plan_change(session, rule_id, changes, by=by, now=now, settings=settings, expected=expected)
    looked = collect_questions(session, {order: newly_released(session, rule, order, by=by, now=now)})
    names = looked.confirmed(confirm, fence, by=by)
    return rules.write_change(session, rule, order, changes, by=by, now=now, confirmed=names)


def resume_rule(
    session: Session,
    rule_id: int,
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    confirm: Collection[str] = (),
    fence: str | None = None,
    tried: Trials = NO_TRIALS,
) -> Rule:
    """Resume a paused rule on content. SecondLookNeeded as where it is made."""
    order = paused_order(session, rule_id, by=by)
    looked = collect_content_questions(session, [order], by=by, now=now, settings=settings, tried=tried) if order else AskedQuestions()
    names = looked.confirmed(confirm, fence, by=by)
    return content_store.pause_rule(session, rule_id, paused=False, by=by, now=now, settings=settings, confirmed=names)


def try_resumed(session: Session, rule_id: int, *, by: Actor, now: datetime, settings: Settings) -> Trials:
    """The trial of a paused rule on content, before the transaction that resumes it."""
    order = paused_order(session, rule_id, by=by)
    return content_trial.try_contents(session, [order], by=by, now=now, settings=settings) if order else NO_TRIALS


def paused_order(session: Session, rule_id: int, *, by: Actor) -> RuleOrder | None:
    """A paused rule on content as the order that would make it; None of every other rule. NotAllowed where the actor may not make it."""
    rule = next(iter(rules.known_to(session, [rule_id], by=by)), None)
    if rule is None or rule.match != CONTENT or rule.paused_at is None:
        return None
    access.may_make_rule(session, by, rule.scope)
    return replace(rules.order_of(rule), paused=False)


def restore_rules(
    session: Session,
    rule_ids: Sequence[int],
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    confirm: Collection[str] = (),
    fence: str | None = None,
    tried: Trials = NO_TRIALS,
) -> int:
    """Puts removed rules back in force, all of them or none, as `restore_rules.plan_restore` says; how many.

    SecondLookNeeded as for new rules, once for all of them.
    """
    planned = restoring.plan_restore(session, rule_ids, by=by, now=now, settings=settings)
    orders = [order for _, order in planned]
    of_content = collect_content_questions(session, orders, by=by, now=now, settings=settings, tried=tried)
    looked = join_questions(collect_new_questions(session, orders, by=by, now=now), of_content)
    names = looked.confirmed(confirm, fence, by=by)
    return restoring.write_restore(session, planned, by=by, now=now, settings=settings, confirmed=names)


def try_restored(session: Session, rule_ids: Sequence[int], *, by: Actor, now: datetime, settings: Settings) -> Trials:
    """The trials of removed rules on content, before the transaction that restores them."""
    orders = [rules.order_of(rule) for rule in rules.known_to(session, rule_ids, by=by) if rule.removed_at is not None]
    return try_ahead(session, orders, by=by, now=now, settings=settings)


def newly_released(session: Session, rule: Rule, order: RuleOrder, *, by: Actor, now: datetime) -> list[int]:
    """The held messages that a changed rule allows and did not before; all where it now lasts longer, or allows what it blocked."""
    after = released_by(session, order, by=by)
    if is_wider(rule, order, now):
        return after
    before = set(released_by(session, rules.order_of(rule), by=by))
    return [one for one in after if one not in before]


def is_wider(rule: Rule, order: RuleOrder, now: datetime) -> bool:
    """Whether the order lasts longer than the rule in force, or covers what the rule does not: risky, encrypted or unusual content."""
    return (
        (order.risky and not rule.risky)
        or (order.unchecked and not rule.unchecked)
        or (order.encrypted and not rule.encrypted)
        or lasts_longer(rule, order, rules.end_of_change(rule, order, now))
    )


def is_covered(session: Session, order: RuleOrder, now: datetime) -> bool:
    """Whether a rule is in force that says all of this already, for as long."""
    twin = rules.twin_of(session, order, rules.IMPORTED, now)
    return twin is not None and not lasts_longer(twin, order, rule_end(order, now))


def lasts_longer(rule: Rule, order: RuleOrder, until: datetime | None) -> bool:
    """Whether an order that ends then outlasts the rule in force."""
    return rule.until is not None and (until is None or until > rule.until or order.lapse_days > rule.lapse_days)


def released_by(session: Session, order: RuleOrder, *, by: Actor) -> list[int]:
    """The held messages that need a second look and are proven as the rule asks: of others in that name it lets nothing in."""
    if order.effect != "allow":
        return []
    rows = session.execute(
        select(col(Delivery.id), col(Message.record))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(held_needing_look(by), sender_deliveries(order), access.scope_condition(order.scope))
        .order_by(col(Delivery.received_at).desc())
        .limit(MOST)
    )
    as_list = order.match == "list"
    return [one for one, record in rows if may_satisfy(record, order.proof, as_list=as_list)]


def held_needing_look(by: Actor) -> ColumnElement[bool]:
    """The held messages that the actor sees and that need a second look."""
    return and_(HELD_MAIL, access.real_deliveries(by), confirmations.stored_looks() != 0)


def sender_deliveries(order: RuleOrder) -> ColumnElement[bool]:
    """The deliveries of the sender that the rule is about."""
    if order.match == "list":
        named: ColumnElement[bool] = list_of_message() == order.value
        return named
    return rule_trial.sender_condition(order, EVER)
