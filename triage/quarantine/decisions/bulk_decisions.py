"""Decisions over very many deliveries: made at once, carried out in slices behind everybody's back, and undone as a whole likewise.

Each slice is a transaction that notes how far it came: after a crash the next process goes on. Others wait for a slice of `BRIEF`: what
took longer is followed by a smaller one, and what a slice is about is looked for before it begins.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain, groupby, repeat
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, not_, select
from sqlmodel import Session, col

from triage.access import actor_lookup, scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import groups
from triage.errors import Refused
from triage.ids import format_id, parse_id
from triage.policy import copies
from triage.quarantine.decisions.carry_out import SAYS_WANTED, carry_out
from triage.quarantine.decisions.decision_plan import Meant, Plan, with_copies
from triage.quarantine.decisions.decision_request import AIMS, DecisionRequest, Verb
from triage.quarantine.decisions.outcome_text import earlier_decision_sentence
from triage.quarantine.decisions.outcomes import LATEST, Item
from triage.quarantine.decisions.take_back import take_back
from triage.quarantine.removal.removal_plan import LeftOut
from triage.quarantine.search import selection
from triage.say import say
from triage.store import ledger
from triage.store.db import correlate_condition, insert_all, is_among
from triage.store.delivery_state import RELEASED, State
from triage.store.models.approvals import PendingAct
from triage.store.models.columns import sentence_columns
from triage.store.models.decisions import SORTING, Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.provable_rows import row_sums

SLICE, FEWEST, MOST = 500, 250, 1000  # deliveries of the first slice, and of any: what each slice asks costs as much as 100 of them
BRIEF = 0.1  # seconds in which a slice holds what it changes, and on SQLite the file
NOBODY: Mapping[int, State] = {}
DUTY, LEASE = "slices", timedelta(seconds=30)


@dataclass(slots=True)
class Ahead:
    """Deliveries of the next slices of one decision, found once by a process for all of them, and how many one slice takes."""

    decision_id: int = 0
    ids: Sequence[int] = field(default=())  # in ascending order
    approved: Mapping[int, State] = field(default_factory=dict)  # the state in which two people agreed to each; empty: one decided
    is_sorting: bool = False  # they are held messages of the decision's senders
    size: int = field(default_factory=lambda: SLICE)

    def note_found(self, decision_id: int, ids: Sequence[int], approved: Mapping[int, State] = NOBODY, *, is_sorting: bool = False) -> None:
        """Notes what was found, all of it at once: a question may be broken off."""
        self.decision_id, self.ids, self.approved, self.is_sorting = decision_id, ids, approved, is_sorting

    def after(self, reached: int) -> Sequence[int]:
        """The slice behind an id; empty where all are through."""
        place = bisect_right(self.ids, reached)
        return self.ids[place : place + self.size]

    def adjust_size(self, seconds: float) -> None:
        """Sets the size of the next slice by the time that one took: at most twice as large."""
        self.size = max(FEWEST, min(MOST, 2 * self.size, int(self.size * BRIEF / max(seconds, 0.001))))


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
    if not decision.has_slices_left or first is None:
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


def load_next_slices(session: Session, decision_id: int, ahead: Ahead, *, now: datetime) -> None:
    """Finds what the next slices are about, unless this process has: in a transaction that only reads, so that nobody waits for it."""
    decision = session.get_one(Decision, decision_id)
    by = actor_lookup.find_actor(session, decision.by, decision.by_shown, now)
    if not (decision.has_slices_left and by and next_slice(session, decision, by, ahead)):
        find_sender_messages(session, decision, ahead)


def go_on(session: Session, decision_id: int, *, now: datetime, settings: Settings, ahead: Ahead | None = None) -> int:
    """Carry out the next slice; how many deliveries it came past, 0 when it is over. `ahead`: kept from one slice to the next.

    Once all deliveries are through, further slices update the rows of their senders.
    """
    decision, ahead = session.scalars(select(Decision).where(col(Decision.id) == decision_id).with_for_update()).one(), ahead or Ahead()
    if decision.last is None:
        return 0
    if not decision.has_slices_left:
        return sort_slice(session, decision, ahead, settings)
    by = actor_lookup.find_actor(session, decision.by, decision.by_shown, now)
    some = next_slice(session, decision, by, ahead) if by and by.role in access.DECIDING else []
    why = ""
    if by and some:
        try:
            with session.begin_nested():
                items = carry_out_slice(session, decision, some, ahead.approved, by=by, now=now, settings=settings)
            write_slice(session, decision, some, items)
            return len(some)
        except Refused as refused:  # whom it was redirected to has left, what senders are told is in the settings no more
            why = str(refused)
    finish_decision(session, decision, now, why)
    return sort_slice(session, decision, ahead, settings)


def next_slice(session: Session, decision: Decision, by: Actor, ahead: Ahead) -> Sequence[int]:
    """The deliveries that come next."""
    if ahead.is_sorting and ahead.decision_id == decision.id:
        return []
    if decision.undoes is not None:
        item = (col(DecisionItem.decision_id) == decision.undoes) & (col(DecisionItem.delivery_id) > decision.reached)
        ids = select(col(DecisionItem.delivery_id)).where(item).order_by(col(DecisionItem.delivery_id))
        return session.scalars(ids.limit(ahead.size)).all()
    if ahead.decision_id != decision.id:
        approved = approved_states(session, decision)
        where = still_to_come(session, decision, by)
        found = [*approved] or session.scalars(select(col(Delivery.id)).where(where).order_by(col(Delivery.id))).all()
        ahead.note_found(decision.id, found, approved)
    return ahead.after(decision.reached)


def carry_out_slice(
    session: Session,
    decision: Decision,
    some: Sequence[int],
    approved: Mapping[int, State],
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
) -> list[Item]:
    """Carries out or undoes a decision for these deliveries; returns the outcome of each. What somebody else has changed since is no longer
    meant. Of what two people agreed to, it is refused.
    """
    if decision.undoes is not None:
        undone = session.get_one(Decision, decision.undoes)
        return take_back(session, undone, decision.id, by=by, now=now, settings=settings, only=some, confirmed=decision.confirmed)
    request = DecisionRequest.of_decision(decision)
    meant = lock_slice(session, decision, some, by)
    meant = with_copies(session, meant) if request.verb is Verb.PURGE else meant
    refused: list[Item] = []
    if approved:
        later = decided_later(session, decision, [one for one, _ in meant]) if request.verb is Verb.PURGE else set()
        agreed = [(one, state) for one, state in meant if is_agreed(state, approved.get(one), request.verb, changed=one in later)]
        refused = refuse_changed(session, {*some, *dict(meant)}.difference(dict(agreed)), approved, now)
        meant = agreed
    done = carry_out(session, decision, meant, request, by=by, now=now, settings=settings) if meant else []
    return done + refused


def lock_slice(session: Session, decision: Decision, some: Sequence[int], by: Actor) -> Meant:
    """Locks and returns the deliveries that are still to come; of a purge with the copies of lists' members, all in the order of ids."""
    where = still_to_come(session, decision, by)
    still_meant = and_(is_among(session, col(Delivery.id), some), correlate_condition(session, where))
    if decision.verb == Verb.PURGE and groups.ids_of_copies(session, some):
        groups.lock_with_copies(session, still_meant)
    return [(one, state) for one, state, _ in ledger.lock_deliveries(session, still_meant)]


