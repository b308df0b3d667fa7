"""The plan of a decision: which deliveries it is about, the rules that go along, its second look, and why a second person is needed.

A decision over at most LARGE deliveries locks them and is carried out at once; a larger one only reads, and is carried out in slices.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, literal, not_, select
from sqlmodel import Session, col

from triage.access import dual_control, scope as access
from triage.access.confidential_folders import PEOPLE
from triage.access.second_factor import factor_policy
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import groups, recalled_copies, rejections
from triage.errors import BadInput, NotAllowedNow, NotFound, Stale
from triage.policy.rules.rule_request import RuleOrder, check_order
from triage.quarantine.decisions import consent
from triage.quarantine.decisions.decision_request import Aim, DecisionRequest, Verb, aim_of
from triage.quarantine.known_messages import answers
from triage.quarantine.removal import late_copies, removal_plan, second_person
from triage.quarantine.removal.removal_plan import LeftOut
from triage.quarantine.rules.rules_with_decision import NotOffered, not_allowed, of_agreed, rule_orders
from triage.quarantine.search import confirmations, selection
from triage.quarantine.search.confirmations import Question
from triage.quarantine.search.selection import Selection
from triage.say import say
from triage.store import ledger
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.queue.grouping import in_states

LARGE = 1_000  # deliveries; fewer are decided in one transaction
MOST_BY_NAME = 100_000  # an approval names every delivery; what leaves senders out is decided in one transaction
LETS_OUT = frozenset({"release", "redirect", "redeliver", "restore"})

NOBODY = LeftOut()

Meant = Sequence[tuple[int, State]]  # deliveries and their states


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of a decision: its deliveries, and the rules and blocks with it."""

    count: int  # deliveries
    outside: int  # that the selection names beyond the actor's scope
    proof: str  # what proves the messages that are meant, though most of their campaign may be proven otherwise by then
    rules: tuple[RuleOrder, ...]  # that were asked for
    blocks: tuple[RuleOrder, ...]  # of a removal
    late: tuple[RuleOrder, ...]  # against its late copies
    confirmed: tuple[str, ...]  # of a second look
    agreed: dict[str, Any] = field(default_factory=dict)  # whom an allow allows, and whom it leaves out
    needs: tuple[str, ...] = ()  # why a second person has to confirm it
    meant: tuple[tuple[int, State], ...] = ()  # locked, with the copies of a group's members; a large decision's slices lock their own
    selected: tuple[tuple[int, State], ...] = ()  # the same without those copies; of a large decision as they were read
    last: int | None = None  # of a large decision: the largest id, what comes in later is not meant
    left_out: LeftOut = NOBODY  # of a large removal: whose messages it leaves alone
    is_answer: bool = False  # to a known message: nothing else becomes of it
    approved: int | None = None  # of a large decision: the approval, which names its deliveries


def plan_locked(session: Session, request: DecisionRequest, found: Meant, *, by: Actor, settings: Settings, now: datetime) -> Plan:
    """The plan of a decision about these deliveries, which `lock_found` has found.

    Stale where their number is not what was expected, NotFound where there is nothing to do, SecondLookNeeded where something that needs a
    second look would be released, or its sender allowed, unless exactly its names are confirmed with the fence.
    """
    selected, aim = request.selected, aim_of(request, settings)
    chosen = without_left_out(session, request, found)
    check_number(request.expect, len(chosen))
    if not chosen and request.rule is None:
        raise NotFound(say("none of the selected messages can be changed like this"))
    states = () if selected.states else aim.counts
    outside = selection.count_outside(session, selected, len(found), by=by, states=states)
    meant = with_copies(session, chosen) if request.verb is Verb.PURGE else chosen
    require_proof_of_removal(request, meant, by=by, settings=settings)
    ids = [one for one, _ in meant]
    orders, blocks, late = rules_along(session, request, selected, ids, by=by, settings=settings, now=now)
    about = is_among(session, col(Delivery.id), [one for one, _ in chosen])
    confirmed = check_second_look(session, request, about, allows=any(one.effect == "allow" for one in orders), by=by, settings=settings)
    real = answers.without_known(session, meant)
    if is_answer := len(real) < len(meant) and answers.is_answer(session, meant):
        orders, blocks, late = [], [], []
    elif len(real) < len(meant):
        orders, blocks, late = rules_along(session, request, selected, [one for one, _ in real], by=by, settings=settings, now=now)
    return Plan(
        count=len(meant),
        outside=outside,
        proof=selected.proof,
        rules=tuple(orders),
        blocks=tuple(blocks),
        late=tuple(late),
        confirmed=tuple(confirmed),
        agreed=record_agreement(session, request, orders, found, chosen, settings) if request.allow and not is_answer else {},
        needs=() if is_answer else tuple(second_person_needs(session, request, selected, real, orders, by=by, settings=settings)),
        meant=tuple(meant),
        selected=tuple(chosen),
        is_answer=is_answer,
    )


