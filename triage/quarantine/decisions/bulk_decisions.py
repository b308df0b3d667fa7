"""Decisions over very many deliveries: made at once, carried out in slices behind everybody's back, and undone as a whole likewise.

Each slice is a transaction that notes how far it came: nobody waits for long, and after a crash the next process goes on.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, groupby, repeat
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, and_, literal, not_, select
from sqlmodel import Session, col

from triage.access import actor_lookup, scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import groups
from triage.errors import Refused
from triage.ids import format_id, parse_id
from triage.quarantine.decisions.carry_out import carry_out, sort_copies
from triage.quarantine.decisions.decision_plan import Meant, Plan, with_copies
from triage.quarantine.decisions.decision_request import AIMS, DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import Item
from triage.quarantine.decisions.take_back import take_back
from triage.quarantine.removal.removal_plan import LeftOut
from triage.quarantine.search import selection
from triage.store import ledger
from triage.store.db import correlate_condition, insert_all, is_among
from triage.store.delivery_state import State
from triage.store.models.approvals import PendingAct
from triage.store.models.columns import sentence_columns
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery

SLICE = 1000
DUTY, LEASE = "slices", timedelta(seconds=30)


@dataclass(slots=True)
class Ahead:
    """Deliveries of the next slices of one decision, found once by a process for all of them."""

    decision_id: int = 0
    ids: Sequence[int] = field(default=())  # in ascending order
    approved: Mapping[int, State] = field(default_factory=dict)  # the state in which two people agreed to each; empty: one decided

    def after(self, reached: int) -> Iterator[Sequence[int]]:
        """The slices behind an id, one after the other."""
        for place in range(bisect_right(self.ids, reached), len(self.ids), SLICE):
            yield self.ids[place : place + SLICE]


def begin_bulk(session: Session, decision: Decision, plan: Plan, request: DecisionRequest) -> None:
    """Write the decision down; `go_on` carries it out."""
    decision.last, decision.order = plan.last, request.order | left_out_json(plan.left_out) | approval_json(plan)
    session.add(decision)
    session.flush()


def record_beginning(session: Session, decision: Decision, *, by: Actor, now: datetime) -> None:
    """Put on record that a decision, or an undo, is carried out from now on."""
    detail = {"reason": decision.reason} | ({"confirmed": decision.confirmed} if decision.confirmed else {})
    ledger.write_act(session, f"begin-{decision.verb}", subject_of(decision), by=by, now=now, detail=detail, items=decision.count)


def is_to_come_beyond(session: Session, decision: Decision, by: Actor, now: datetime) -> bool:
    """Whether the decision covers later messages that its author sees and this actor does not."""
    first = actor_lookup.find_actor(session, decision.by, decision.by_shown, now)
    if decision.last is None or first is None:
        return False
    return (
        session.scalar(
            select(literal(1))
            .select_from(Delivery)
            .where(still_to_come(session, decision, first), not_(access.visible_deliveries(by)))
            .limit(1)
        )
        is not None
    )


def under_way(session: Session) -> int | None:
    """The oldest decision that is being carried out."""
    return session.scalar(select(col(Decision.id)).where(col(Decision.last).is_not(None)).order_by(col(Decision.id)).limit(1))


def go_on(session: Session, decision_id: int, *, now: datetime, settings: Settings, ahead: Ahead | None = None) -> int:
    """Carry out the next slice; how many deliveries it was about, 0 when it is over. `ahead`: kept from one slice to the next."""
    decision = session.scalars(select(Decision).where(col(Decision.id) == decision_id).with_for_update()).one()
    if decision.last is None:
        return 0
    by = actor_lookup.find_actor(session, decision.by, decision.by_shown, now)
    meant = next_slice(session, decision, by, ahead or Ahead()) if by and by.role in access.DECIDING else []
    if by is None or not meant:
        finish_decision(session, decision, now, settings)
        return 0
    try:
        with session.begin_nested():
            items = carry_out_slice(session, decision, meant, by, now, settings)
    except Refused as why:  # whom it was redirected to has left, what senders are told is in the settings no more
        finish_decision(session, decision, now, settings, str(why))
        return 0
    decision.reached = meant[-1][0]
    decision.done += sum(item.outcome == "done" for item in items)
    write_items(session, decision, items)
    return len(meant)


def carry_out_slice(session: Session, decision: Decision, meant: Meant, by: Actor, now: datetime, settings: Settings) -> list[Item]:
    """Carries out or undoes a decision for these deliveries; returns the outcome of each."""
    if decision.undoes is not None:
        undone = session.get_one(Decision, decision.undoes)
        only = [one for one, _ in meant]
        return take_back(session, undone, decision.id, by=by, now=now, settings=settings, only=only, confirmed=decision.confirmed)
    request = DecisionRequest.of_decision(decision)
    meant = with_copies(session, meant) if request.verb is Verb.PURGE else meant
    return carry_out(session, decision, meant, request, by=by, now=now, settings=settings)


def next_slice(session: Session, decision: Decision, by: Actor, ahead: Ahead) -> Meant:
    """The deliveries that come next, locked. What somebody else has changed since is no longer meant; where two people agreed, nothing is
    that is not in the state which both have seen.
    """
    if decision.undoes is not None:
        item = (col(DecisionItem.decision_id) == decision.undoes) & (col(DecisionItem.delivery_id) > decision.reached)
        ids = select(col(DecisionItem.delivery_id)).where(item).order_by(col(DecisionItem.delivery_id)).limit(SLICE)
        return [(delivery_id, State.HELD) for delivery_id in session.scalars(ids)]
    where = still_to_come(session, decision, by)
    if ahead.decision_id != decision.id:
        approved = approved_states(session, decision)
        found = [*approved] or session.scalars(select(col(Delivery.id)).where(where).order_by(col(Delivery.id))).all()
        ahead.decision_id, ahead.approved, ahead.ids = decision.id, approved, found  # together: a question may be broken off
    for some in ahead.after(decision.reached):
        if decision.verb == Verb.PURGE and (copies := groups.ids_of_copies(session, some)):
            ledger.lock_deliveries(session, is_among(session, col(Delivery.id), [*some, *copies]))
        still_meant = and_(is_among(session, col(Delivery.id), some), correlate_condition(session, where))
        locked = ledger.lock_deliveries(session, still_meant)
        if meant := [(one, state) for one, state, _ in locked if ahead.approved.get(one, state) is state]:
            return meant
    return []


def approval_json(plan: Plan) -> dict[str, Any]:
    """The approval of a decision, with the states of its deliveries in their order, each with how many follow in it, as plain values."""
    if plan.approved is None:
        return {}
    runs = [[str(state), len(list(some))] for state, some in groupby(plan.selected, key=itemgetter(1))]
    return {"approved": format_id(plan.approved), "states": runs}


def approved_states(session: Session, decision: Decision) -> dict[int, State]:
    """The deliveries that two people agreed to, by id, with their states then; empty where one person decided."""
    if "approved" not in decision.order:
        return {}
    asked = session.get_one(PendingAct, parse_id(decision.order["approved"]))
    states = chain.from_iterable(repeat(State(state), number) for state, number in decision.order["states"])
    return dict(zip(map(parse_id, asked.items), states, strict=True))


def still_to_come(session: Session, decision: Decision, by: Actor) -> ColumnElement[bool]:
    """The deliveries that it has not come to yet."""
    further = and_(col(Delivery.id) > decision.reached, col(Delivery.id) <= decision.last)
    selected = selection.from_json(decision.selection)
    where = and_(further, selection.selection_condition(selected), access.visible_deliveries(by), not_(has_outcome(decision.id)))
    if left := LeftOut(*map(tuple, decision.order.get("left_out", ()))):
        where = and_(where, not_(left.condition(session, selected)))
    if selected.states:
        return where
    return and_(where, selection.states_condition(selected, AIMS[Verb(decision.verb)].counts))


def left_out_json(left: LeftOut) -> dict[str, Any]:
    """Senders that the slices leave alone, as plain values."""
    return {"left_out": [left.proven, left.claimed]} if left else {}


def has_outcome(decision_id: int) -> ColumnElement[bool]:
    """Whether the delivery has an outcome already, as the copy of a group's member."""
    return (
        select(literal(1)).where(col(DecisionItem.decision_id) == decision_id, col(DecisionItem.delivery_id) == col(Delivery.id)).exists()
    )