def is_agreed(state: State, approved: State | None, verb: Verb, *, changed: bool) -> bool:
    """Whether two people agreed to this of a delivery in this state: to the state that they have seen. A purge also takes what has been
    released and left meanwhile, unless somebody `changed` it after the approval.
    """
    return state is approved or (verb is Verb.PURGE and state in RELEASED and not changed)


def decided_later(session: Session, decision: Decision, ids: Sequence[int]) -> set[int]:
    """Returns the deliveries about which somebody has decided after this decision: ids are in the order of time."""
    latest = LATEST
    return set(session.scalars(select(col(Delivery.id)).where(is_among(session, col(Delivery.id), ids), latest > decision.id)))


def refuse_changed(session: Session, ids: Collection[int], approved: Mapping[int, State], now: datetime) -> list[Item]:
    """Items of deliveries that are not what two people agreed to any more, each with who was faster."""
    if not ids:
        return []
    rows = session.execute(
        select(col(Delivery.id), col(Delivery.state), Decision)
        .outerjoin(Decision, col(Decision.id) == LATEST)
        .where(is_among(session, col(Delivery.id), ids))
    )
    elsewhere = say("It no longer matches the selection.")
    return [
        Item(
            one,
            approved.get(one, state),
            "refused",
            elsewhere if state == approved.get(one) else earlier_decision_sentence(state, faster, now),
        )
        for one, state, faster in rows
    ]


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
    if "approved" in decision.order and decision.verb == Verb.PURGE:  # its deliveries are named, and may leave meanwhile
        selected = replace(selected, states=())
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


def write_slice(session: Session, decision: Decision, some: Sequence[int], items: Sequence[Item]) -> None:
    """The outcome of each item, of each once, and how far the decision came."""
    decision.reached = some[-1]
    decision.done += sum(item.outcome == "done" for item in items)
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
    row_sums.enter_items(session, decision.id, ((item.delivery_id, item.before) for item in items if item.delivery_id not in there))


def finish_decision(session: Session, decision: Decision, now: datetime, why: str = "") -> None:
    """Ends a bulk decision; only the rows of its senders are still to be updated. Writes to the audit log how many deliveries it left:
    others had changed them, or the person who decided no longer may. `why`: what else stopped it.
    """
    refused = func.count().filter(col(DecisionItem.outcome) == "refused")
    mine = select(func.count(), refused).where(col(DecisionItem.decision_id) == decision.id)
    number, left_alone = session.execute(mine).one()
    left = max(0, decision.count - number) + left_alone
    decision.count, decision.reached, decision.order = number, 0, decision.order | {SORTING: True}
    detail = {"left": left} | ({"why": why} if why else {})
    ledger.write_act(session, f"end-{decision.verb}", subject_of(decision), by=Actor.system("slices"), now=now, detail=detail, items=number)


def sort_slice(session: Session, decision: Decision, ahead: Ahead, settings: Settings) -> int:
    """Updates the rows of senders whose messages became wanted, or no longer are, for the next of their held messages; how many these are,
    0 when all are through.
    """
    find_sender_messages(session, decision, ahead)
    some = ahead.after(decision.reached) if decision.verb in SAYS_WANTED else []
    if not some:
        decision.last = None
        return 0
    copies.sort_anew(session, is_among(session, col(Delivery.id), some), settings=settings, now=decision.at)
    decision.reached = some[-1]
    return len(some)


def find_sender_messages(session: Session, decision: Decision, ahead: Ahead) -> None:
    """Finds the held messages of the senders of a decision after which senders are wanted, or no longer are."""
    if decision.verb in SAYS_WANTED and not (ahead.decision_id == decision.id and ahead.is_sorting):
        ids = session.scalars(select(col(DecisionItem.delivery_id)).where(col(DecisionItem.decision_id) == decision.id)).all()
        ahead.note_found(decision.id, copies.held_of_senders(session, ids), is_sorting=True)


def subject_of(decision: Decision) -> str:
    """Subject of a bulk decision in the audit log."""
    return f"decision:{format_id(decision.id)}"