class Large(NamedTuple):
    """Deliveries of a decision that is carried out in slices, as they were read."""

    chosen: Meant
    where: ColumnElement[bool]  # these
    whole: ColumnElement[bool]  # whatever the state: what a fence is about
    selected: Selection  # with its settled proof
    left_out: LeftOut


def read_large(session: Session, request: DecisionRequest, *, by: Actor, now: datetime, settings: Settings) -> Large | None:
    """The deliveries of a decision over more than LARGE of them; None where it is carried out in one transaction. Only reads."""
    asked, rule = request.selected, request.rule
    if asked.ids:
        return None
    selected = replace(asked, proof=selection.settled_proof(session, asked))
    aim = aim_of(request, settings)
    whole = and_(selection.selection_condition(selected), access.visible_deliveries(by))
    is_removal = request.verb is Verb.PURGE
    left, _ = removal_plan.leave_out(session, asked, whole, settings=settings, now=now) if is_removal else (LeftOut(), [])
    whole = and_(whole, not_(left.condition(session, selected))) if left else whole
    where = whole if selected.states else and_(whole, selection.states_condition(selected, aim.counts))
    most = select(literal(1)).select_from(Delivery).where(where).limit(MOST_BY_NAME + 1).subquery()
    number = session.scalar(select(func.count()).select_from(most)) or 0
    if number <= LARGE or (rule and rule.without and number <= MOST_BY_NAME):
        return None
    if rule and rule.without:
        raise BadInput(say("senders can be left out of at most {large} messages at once; select fewer", large=MOST_BY_NAME), field="rule")
    rows = session.execute(select(col(Delivery.id), col(Delivery.state)).where(where).order_by(col(Delivery.id))).all()
    return Large([(delivery_id, State(state)) for delivery_id, state in rows], where, whole, selected, left)


def plan_large(session: Session, request: DecisionRequest, *, by: Actor, now: datetime, settings: Settings) -> Plan | None:
    """The plan of a decision over more than LARGE deliveries; None where it is carried out in one transaction. Only reads.

    Stale, SecondLookNeeded and BadInput as for `plan_locked`; NotAllowedNow where more than MOST_BY_NAME need a second person.
    """
    access.may_decide(by)
    found = read_large(session, request, by=by, now=now, settings=settings)
    if found is None:
        return None
    chosen, where, whole, selected, left = found
    if request.fence is not None and request.fence != selection.selection_fence(session, whole):
        raise Stale(say("the selection has changed since you looked: review it, then decide again"))
    check_number(request.expect, len(chosen))
    meant = read_with_copies(session, chosen, where) if request.verb is Verb.PURGE else chosen
    require_proof_of_removal(request, meant, by=by, settings=settings)
    ids = [delivery_id for delivery_id, _ in answers.without_known(session, meant)]
    if request.verb is Verb.REJECT:
        rejections.at_once(session, ids)  # of a slice it is asked too late
    orders, blocks, late = rules_along(session, request, selected, ids, by=by, settings=settings, now=now)
    needs = second_person_needs(session, request, selected, meant, orders, by=by, settings=settings)
    if needs and len(chosen) > MOST_BY_NAME:
        raise NotAllowedNow(say("this needs approval: decide about at most {large} deliveries at once", large=MOST_BY_NAME))
    confirmed = check_second_look(session, request, where, allows=any(one.effect == "allow" for one in orders), by=by, settings=settings)
    return Plan(
        count=len(meant),
        outside=selection.count_outside(
            session, selected, len(chosen), by=by, states=() if selected.states else aim_of(request, settings).counts
        ),
        proof=selected.proof,
        rules=tuple(orders),
        blocks=tuple(blocks),
        late=tuple(late),
        confirmed=tuple(confirmed),
        agreed=consent.consent_record(orders, {}) if request.allow else {},
        needs=tuple(needs),
        selected=tuple(chosen),
        last=chosen[-1][0],
        left_out=left,
    )


