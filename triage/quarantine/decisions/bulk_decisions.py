"""Decisions over very many deliveries: made at once, carried out in slices behind everybody's back, and undone as a whole likewise.

Each slice is a transaction that notes how far it came: nobody waits for long, and after a crash the next process goes on.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, literal, not_, select
from sqlmodel import Session, col

from triage.access import actor_lookup, scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import rejections
from triage.errors import BadInput, NotAllowed, NotAllowedNow, Refused, Stale
from triage.ids import show
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import ask_keepers, consent, decide as decisions, escalate, regroup, undo as undoing
from triage.quarantine.decisions.decide import Verb
from triage.quarantine.decisions.outcomes import DecisionReport, Item, decision_of, report
from triage.quarantine.removal import late_copies, removal_plan
from triage.quarantine.removal.removal_plan import BlockWish, LeftOut
from triage.quarantine.search import selection
from triage.quarantine.search.selection import Selection
from triage.store import ledger
from triage.store.db import among
from triage.store.delivery_state import State
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery

LARGE = 100_000  # deliveries; fewer are decided in one transaction
SLICE = 1000
DUTY, LEASE = "slices", timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a large decision is about, as of one moment; read without holding anything."""

    count: int
    last: int  # the largest id: what comes in later is not meant
    outside: int
    rules: tuple[RuleOrder, ...]
    blocks: tuple[RuleOrder, ...]
    late: tuple[RuleOrder, ...]
    left_out: LeftOut  # whose messages a purge leaves alone
    proof: str  # what proves the mail that is meant, though most of its campaign may be proven otherwise by then
    confirmed: tuple[str, ...] = ()  # of a second look


def plan(
    session: Session,
    selected: Selection,
    verb: Verb,
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    to: str = "",
    rule: RuleOrder | None = None,
    block: BlockWish | None = None,
    expect: int | None = None,
    fence: str | None = None,
    confirm: Collection[str] = (),
    **_more: Any,
) -> Plan | None:
    """The plan of a decision over more than LARGE deliveries; None where fewer are selected. Only reads.

    Stale, SecondLookNeeded and BadInput as for `decisions.decide`; NotAllowedNow where it needs a second person's key: those hold every
    delivery by name.
    """
    access.may_decide(by)
    if selected.ids:
        return None
    asked, selected = selected, replace(selected, proof=selection.settled_proof(session, selected))
    aim = decisions.aim_of(verb, settings, look_first=True)
    whole = and_(selection.condition(selected), access.visible(by))
    left, _ = removal_plan.leave_out(session, asked, whole, settings=settings, now=now) if verb is Verb.PURGE else (LeftOut(), [])
    whole = and_(whole, not_(left.condition(session, selected))) if left else whole
    where = whole if selected.states else and_(whole, col(Delivery.state).in_(aim.counts))
    most = select(literal(1)).select_from(Delivery).where(where).limit(LARGE + 1).subquery()
    if (session.scalar(select(func.count()).select_from(most)) or 0) <= LARGE:
        return None
    if rule and rule.without:
        raise BadInput(f"rule: senders are left out of at most {LARGE:,} messages at once; select fewer")
    if fence is not None and fence != selection.fence(session, whole):
        raise Stale("what you selected has changed since you looked: look again, then decide")
    rows = session.execute(select(col(Delivery.id), col(Delivery.state)).where(where).order_by(col(Delivery.id))).all()
    meant = [(delivery_id, State(state)) for delivery_id, state in rows]
    decisions.check_number(expect, len(meant))
    ids = [delivery_id for delivery_id, _ in meant]
    if verb is Verb.REJECT:
        rejections.at_once(session, ids)  # of a slice it is asked too late
    orders, blocks, late = decisions.rules_beside(session, verb, rule, block, selected, ids, to=to, by=by, settings=settings, now=now)
    if decisions.keys_for(session, verb, meant, orders, settings, selected, by):
        raise NotAllowedNow(f"this needs a second person's key: decide about at most {LARGE:,} deliveries at once")
    confirmed = decisions.confirmed_looks(session, asked, where, verb, aim, orders, confirm, fence, by=by)
    states = () if selected.states else aim.counts
    outside = selection.outside(session, selected, len(ids), by=by, states=states)
    return Plan(len(ids), ids[-1], outside, tuple(orders), tuple(blocks), tuple(late), left, selected.proof, tuple(confirmed))


