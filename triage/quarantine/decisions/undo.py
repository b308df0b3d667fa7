"""Take a decision back as a whole, whatever its size: every item that nobody has changed since, and the rules made along with it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, not_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor, Grant, Role
from triage.config.settings import Settings
from triage.delivery import enforcement_notice, groups
from triage.delivery.recall.hunt_criteria import HUNT
from triage.directory import enforcement
from triage.errors import Conflict, NotAllowed, NotAllowedNow, NotFound, NothingDone
from triage.ids import format_id, new_id
from triage.policy import copies
from triage.policy.rules import store as rules
from triage.quarantine.decisions import bulk_decisions, decision_plan, escalate, regroup
from triage.quarantine.decisions.outcome_text import earlier_decision_sentence
from triage.quarantine.decisions.outcomes import (
    CHANGING,
    LATEST,
    UNDER_WAY,
    DecisionReport,
    Item,
    concerns_actor,
    decision_of,
    file_decision,
    get_decision,
    is_answer,
)
from triage.quarantine.decisions.take_back import LEFT, WAY_BACK, has_way_back, take_back
from triage.quarantine.removal import late_copies
from triage.quarantine.search import confirmations, selection
from triage.say import say
from triage.store.delivery_state import State
from triage.store.models.decisions import ENDED_STEP, RESUMED_STEP, Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.rules import Rule

IN_MAILBOXES = (State.DELIVERED, State.QUEUED, State.RELAYING, State.RESTORING, State.RECALLING)
LETS_OUT = {"purge": IN_MAILBOXES, "sweep": tuple(State), "take": tuple(State), "hold": (State.QUEUED,)}  # by states before


def require_own(session: Session, decision_id: int, by: Actor) -> None:
    """NotAllowed for somebody else's decision. A key that takes "the last one" back must never mean a colleague's."""
    decision = session.get(Decision, decision_id)
    if decision is not None and concerns_actor(session, decision, by) and decision.by != str(by):
        raise NotAllowed(
            say("{by_shown} decided this, not you: undo it by its id, or on its page under Decisions", by_shown=decision.by_shown)
        )


def undo_decision(
    session: Session,
    decision_id: int,
    *,
    by: Actor,
    reason: str,
    now: datetime,
    settings: Settings,
    confirm: Collection[str] = (),
    fence: str | None = None,
    ask: bool = True,
) -> DecisionReport:
    """Undo a decision; the undoing one, with an outcome for each item, or begun where there are very many.

    What was delivered meanwhile is taken out of the mailbox, what a purge took out of one is put back there. What of a large decision is
    still to come never happens. Conflict when it was undone before, NotAllowed when it concerns mail outside the actor's scope too,
    NothingDone when nothing could be taken back. SecondLookNeeded where that lets out what needs a second look, unless exactly its names
    are confirmed with the fence that it says, or `ask` is False: somebody was asked before.
    """
    access.may_decide(by)
    decision = lock_undoable(session, decision_id, by, now)
    is_slow = is_large(session, decision)
    if is_slow and bulk_decisions.is_to_come_beyond(session, decision, by, now):
        raise NotAllowed(say("this decision also concerns messages outside your scope: decide about those in your scope instead"))
    undoing = decision_of(by, "undo", decision.selection, reason, now, count=0, id=new_id(), undoes=decision.id)
    undoing.confirmed = check_second_look(session, decision, confirm, fence, by=by) if ask else []
    undoing.order = resume_ended(session, decision, by=by, settings=settings, now=now)
    if is_slow:
        return undo_in_slices(session, decision, undoing, by=by, now=now)
    items = undo_items(session, decision, undoing, by=by, now=now, settings=settings)
    if items and not undoing.order and not rules_of(session, decision) and not any(item.outcome in CHANGING | UNDER_WAY for item in items):
        raise NothingDone(items[0].why, tuple(items))
    items += take_rules_back(session, decision, undoing.id, by=by, now=now)
    undoing.count = len(items)
    decision.undone_by = undoing.id
    found = file_decision(session, undoing, items, by=by, now=now)
    if decision.verb in LEFT:
        copies.sort_senders_of(session, [one.delivery_id for one in items], settings=settings, now=now)
    return found


def resume_ended(session: Session, decision: Decision, *, by: Actor, settings: Settings, now: datetime) -> dict[str, Any]:
    """Sets the step again that this decision ended, and tells the person; what the undo notes of it, nothing where no step begins.

    NotAllowed for who may not set it.
    """
    ended = decision.order.get(ENDED_STEP)
    if not ended or not enforcement.is_resumable(session, ended, now):
        return {}
    access.require_grant(by, Grant.ADMIN)
    access.require_role(by, Role.ADMIN)
    enforcement.resume_step(session, ended, by=by, now=now)
    enforcement_notice.send_notices(session, ended["scope"], ended["step"], now, settings=settings, by=by, now=now)
    return {RESUMED_STEP: session.get_one(Person, ended["scope"].partition(":")[2]).name}


def is_large(session: Session, decision: Decision) -> bool:
    """Whether it is still under way, or about so many deliveries that its undo takes slices too."""
    if decision.verb in (*regroup.VERBS, escalate.VERB):  # these move no messages, and are undone at once
        return False
    most = decision_plan.LARGE + 1
    some = select(literal(1)).select_from(DecisionItem).where(col(DecisionItem.decision_id) == decision.id).limit(most).subquery()
    return decision.last is not None or (session.scalar(select(func.count()).select_from(some)) or 0) >= most


def undo_in_slices(session: Session, decision: Decision, undoing: Decision, *, by: Actor, now: datetime) -> DecisionReport:
    """Begin to take a large decision back."""
    decision.last = None
    about = col(DecisionItem.decision_id) == decision.id
    undoing.count, undoing.last = session.execute(select(func.count(), func.max(col(DecisionItem.delivery_id))).where(about)).one()
    session.add(undoing)
    decision.undone_by = undoing.id
    session.flush()
    take_rules_back(session, decision, undoing.id, by=by, now=now)
    bulk_decisions.record_beginning(session, undoing, by=by, now=now)
    return get_decision(session, undoing.id, by=by)


def undo_items(session: Session, decision: Decision, undoing: Decision, *, by: Actor, now: datetime, settings: Settings) -> list[Item]:
    """Take everything back at once; the outcome of each item."""
    if decision.verb in regroup.VERBS:
        return regroup.undo_regroup(session, decision, by=by, now=now, undoing_id=undoing.id)
    if decision.verb == escalate.VERB:
        return escalate.undo_escalation(session, decision, by=by, now=now, undoing_id=undoing.id)
    return take_back(session, decision, undoing.id, by=by, now=now, settings=settings, confirmed=undoing.confirmed)


def check_second_look(session: Session, decision: Decision, confirm: Collection[str], fence: str | None, *, by: Actor) -> list[str]:
    """The names of the second look that undoing this needs, all of them confirmed; else SecondLookNeeded, or Stale."""
    where = leaves_by_undo(decision)
    asked = confirmations.list_questions(session, where) if where is not None else ()
    current = selection.selection_fence(session, where) if where is not None and (asked or confirm) else ""
    return confirmations.check_confirmed(asked, confirm, by=by, fence=fence, current=current)


def leaves_by_undo(decision: Decision) -> ColumnElement[bool] | None:
    """Condition: deliveries that leave, or get back into mailboxes, when this is undone: what a removal met there, and what was stopped.

    None: it lets nothing out.
    """
    if decision.verb not in LETS_OUT:
        return None
    met = and_(has_way_back(decision), col(DecisionItem.before).in_(LETS_OUT[decision.verb]))
    items = select(col(DecisionItem.delivery_id)).where(col(DecisionItem.decision_id) == decision.id, met)
    latest = LATEST
    return and_(col(Delivery.id).in_(items), latest == decision.id, col(Delivery.erased_at).is_(None))


def rules_of(session: Session, decision: Decision) -> list[Rule]:
    """The rules made along with a decision that are in force."""
    return list(session.scalars(select(Rule).where(col(Rule.decision_id) == decision.id, col(Rule.removed_at).is_(None))))


def take_rules_back(session: Session, decision: Decision, undoing_id: int, *, by: Actor, now: datetime) -> list[Item]:
    """The rules made along are removed, and the late copies that they caught are held again: those."""
    made = rules_of(session, decision)
    rules.remove_all(session, made, by=by, now=now)
    caught = late_copies.hold_late_copies(session, made, by=by, now=now, decision_id=undoing_id)
    return [Item(one, State.PURGED, "done", say("A late copy that was caught in the meantime.")) for one in caught]


def lock_undoable(session: Session, decision_id: int, by: Actor, now: datetime) -> Decision:
    """The decision, locked, if this actor may take it back now."""
    decision = session.scalars(select(Decision).where(col(Decision.id) == decision_id).with_for_update()).first()
    if decision is None or not concerns_actor(session, decision, by):
        raise NotFound(say("there is no decision {decision_id}", decision_id=format_id(decision_id)))
    if decision.undone_by is not None:
        raise Conflict(earlier_decision_sentence("undone", session.get_one(Decision, decision.undone_by), now))
    if decision.undoes is not None:
        raise NotAllowedNow(say("this is an undo itself: make a new decision instead"))
    if decision.selection.get("dry_run") or decision.verb == HUNT:
        raise NotAllowedNow(say("it only counted: nothing was removed"))
    if decision.verb not in (*WAY_BACK, *regroup.VERBS, escalate.VERB):
        raise NotAllowedNow(say("a redelivery cannot be undone: purge the second copy instead"))
    outcomes = set(session.scalars(select(col(DecisionItem.outcome)).where(col(DecisionItem.decision_id) == decision_id).distinct()))
    if is_answer(outcomes):
        raise NotAllowedNow(say("it was the answer to a known message, and changed nothing"))
    foreign = (
        select(func.count())
        .select_from(DecisionItem)
        .join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
        .where(col(DecisionItem.decision_id) == decision_id, not_(access.visible_deliveries(by)), not_(groups.is_copy_within(decision_id)))
    )
    if session.scalar(foreign):
        raise NotAllowed(say("this decision also concerns messages outside your scope: decide about those in your scope instead"))
    return decision