def lock_found(session: Session, request: DecisionRequest, *, by: Actor, settings: Settings, now: datetime) -> Meant:
    """The deliveries that are meant, locked: every one that was named by id; by features those that the verb is about.

    A purge leaves out what is from wanted senders, unless they were named. Stale where the fence is not that of what is selected now.
    """
    selected, aim, fence = request.selected, aim_of(request, settings), request.fence
    where = and_(selection.selection_condition(selected), access.visible_deliveries(by))
    where = where if fence is not None else covered_deliveries(selected, aim, where)
    narrow = not selected.ids and not selected.states
    if request.verb is Verb.PURGE:
        groups.lock_with_copies(session, where)
    locked = ledger.lock_deliveries(session, where)
    rows = without_wanted(session, request, locked, settings=settings, now=now)
    if fence is not None and fence != selection.fence_of(rows):
        raise Stale(say("the selection has changed since you looked: review it, then decide again"))
    return [(delivery_id, state) for delivery_id, state, _ in rows if not narrow or state in aim.counts]


def lock_meant(session: Session, request: DecisionRequest, *, by: Actor, settings: Settings, now: datetime) -> Meant:
    """Locks and returns the deliveries, with their states, that a request of this actor would be about now."""
    return without_left_out(session, request, lock_found(session, replace(request, fence=None), by=by, settings=settings, now=now))