def write_items(session: Session, decision: Decision, items: Sequence[Item]) -> None:
    """The outcome of each item, and of each once."""
    session.flush()
    mine = col(DecisionItem.decision_id) == decision.id
    ids = [one.delivery_id for one in items]
    there = set(session.scalars(select(col(DecisionItem.delivery_id)).where(mine, is_among(session, col(DecisionItem.delivery_id), ids))))
    rows = [
        {"decision_id": decision.id, "delivery_id": item.delivery_id, "before": item.before, "outcome": item.outcome}
        | sentence_columns("why", item.why)
        for item in items
        if item.delivery_id not in there
    ]
    insert_all(session, DecisionItem, rows)


def finish_decision(session: Session, decision: Decision, now: datetime, settings: Settings, why: str = "") -> None:
    """Ends a bulk decision, updates the rows of its senders, once for all slices, and writes to the audit log how many deliveries it
    left: others had changed them, or the person who decided no longer may. `why`: what else stopped it.
    """
    decision.last = None
    ids = session.scalars(select(col(DecisionItem.delivery_id)).where(col(DecisionItem.decision_id) == decision.id)).all()
    sort_copies(session, decision, ids, settings=settings)
    number = len(ids)
    left, decision.count = decision.count - number, number
    detail = {"left": left} | ({"why": why} if why else {})
    ledger.write_act(session, f"end-{decision.verb}", subject_of(decision), by=Actor.system("slices"), now=now, detail=detail, items=number)


def subject_of(decision: Decision) -> str:
    """Subject of a bulk decision in the audit log."""
    return f"decision:{format_id(decision.id)}"
