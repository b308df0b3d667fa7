"""A person decides over a selection: release, redirect, purge, reject, restore, hold. One record, an outcome for each item.

This is the one way to decide, whatever the number: at once, in slices, or when a second person has confirmed it.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import dual_control, scope as access, staff_members
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import ApprovalNeeded, NotAllowed, NothingDone
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import checked_scope
from triage.quarantine.decisions import bulk_decisions, request_keepers
from triage.quarantine.decisions.carry_out import carry_out, checked_target, sort_copies
from triage.quarantine.decisions.decision_plan import Plan, lock_found, plan_locked
from triage.quarantine.decisions.decision_request import DecisionRequest, Effort, Verb
from triage.quarantine.decisions.outcomes import DecisionReport, decision_of, file_decision, get_decision
from triage.quarantine.known_messages.answers import ANSWERED
from triage.quarantine.removal import late_copies
from triage.quarantine.rules.rules_with_decision import MOST_RULES
from triage.say import say
from triage.store.models.approvals import PendingAct
from triage.store.models.decisions import Decision
from triage.store.models.staff import StaffMember
from triage.store.provable_rows import row_sums


def decide_or_ask(
    session: Session, request: DecisionRequest, *, by: Actor, now: datetime, settings: Settings, planned: Plan | None = None
) -> DecisionReport | PendingAct:
    """Decides as `decide_messages` does, or returns the act that waits for a second person, where the company wants two."""
    key = request.key_of(by)
    if key and (earlier := session.scalars(select(PendingAct).where(col(PendingAct.idempotency_key) == key)).first()):
        return earlier
    try:
        return decide_messages(session, request, by=by, now=now, settings=settings, planned=planned)
    except ApprovalNeeded as need:
        require_somebody_else(session, need, by=by, now=now)
        return dual_control.ask_second_person(session, "decision", request.as_json(), need, by=by, reason=request.reason, key=key, now=now)


def decide_messages(
    session: Session,
    request: DecisionRequest,
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    second: Actor | None = None,
    planned: Plan | None = None,
) -> DecisionReport:
    """Carries out one decision for every selected delivery that the actor may see, and makes a rule about their senders if asked.

    `planned`: the result of `decision_plan.plan_large` from before this transaction; it is carried out in slices. Refusals as for
    `plan_locked`; NothingDone when others were faster everywhere; ApprovalNeeded, and nothing is changed, where the company wants two
    people for it and there is no `second` one.
    """
    access.may_decide(by)
    if request.block and request.block.scope:
        checked_scope(session, request.block.scope)
    found = lock_found(session, request, by=by, settings=settings, now=now) if planned is None else ()  # nobody moves until this is decided
    if earlier := made_before(session, request.key_of(by)):
        return get_decision(session, earlier, by=by)
    plan = planned or plan_locked(session, request, found, by=by, settings=settings, now=now)
    if plan.needs:
        dual_control.require_second_person(plan.needs, by, second, plan.selected)
    decision = describe_decision(session, request, plan, by=by, second=second, settings=settings, now=now)
    if plan.last is not None:
        bulk_decisions.begin_bulk(session, decision, plan, request)
        make_rules(session, plan, by=by, now=now, settings=settings, decision_id=decision.id, second=second)
        request_keepers.request_keepers(session, decision, request.selected, by=by, now=now)
        bulk_decisions.record_beginning(session, decision, by=by, now=now)
        return get_decision(session, decision.id, by=by)
    items = carry_out(session, decision, plan.meant, request, by=by, now=now, settings=settings)
    if items and all(item.outcome == "refused" for item in items):
        row_sums.settle_rows(session, row_sums.subject_of(decision.id))
        raise NothingDone(items[0].why, tuple(items))
    make_rules(session, plan, by=by, now=now, settings=settings, decision_id=decision.id, second=second)
    if decision.confidential:
        request_keepers.request_keepers(session, decision, request.selected, by=by, now=now)
    made = file_decision(session, decision, items, by=by, now=now)
    sort_copies(session, decision, [one.delivery_id for one in items if one.outcome != ANSWERED], settings=settings)
    return made


def describe_decision(
    session: Session, request: DecisionRequest, plan: Plan, *, by: Actor, second: Actor | None, settings: Settings, now: datetime
) -> Decision:
    """The decision as it is kept, before anything is done."""
    reaches_folders = request.verb is Verb.PURGE and not plan.is_answer
    return decision_of(
        by,
        request.verb,
        replace(request.selected, proof=plan.proof).as_json(),
        request.reason,
        now,
        count=plan.count,
        outside=plan.outside,
        confirmed=list(plan.confirmed),
        confidential=request_keepers.find_concerned(session, request.selected, request.verb, by=by) if reaches_folders else "",
        second_by=str(second or ""),
        second_by_shown=second.shown if second else "",
        target=checked_target(session, request, settings=settings, now=now),
        idempotency_key=request.key_of(by),
        agreed=plan.agreed,
        **measure_effort(request.effort, settings),
    )


def make_rules(
    session: Session, plan: Plan, *, by: Actor, now: datetime, settings: Settings, decision_id: int, second: Actor | None = None
) -> None:
    """Make the rules that go along with a decision; very many blocks together."""
    said: dict[str, Any] = {"by": by, "now": now, "settings": settings, "decision_id": decision_id}
    if len(plan.rules) > MOST_RULES and all(one.effect == "block" for one in plan.rules):
        rules.add_blocks(session, plan.rules, origin="staff", **said)
    else:
        for one in plan.rules:
            rules.add_rule(session, one, second=second, **said)
    if plan.blocks:
        rules.add_blocks(session, plan.blocks, **said)
    if plan.late:
        late_copies.make_rules(session, plan.late, second=second, **said)


def measure_effort(effort: Effort | None, settings: Settings) -> dict[str, Any]:
    """Measured work of a decision, as stored; empty where the company wants nothing measured."""
    return effort._asdict() if effort and settings.reports.staff != "none" else {}


def made_before(session: Session, key: str | None) -> int | None:
    """The decision that was made with this key."""
    return session.scalar(select(col(Decision.id)).where(col(Decision.idempotency_key) == key)) if key else None


def require_somebody_else(session: Session, need: ApprovalNeeded, *, by: Actor, now: datetime) -> None:
    """NotAllowed where nobody else could confirm a removal of delivered messages: it would wait in vain."""
    if dual_control.REMOVE_DELIVERED not in need.needs:
        return
    logins = session.scalars(select(col(StaffMember.login)).where(col(StaffMember.active), col(StaffMember.login) != by.name))
    others = (staff_members.find_staff_actor(session, login, now) for login in logins.all())
    if not any(one and one.role in access.DECIDING and dual_control.is_within_scope(session, need.ids, one) for one in others):
        raise NotAllowed(
            say(
                "this removes delivered messages from mailboxes and needs approval, and nobody else here could give it: somebody with the "
                "right remove-delivered can do it alone (`mailroom staff rights`, or rights in the directory)"
            )
        )
