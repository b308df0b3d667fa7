"""Restores rules: puts the very rows that somebody has just removed back in force, with their uses and their history."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import dual_control, scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import NotAllowedNow
from triage.ids import format_id
from triage.policy import copies
from triage.policy.known_senders import domain_proofs
from triage.policy.rules import content_store, store
from triage.policy.rules.rule_request import CONTENT, RuleOrder, check_order
from triage.say import say
from triage.store import ledger, versions
from triage.store.db import is_among
from triage.store.models.decisions import Decision
from triage.store.models.rules import Rule

LASTS = timedelta(hours=24)  # so long after its removal a rule can be restored


def plan_restore(
    session: Session, rule_ids: Sequence[int], *, by: Actor, now: datetime, settings: Settings
) -> list[tuple[Rule, RuleOrder]]:
    """The removed rules of these, locked, each with the order that would make it; rules in force are left out.

    NotFound for a rule that the actor may not know of. NotAllowedNow for one that somebody else removed, or more than 24 hours ago, or that
    belongs to a removal of messages. ApprovalNeeded where the company wants a second person for it, and nobody approved it.
    """
    removed = [rule for rule in store.lock_known(session, rule_ids, by=by).values() if rule.removed_at is not None]
    undone = undone_decisions(session, removed)
    return [(rule, restorable_order(session, rule, undone, by=by, now=now, settings=settings)) for rule in removed]


def undone_decisions(session: Session, some: Sequence[Rule]) -> set[int | None]:
    """The decisions that made some of these rules and were undone: their rules are gone with them."""
    made = [rule.decision_id for rule in some if rule.decision_id is not None]
    gone = select(col(Decision.id)).where(is_among(session, col(Decision.id), made), col(Decision.undone_by).is_not(None))
    return set(session.scalars(gone))


def belongs_to_decision(rule: Rule, undone: set[int | None]) -> bool:
    """Whether a rule stands and falls with a decision about messages, so that it is not restored by itself. `undone`: undone decisions."""
    return rule.match == "campaign" or rule.origin == store.STANDING or rule.decision_id in undone


def restorable_order(session: Session, rule: Rule, undone: set[int | None], *, by: Actor, now: datetime, settings: Settings) -> RuleOrder:
    """The order that would make a removed rule, if this actor may restore it."""
    access.may_make_rule(session, by, rule.scope)
    if rule.removed_by != str(by) or rule.removed_at is None or rule.removed_at <= now - LASTS:
        raise NotAllowedNow(say("only the person who removed a rule can restore it, within 24 hours; make a new rule"))
    if belongs_to_decision(rule, undone):
        raise NotAllowedNow(say("this rule belongs to a decision about messages; make that decision again"))
    order = check_order(session, store.order_of(rule), settings)
    dual_control.require_proof_of_rule(order.effect, order.match, order.scope, by)
    if not rule.second_by:
        dual_control.require_second_person(dual_control.of_rules([order], settings), by, None)
    return order


def write_restore(
    session: Session, planned: Sequence[tuple[Rule, RuleOrder]], *, by: Actor, now: datetime, settings: Settings, confirmed: Sequence[str]
) -> int:
    """Puts planned rules back in force, each in the audit log; how many. One stays removed where somebody has made an equal rule since.

    BadInput where a rule on content of the same name is in force by now.
    """
    if planned:
        versions.advance_version(session, store.VERSION)
    return sum(restore_rule(session, *one, by=by, now=now, settings=settings, confirmed=confirmed) for one in planned)


def restore_rule(
    session: Session, rule: Rule, order: RuleOrder, *, by: Actor, now: datetime, settings: Settings, confirmed: Sequence[str]
) -> bool:
    """Puts one rule back in force, unless an equal one is."""
    if order.match == CONTENT:
        twin = content_store.make_room(session, order, "staff", by=by, now=now)  # never in place of another of that name
    else:
        twin = store.twin_of(session, order, rule.origin, now)
    if twin is not None:
        return False
    rule.removed_at, rule.removed_by = None, ""
    session.flush()
    said: dict[str, Any] = {"confirmed": list(confirmed)} if confirmed else {}
    ledger.write_act(session, "restore-rule", f"rule:{format_id(rule.id)}", by=by, now=now, detail=said | store.detail_of(rule))
    if rule.effect == "allow":
        domain_proofs.begin_with_rule(session, rule.match, rule.value, settings=settings, now=now, decision_id=rule.decision_id)
        copies.sort_anew(session, store.reached_deliveries(rule), settings=settings, now=now)
    return True
