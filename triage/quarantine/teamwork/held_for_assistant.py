"""Known senders' messages that are held for an assistant: counted, and delivered when Hold everything ends or nobody decides for too long.

Suspicious ones are never delivered by this: they stay for a decision.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor, Grant, Role
from triage.config.settings import Settings
from triage.directory import enforcement, reassigned_addresses
from triage.policy.decide import KNOWN
from triage.quarantine.decisions.carry_out import carry_out
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport, decision_of, file_decision
from triage.quarantine.search import expiry, undecided
from triage.quarantine.search.selection import Selection
from triage.quarantine.search.undecided import Candidate
from triage.say import say
from triage.store import db, ledger
from triage.store.delivery_state import FOR_ASSISTANT, State
from triage.store.models.decisions import ENDED_STEP
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.queue.assistant_lane import HELD_FOR_ASSISTANT, is_in_lane

BY = Actor.system("enforcement")
LANE = f"rule:{FOR_ASSISTANT} -risk:suspicious"  # the search for what is held for an assistant only
FORECAST_DAYS = 14
AT_ONCE = 500  # messages that are delivered in one transaction by upkeep
ENDED = say("Hold everything has ended")
OVERDUE = say("nobody decided in time, and known senders' messages do not expire")


@dataclass(frozen=True, slots=True)
class HeldKnown:
    """Messages of known senders that are held for one person's assistant."""

    delivered: int = 0  # by switching it off
    kept: int = 0  # they look suspicious or worse and stay for a decision


@dataclass(frozen=True, slots=True)
class StepChange:
    """Effect of another step for a scope, before it is set."""

    scope: str
    step: str  # in force from the start on
    starts_at: datetime | None  # None: at once
    delivers: int = 0  # held messages of known senders, at once
    kept: int = 0  # the others of these stay for a decision
    holds: int = 0  # hold-everything: delivered messages of the last `days` that it would have held
    days: int = FORECAST_DAYS
    tells: tuple[str, ...] = ()  # uids of people who are told whatever the administrator wants


def plan_change(
    session: Session, scope: str, step: str | None, *, by: Actor, starts_at: datetime | None, settings: Settings, now: datetime
) -> StepChange:
    """Counts what `set_step` with this step (None: forget the scope's own) and `deliver_held` will do, in confidential folders too.

    For administrators only; further refusals as for `check_step`.
    """
    access.require_grant(by, Grant.ADMIN)
    access.require_role(by, Role.ADMIN)
    enforcement.check_step(session, scope, step, by)
    begins = starts_at if starts_at and starts_at > now else None
    kind, _, uid = scope.partition(":")
    in_force = enforcement.now_in_force(session, settings.company, now)
    person = session.get(Person, uid) if kind == "person" else None
    if person is None:
        department = uid
        later = in_force.without(scope) if step is None else in_force
        return StepChange(scope, step or later.of(department), begins)
    before, then = in_force.of(person.department, uid), step or in_force.without(scope).of(person.department, uid)
    ends = before == enforcement.EVERYTHING and then != before
    held = count_held(session, [uid], by=by).get(uid, HeldKnown()) if ends else HeldKnown()
    return StepChange(
        scope,
        then,
        begins,
        delivers=0 if begins else held.delivered,
        kept=0 if begins else held.kept,
        holds=count_forecast(session, uid, now=now, days=FORECAST_DAYS) if then == enforcement.EVERYTHING else 0,
        tells=(uid,) if enforcement.EVERYTHING in (before, then) and before != then else (),
    )


def count_held(session: Session, uids: Iterable[str], *, by: Actor) -> dict[str, HeldKnown]:
    """Counts what is held for the assistants of these people; people without any are left out. Administrators, who end the step, are told
    of confidential folders too, others only of what they see. What `deliver_held` leaves out counts as kept.
    """
    lane = func.sum(case((is_in_lane(), 1), else_=0))
    visible = true() if by.role is Role.ADMIN else access.within_scope(by)
    theirs = and_(HELD_FOR_ASSISTANT, col(Delivery.erased_at).is_(None), visible, col(Delivery.person).in_(sorted(uids)))
    rows = session.execute(select(col(Delivery.person), func.count(), lane).where(theirs).group_by(col(Delivery.person)))
    passed = reassigned_addresses.find_suspected(session, and_(theirs, is_in_lane()))
    barred = reassigned_addresses.explain_reassigned(session, passed)
    kept = Counter(one.person for one in passed if one.id in barred)
    return {person: HeldKnown(int(known) - kept[person], number - int(known) + kept[person]) for person, number, known in rows}