def covered_deliveries(selected: Selection, aim: Aim, where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Deliveries of a selection that a verb covers: of features, only in the states that it counts."""
    return where if selected.ids or selected.states else and_(where, selection.states_condition(selected, aim.counts))


def without_wanted(
    session: Session, request: DecisionRequest, rows: list[tuple[int, State, datetime]], *, settings: Settings, now: datetime
) -> list[tuple[int, State, datetime]]:
    """The locked deliveries without those that a purge leaves alone."""
    if request.verb is not Verb.PURGE:
        return rows
    left = removal_plan.ids_left_out(session, request.selected, [one for one, *_ in rows], settings=settings, now=now)
    return [row for row in rows if row[0] not in left] if left else rows


def without_left_out(session: Session, request: DecisionRequest, found: Meant) -> Meant:
    """The deliveries without those of senders who were left out of an allow: their messages stay as they are."""
    if request.rule is None:
        return found
    kept = set(of_agreed(session, request.rule, [one for one, _ in found]))
    return [one for one in found if one[0] in kept]


def with_copies(session: Session, meant: Meant) -> Meant:
    """The copies of a group's members along with what the group got: whoever may purge that reaches all of them."""
    if all(state is not State.DELIVERED for _, state in meant):
        return sorted(meant)
    parents = groups.delivered_parents(session, is_among(session, col(Delivery.id), [delivery_id for delivery_id, _ in meant]))
    return sorted(dict(groups.copies_of(session, parents)).items() | dict(meant).items())


def read_with_copies(session: Session, meant: Meant, where: ColumnElement[bool]) -> Meant:
    """The same without a lock, for a plan that only reads. `where`: the condition of these deliveries."""
    if all(state is not State.DELIVERED for _, state in meant):
        return meant
    return sorted(dict(groups.read_copies(session, where)).items() | dict(meant).items())


def check_number(expected: int | None, selected: int) -> None:
    """Stale where somebody decides about another number of deliveries than they saw."""
    if expected is not None and expected != selected:
        raise Stale(
            say(
                "you expected {expected}, but {selected} are selected now: review the selection, then decide again",
                expected=expected,
                selected=selected,
            )
        )


def rules_along(
    session: Session, request: DecisionRequest, selected: Selection, ids: list[int], *, by: Actor, settings: Settings, now: datetime
) -> tuple[list[RuleOrder], list[RuleOrder], list[RuleOrder]]:
    """The rules that are made along with a decision: those that were asked for, the blocks of a removal, else that of its late copies."""
    made: list[RuleOrder] = []
    if rule := request.rule:
        goes_along = rule.effect == "redirect" and not rule.to
        asked = replace(rule, to=request.to) if goes_along else rule
        made = rule_orders(session, asked, selected, ids, by=by, own_domains=settings.own_domains)
    if request.verb is not Verb.PURGE:
        return made, [], []
    if request.block:
        return made, removal_plan.orders_along(session, selected, ids, request.block, by=by, settings=settings, now=now), []
    if rule or not ids:
        return made, [], []
    these = is_among(session, col(Delivery.id), ids)
    return made, [], late_copies.list_orders(session, selected, these, by=by, settings=settings, now=now)


def record_agreement(
    session: Session, request: DecisionRequest, orders: list[RuleOrder], found: Meant, chosen: Meant, settings: Settings
) -> dict[str, Any]:
    """Stores whom an allow rule allows for good, and whom it leaves out."""
    assert request.rule is not None
    left = consent.left_out(session, request.rule, [one for one, _ in found], [one for one, _ in chosen])
    return consent.consent_record([check_order(session, one, settings) for one in orders], left)


def check_second_look(
    session: Session, request: DecisionRequest, about: ColumnElement[bool], *, allows: bool, by: Actor, settings: Settings
) -> list[str]:
    """The names of the second look that a request needs about these deliveries, all of them confirmed; else SecondLookNeeded.

    `allows`: rules that let senders in are made along.
    """
    asked = second_look_questions(session, request, about, allows=allows, by=by, settings=settings)
    seen = and_(selection.selection_condition(request.selected), access.visible_deliveries(by)) if asked or request.confirm else None
    current = selection.selection_fence(session, seen) if seen is not None else ""
    return confirmations.check_confirmed(asked, request.confirm, by=by, fence=request.fence, current=current)


def second_look_questions(
    session: Session, request: DecisionRequest, about: ColumnElement[bool], *, allows: bool, by: Actor, settings: Settings
) -> tuple[Question, ...]:
    """Returns the questions of the second look: about the deliveries that are released, and about all where a rule allows their senders.
    Mailroom's own parts are not asked."""
    if by.kind not in PEOPLE:
        return ()
    out = releases_condition(request, settings)
    where = about if allows else None if out is None else and_(about, out)
    return () if where is None else confirmations.list_questions(session, where)


def releases_condition(request: DecisionRequest, settings: Settings) -> ColumnElement[bool] | None:
    """Condition: deliveries that a request sends to people or puts back into mailboxes; None where it never does."""
    if request.verb not in LETS_OUT:
        return None
    there = and_(in_states(aim_of(request, settings).changes), col(Delivery.erased_at).is_(None))
    return and_(there, recalled_copies.is_restorable()) if request.verb is Verb.RESTORE else there


def require_proof_of_removal(request: DecisionRequest, meant: Meant, *, by: Actor, settings: Settings) -> None:
    """FactorNeeded where this is a large removal and whoever decides has to prove their second factor again first."""
    if is_large_removal(request, meant, settings):
        factor_policy.require_proof(by)


def is_large_removal(request: DecisionRequest, meant: Meant, settings: Settings) -> bool:
    """Whether this removes copies from so many mailboxes that it asks for the second factor again."""
    return request.verb is Verb.PURGE and dual_control.is_large_removal(meant, settings)


def asks_for_factor(session: Session, request: DecisionRequest, meant: Meant, *, by: Actor, settings: Settings) -> bool:
    """Whether this actor would have to prove their second factor again to decide this about these deliveries."""
    return by.factor_due and request.verb is Verb.PURGE and is_large_removal(request, with_copies(session, meant), settings)


def second_person_needs(
    session: Session,
    request: DecisionRequest,
    selected: Selection,
    meant: Meant,
    orders: Sequence[RuleOrder],
    *,
    by: Actor,
    settings: Settings,
) -> list[str]:
    """Returns why a second person has to approve this; nothing where the company wants no approvals."""
    if not settings.policy.approvals:
        return []
    needs = dual_control.of_rules(orders, settings) if orders else []
    ids = [one for one, _ in meant]
    if request.verb is Verb.PURGE:
        these = is_among(session, col(Delivery.id), ids)
        return (
            needs
            + dual_control.of_purge(meant, settings)
            + second_person.second_person_needs(session, selected, these, by=by, settings=settings)
        )
    if request.verb in (Verb.RELEASE, Verb.REDIRECT) and dual_control.RISKY_RELEASE in settings.policy.approvals:
        return needs + dual_control.of_release(session, ids)
    return needs


def list_needs(session: Session, request: DecisionRequest, meant: Meant, *, by: Actor, settings: Settings, now: datetime) -> list[str]:
    """Returns why a second person would have to approve this request about these deliveries. BadInput where its rule cannot be."""
    ids = [one for one, _ in meant]
    orders, _, _ = rules_along(session, request, request.selected, ids, by=by, settings=settings, now=now)
    these = with_copies(session, meant) if request.verb is Verb.PURGE else meant
    return second_person_needs(session, request, request.selected, these, orders, by=by, settings=settings)


def removal_needs(session: Session, selected: Selection, goes: ColumnElement[bool], *, by: Actor, settings: Settings) -> list[str]:
    """Returns why a removal of this selection would need a second person now; nothing is held or changed. `goes`: the deliveries that
    `removal_plan.plan` takes."""
    if not settings.policy.approvals:
        return []
    there = and_(goes, col(Delivery.state) == State.DELIVERED)
    meant = with_copies(session, [(one, State.DELIVERED) for one in session.scalars(select(col(Delivery.id)).where(there))])
    return second_person_needs(session, DecisionRequest(selected, Verb.PURGE), selected, meant, [], by=by, settings=settings)


def preview_decision(
    session: Session, request: DecisionRequest, *, by: Actor, settings: Settings
) -> tuple[tuple[Question, ...], tuple[NotOffered, ...]]:
    """Previews the confirmations that a decision needs, and senders that its rule cannot allow. Changes nothing."""
    rule, aim = request.allow, aim_of(request, settings)
    about = covered_deliveries(
        request.selected, aim, and_(selection.resolved_condition(session, request.selected), access.visible_deliveries(by))
    )
    if rule is None:
        return second_look_questions(session, request, about, allows=False, by=by, settings=settings), ()
    ids = session.scalars(select(col(Delivery.id)).where(about)).all()
    kept = about if ids == (named := of_agreed(session, rule, ids)) else is_among(session, col(Delivery.id), named)
    asked = second_look_questions(session, request, kept, allows=True, by=by, settings=settings)
    return asked, tuple(not_allowed(session, rule, ids, settings.own_domains))


def meant_ids(session: Session, request: DecisionRequest, *, by: Actor, settings: Settings) -> list[int]:
    """The deliveries that a request of this actor would be about now, before any sender is left out; nothing is locked."""
    where = selection.selection_condition(request.selected) & access.visible_deliveries(by)
    return list(session.scalars(select(col(Delivery.id)).where(covered_deliveries(request.selected, aim_of(request, settings), where))))
