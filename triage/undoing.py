"""Take a decision back as a whole: every item that nobody has changed since, and the rules made along with it."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, not_, select, update
from sqlmodel import Session, col

from triage import access, directory, ledger, rules
from triage.actor import Actor
from triage.db import among
from triage.errors import NotAllowed, NotAllowedNow, NotFound, Overtaken
from triage.ids import new_id, show
from triage.models import Decision, DecisionItem, Delivery, Rule
from triage.outcomes import DecisionReport, Item, NothingDone, filed, touches, who_was_faster
from triage.settings import Settings
from triage.states import Event, State

WAY_BACK = {
    "release": (Event.HOLD, State.QUEUED),
    "redirect": (Event.HOLD, State.QUEUED),
    "purge": (Event.RESTORE, State.PURGED),
    "restore": (Event.PURGE, State.HELD),
    "hold": (Event.RELEASE, State.HELD),
}
LEAVING = frozenset({State.QUEUED, State.RELAYING})  # what was on its way before a purge goes on its way again


def undo(session: Session, decision_id: int, *, by: Actor, reason: str, now: datetime, settings: Settings) -> DecisionReport:
    """Undo a decision; the undoing one, with an outcome for each item.

    A released mail that was delivered is out of reach until recall exists. Overtaken when it was undone before,
    NotAllowed when it concerns mail outside the actor's scope too, NothingDone when nothing could be taken back.
    """
    access.may_decide(by)
    decision = undoable(session, decision_id, by, now)
    undoing = Decision(
        id=new_id(),
        at=now,
        by=str(by),
        by_shown=by.shown,
        verb="undo",
        selection=decision.selection,
        reason=reason[:1000],
        count=0,
        done=0,
        undoes=decision.id,
    )
    items = take_back(session, decision, undoing.id, by=by, now=now, settings=settings)
    undoing.count = len(items)
    made = list(session.scalars(select(Rule).where(col(Rule.decision_id) == decision.id, col(Rule.removed_at).is_(None))))
    if items and not made and all(item.outcome != "done" for item in items):
        raise NothingDone(items[0].why, tuple(items))
    for rule in made:
        rules.remove(session, rule.id, by=by, now=now)
    decision.undone_by = undoing.id
    return filed(session, undoing, items, by=by, now=now)


def undoable(session: Session, decision_id: int, by: Actor, now: datetime) -> Decision:
    """The decision, locked, if this actor may take it back now."""
    decision = session.scalars(select(Decision).where(col(Decision.id) == decision_id).with_for_update()).first()
    if decision is None or not touches(session, decision, by):
        raise NotFound(f"there is no decision {show(decision_id)}")
    if decision.undone_by is not None:
        raise Overtaken(who_was_faster("undone", session.get_one(Decision, decision.undone_by), now))
    if decision.undoes is not None:
        raise NotAllowedNow("this is itself an undo: decide anew instead")
    foreign = (
        select(func.count())
        .select_from(DecisionItem)
        .join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
        .where(col(DecisionItem.decision_id) == decision_id, not_(access.visible(by)))
    )
    if session.scalar(foreign):
        raise NotAllowed("this decision also concerns mail outside your scope: decide about your own mail instead")
    return decision


def take_back(session: Session, decision: Decision, undoing_id: int, *, by: Actor, now: datetime, settings: Settings) -> list[Item]:
    """Put the items of a decision back; the outcome of each."""
    event, possible = WAY_BACK[decision.verb]
    before = taken(session, decision)
    mine = among(session, col(Delivery.id), before)
    spared = spare(session, decision, list(before))
    where = mine & (col(Delivery.decision_id) == decision.id) & (col(Delivery.state) == possible) & col(Delivery.erased_at).is_(None)
    leaves = now + timedelta(seconds=settings.policy.undo_seconds)
    changes: dict[str, Any] = {"due_at": leaves, "queued_at": leaves} if event is Event.RELEASE else {"due_at": None}
    detail = {"undoes": show(decision.id)}
    changed = dict(ledger.record_many(session, where, event, by=by, now=now, decision_id=undoing_id, detail=detail, **changes))
    if decision.verb == "redirect":
        directory.address_anew(session, among(session, col(Delivery.id), changed))  # to whom they were meant at first
    on_their_way = [one for one in changed if before[one] in LEAVING]
    if event is Event.RESTORE and on_their_way:
        again = among(session, col(Delivery.id), on_their_way)
        ledger.record_many(
            session, again, Event.RELEASE, by=by, now=now, decision_id=undoing_id, detail=detail, due_at=leaves, queued_at=leaves
        )
    left = [one for one in before if one not in changed and one not in spared]
    why = not_taken_back(session, left, decision, now)
    return [Item(one, before[one], "done") for one in before if one in changed or one in spared] + [
        Item(one, before[one], *why[one]) for one in left
    ]


def taken(session: Session, decision: Decision) -> dict[int, State]:
    """The deliveries that the decision changed or meant to, with their states before; locked, so that nobody moves meanwhile."""
    items = (
        select(col(DecisionItem.delivery_id), col(DecisionItem.before))
        .where(col(DecisionItem.decision_id) == decision.id, col(DecisionItem.outcome).in_(["done", "in flight"]))
        .order_by(col(DecisionItem.delivery_id))
    )
    before = {delivery_id: State(state) for delivery_id, state in session.execute(items)}
    ledger.lock(session, among(session, col(Delivery.id), before))
    return before


def spare(session: Session, decision: Decision, ids: list[int]) -> set[int]:
    """Call off the purge of what it met under way; which deliveries that saves."""
    wanted = among(session, col(Delivery.id), ids) & (col(Delivery.purge_wanted_by) == decision.id)
    spared = set(session.scalars(select(col(Delivery.id)).where(wanted)))
    if spared:
        session.execute(update(Delivery).where(wanted).values(purge_wanted_by=None))
    return spared


def not_taken_back(session: Session, ids: list[int], decision: Decision, now: datetime) -> dict[int, tuple[str, str]]:
    """Why these items could not be taken back."""
    found: dict[int, tuple[str, str]] = {}
    rows = session.execute(
        select(col(Delivery.id), col(Delivery.state), col(Delivery.decision_id)).where(among(session, col(Delivery.id), ids))
    )
    for delivery_id, state, changed_by in rows:
        if changed_by != decision.id and changed_by is not None:
            found[delivery_id] = ("refused", who_was_faster(state, session.get(Decision, changed_by), now))
        elif state == State.DELIVERED:
            found[delivery_id] = ("out of reach", "It was delivered already.")
        elif state == State.RELAYING:
            found[delivery_id] = ("in flight", "It is being delivered this moment.")
        else:
            found[delivery_id] = ("refused", f"It is {state} now.")
    return found