def count_forecast(session: Session, uid: str, *, now: datetime, days: int) -> int:
    """Counts this person's messages of the last days that Hold everything would have held and that were delivered on arrival."""
    passed = and_(col(Delivery.verdict) == "relay", col(Delivery.rule).in_([*sorted(KNOWN), "observe"]))
    came = and_(col(Delivery.person) == uid, col(Delivery.direction) == "in", col(Delivery.received_at) >= now - timedelta(days=days))
    timeless = col(Delivery.time_limited_until).is_(None)
    return session.scalar(select(func.count()).select_from(Delivery).where(came, passed, timeless)) or 0


def deliver_held(
    session: Session, uid: str, *, by: Actor, reason: str, settings: Settings, now: datetime, ended: dict[str, Any] | None = None
) -> DecisionReport | None:
    """Delivers what is held for this person's assistant only, as one decision that can be undone; None where nothing is.

    `ended`: the step that ended, as `note_step` returns it. The undo of the decision sets it again.
    """
    which = and_(is_in_lane(), col(Delivery.person) == uid)
    return deliver_these(session, which, uid, by=by, reason=reason, settings=settings, now=now, ended=ended)


def deliver_these(
    session: Session,
    which: ColumnElement[bool],
    uid: str,
    *,
    by: Actor,
    reason: str,
    settings: Settings,
    now: datetime,
    ended: dict[str, Any] | None = None,
) -> DecisionReport | None:
    """Delivers such messages to this person as one decision."""
    where = and_(HELD_FOR_ASSISTANT, col(Delivery.erased_at).is_(None), which)
    locked = [(one, state) for one, state, _ in ledger.lock_deliveries(session, where)]
    barred = reassigned_addresses.find_barred(session, [one for one, _ in locked])
    meant = [(one, state) for one, state in locked if one not in barred]
    if not meant:
        return None
    selected = Selection(person=uid, q=LANE, states=(State.HELD,))
    request = DecisionRequest(selected, Verb.RELEASE, reason)
    decision = decision_of(by, Verb.RELEASE, selected.as_json(), reason, now, count=len(meant), order={ENDED_STEP: ended} if ended else {})
    items = carry_out(session, decision, meant, request, by=by, now=now, settings=settings)
    return file_decision(session, decision, items, by=by, now=now)


def deliver_due(session: Session, *, settings: Settings, now: datetime) -> int:
    """Delivers what is held for assistants only after Hold everything ended by time, or when it would have expired. Returns how many, at
    most 500; 0 when there is no more.

    What somebody has decided about since it came, such as by undoing its delivery, waits for them. So does what somebody works on or
    reported, and what a younger rule stops.
    """
    assisted = enforcement.now_in_force(session, settings.company, now).assisted
    ended = and_(col(Delivery.person).not_in(sorted(assisted)), col(Delivery.decision_id).is_(None))
    overdue = expiry.is_overdue(now, settings.retention.held_days)
    for found in list_slices(session, and_(HELD_FOR_ASSISTANT, is_in_lane(), or_(ended, overdue))):
        waiting = undecided.find_busy(session, [one.id for one in found], now) | undecided.find_stopped(session, found, now)
        rows = [one for one in found if one.id not in waiting]
        done = 0
        for uid in sorted({row.person for row in rows}):
            mine = db.is_among(session, col(Delivery.id), [row.id for row in rows if row.person == uid])
            reason = OVERDUE if uid in assisted else ENDED
            report = deliver_these(session, mine, uid, by=BY, reason=reason, settings=settings, now=now)
            done += report.done if report else 0
        if done:
            return done
    return 0


def list_slices(session: Session, which: ColumnElement[bool]) -> Iterator[list[Candidate]]:
    """Yields these messages by id, a slice at a time: those that wait for somebody may fill whole slices."""
    found, place = list[Candidate](), 0
    while not place or len(found) == AT_ONCE:
        rows = select(*undecided.COLUMNS).where(which, col(Delivery.id) > place).order_by(col(Delivery.id)).limit(AT_ONCE)
        found = [Candidate(*row) for row in session.execute(rows)]
        if not found:
            return
        place = found[-1].id
        yield found