def begin(
    session: Session,
    planned: Plan,
    selected: Selection,
    verb: Verb,
    *,
    by: Actor,
    reason: str,
    now: datetime,
    settings: Settings,
    to: str = "",
    template: str = "",
    text: str = "",
    rule: RuleOrder | None = None,
    idempotency_key: str | None = None,
    effort: decisions.Effort | None = None,
    **_more: Any,
) -> DecisionReport:
    """Write the decision down; `go_on` carries it out. The same idempotency key gives the first decision again."""
    access.may_decide(by)
    key = decisions.own_key(by, idempotency_key)
    if earlier := decisions.made_before(session, key):
        return report(session, earlier, by=by)
    decision = decision_of(
        by,
        verb,
        replace(selected, proof=planned.proof).as_json(),
        reason,
        now,
        count=planned.count,
        outside=planned.outside,
        confirmed=list(planned.confirmed),
        confidential=ask_keepers.concern(session, selected, verb, by=by),
        target=decisions.chosen(session, verb, settings, to=to, template=template, text=text, now=now),
        idempotency_key=key,
        last=planned.last,
        order={"to": to, "template": template, "text": text} | left_out_json(planned.left_out),
        agreed=consent.record(planned.rules, {}) if rule and rule.effect == "allow" else {},
        **decisions.measured(effort, settings),
    )
    session.add(decision)
    session.flush()
    decisions.add_rules(session, list(planned.rules), by=by, now=now, settings=settings, decision_id=decision.id)
    rules.add_blocks(session, planned.blocks, by=by, now=now, settings=settings, decision_id=decision.id)
    late_copies.make(session, list(planned.late), by=by, now=now, settings=settings, decision_id=decision.id, second=None)
    ask_keepers.ask(session, decision, selected, by=by, now=now)
    ledger.write(session, f"begin-{verb}", subject(decision), by=by, now=now, detail=reason_of(decision), items=planned.count)
    return report(session, decision.id, by=by)


def reason_of(decision: Decision) -> dict[str, Any]:
    """Why, and what of a second look was confirmed, as the record keeps it."""
    return {"reason": decision.reason} | ({"confirmed": decision.confirmed} if decision.confirmed else {})


def is_large(session: Session, decision_id: int) -> bool:
    """Is it still under way, or about so many deliveries that its undo takes slices too?"""
    decision = session.get(Decision, decision_id)
    if decision is None or decision.verb in (*regroup.VERBS, escalate.VERB):  # these move no mail, and are undone at once
        return False
    some = select(literal(1)).select_from(DecisionItem).where(col(DecisionItem.decision_id) == decision_id).limit(LARGE + 1).subquery()
    return decision.last is not None or (session.scalar(select(func.count()).select_from(some)) or 0) > LARGE


def undo(
    session: Session,
    decision_id: int,
    *,
    by: Actor,
    reason: str,
    now: datetime,
    settings: Settings,
    confirm: Collection[str] = (),
    fence: str | None = None,
) -> DecisionReport:
    """Take a large decision back as a whole: what of it is still to come never happens. Refusals as for `undoing.undo`."""
    access.may_decide(by)
    decision = undoing.undoable(session, decision_id, by, now)
    if is_to_come_beyond(session, decision, by, now):
        raise NotAllowed("this decision also concerns mail outside your scope: decide about your own mail instead")
    confirmed = undoing.confirmed_looks(session, decision, confirm, fence, by=by)
    decision.last = None
    about = col(DecisionItem.decision_id) == decision_id
    count, last = session.execute(select(func.count(), func.max(col(DecisionItem.delivery_id))).where(about)).one()
    undone = undoing.begun(decision, by=by, reason=reason, now=now)
    undone.count, undone.last, undone.confirmed = count, last, confirmed
    session.add(undone)
    decision.undone_by = undone.id
    session.flush()
    undoing.take_rules_back(session, decision, undone.id, by=by, now=now)
    ledger.write(session, "begin-undo", subject(undone), by=by, now=now, detail=reason_of(undone), items=count)
    return report(session, undone.id, by=by)


def is_to_come_beyond(session: Session, decision: Decision, by: Actor, now: datetime) -> bool:
    """Is mail still to come that who decided sees, and this actor does not?"""
    first = actor_lookup.named(session, decision.by, decision.by_shown, now)
    if decision.last is None or first is None:
        return False
    return (
        session.scalar(select(literal(1)).select_from(Delivery).where(to_come(session, decision, first), not_(access.visible(by))).limit(1))
        is not None
    )


def under_way(session: Session) -> int | None:
    """The oldest decision that is being carried out."""
    return session.scalar(select(col(Decision.id)).where(col(Decision.last).is_not(None)).order_by(col(Decision.id)).limit(1))


def go_on(session: Session, decision_id: int, *, now: datetime, settings: Settings) -> int:
    """Carry out the next slice; how many deliveries it was about, 0 when it is over."""
    decision = session.scalars(select(Decision).where(col(Decision.id) == decision_id).with_for_update()).one()
    if decision.last is None:
        return 0
    by = actor_lookup.named(session, decision.by, decision.by_shown, now)
    meant = next_slice(session, decision, by) if by and by.role in access.DECIDING else []
    if by is None or not meant:
        finish(session, decision, now)
        return 0
    try:
        with session.begin_nested():
            items = slice_of(session, decision, meant, by, now, settings)
    except Refused as why:  # whom it was redirected to has left, what senders are told is in the settings no more
        finish(session, decision, now, str(why))
        return 0
    decision.reached = meant[-1][0]
    decision.done += sum(item.outcome == "done" for item in items)
    write_items(session, decision, items)
    decisions.sort_copies(session, decision, items, settings=settings)
    return len(meant)


def slice_of(
    session: Session, decision: Decision, meant: list[tuple[int, State]], by: Actor, now: datetime, settings: Settings
) -> list[Item]:
    """Do it to these deliveries, or take it back; the outcome of each."""
    if decision.undoes is not None:
        undone = session.get_one(Decision, decision.undoes)
        only = [one for one, _ in meant]
        return undoing.take_back(session, undone, decision.id, by=by, now=now, settings=settings, only=only, confirmed=decision.confirmed)
    return decisions.act(session, decision, meant, Verb(decision.verb), decision.order, by=by, now=now, settings=settings)


def next_slice(session: Session, decision: Decision, by: Actor) -> list[tuple[int, State]]:
    """The deliveries that come next, locked. What somebody else has changed since is no longer meant."""
    if decision.undoes is not None:
        item = (col(DecisionItem.decision_id) == decision.undoes) & (col(DecisionItem.delivery_id) > decision.reached)
        ids = select(col(DecisionItem.delivery_id)).where(item).order_by(col(DecisionItem.delivery_id)).limit(SLICE)
        return [(delivery_id, State.HELD) for delivery_id in session.scalars(ids)]
    where = to_come(session, decision, by)
    next_ones = session.scalars(select(col(Delivery.id)).where(where).order_by(col(Delivery.id)).limit(SLICE)).all()
    return [(one, state) for one, state, _ in ledger.lock(session, and_(where, among(session, col(Delivery.id), next_ones)))]


def to_come(session: Session, decision: Decision, by: Actor) -> ColumnElement[bool]:
    """The deliveries that it has not come to yet."""
    further = and_(col(Delivery.id) > decision.reached, col(Delivery.id) <= decision.last)
    selected = selection.from_json(decision.selection)
    where = and_(further, selection.condition(selected), access.visible(by), not_(is_item(decision.id)))
    if left := LeftOut(*map(tuple, decision.order.get("left_out", ()))):
        where = and_(where, not_(left.condition(session, selected)))
    if selected.states:
        return where
    return and_(where, col(Delivery.state).in_(decisions.AIMS[Verb(decision.verb)].counts))


def left_out_json(left: LeftOut) -> dict[str, Any]:
    """Whose messages the slices leave alone, as plain values."""
    return {"left_out": [left.proven, left.claimed]} if left else {}


def is_item(decision_id: int) -> ColumnElement[bool]:
    """Has the delivery an outcome already, as the copy of a group's member?"""
    return (
        select(literal(1)).where(col(DecisionItem.decision_id) == decision_id, col(DecisionItem.delivery_id) == col(Delivery.id)).exists()
    )


def write_items(session: Session, decision: Decision, items: Sequence[Item]) -> None:
    """The outcome of each item, and of each once."""
    session.flush()
    mine = col(DecisionItem.decision_id) == decision.id
    ids = [one.delivery_id for one in items]
    there = set(session.scalars(select(col(DecisionItem.delivery_id)).where(mine, among(session, col(DecisionItem.delivery_id), ids))))
    rows = [
        {"decision_id": decision.id, "delivery_id": item.delivery_id, "before": item.before, "outcome": item.outcome, "why": item.why}
        for item in items
        if item.delivery_id not in there
    ]
    if rows:
        session.execute(insert(DecisionItem), rows)


def finish(session: Session, decision: Decision, now: datetime, why: str = "") -> None:
    """It is over; what it did not come to was changed by others before, or who decided may no longer. `why`: what else stopped it."""
    decision.last = None
    number = session.scalar(select(func.count()).select_from(DecisionItem).where(col(DecisionItem.decision_id) == decision.id)) or 0
    left, decision.count = decision.count - number, number
    detail = {"left": left} | ({"why": why} if why else {})
    ledger.write(session, f"end-{decision.verb}", subject(decision), by=Actor.system("slices"), now=now, detail=detail, items=number)


def subject(decision: Decision) -> str:
    """As the record names it."""
    return f"decision:{show(decision.id)}"
