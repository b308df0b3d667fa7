"""Enforcement steps of the company, its departments and people; changed without a restart."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import Query
from sqlmodel import Session

from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import enforcement_notice
from triage.directory import enforcement
from triage.errors import Stale
from triage.quarantine import coverage
from triage.quarantine.teamwork import held_for_assistant
from triage.quarantine.teamwork.held_for_assistant import HeldKnown, StepChange
from triage.reports import enforcement_effect, undecided_forecast
from triage.reports.enforcement_effect import StepEffect
from triage.say import say
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.fields import Word
from triage_api.schemas.policy import enforcement as schemas

Days = Annotated[int, Query(ge=0, le=90, description="Count what the steps held and let pass in so many days; 0 counts nothing.")]

Minutes = Annotated[int, Query(ge=1, le=100_000, description="minutes of office hours without a decision")]

router = resource_router("roll-out", "/enforcement")


@router.get("", response_model=schemas.Enforcement, responses=describe_refusals(401))
def get_enforcement(session: Read, here: Here, by: Staff, days: Days = 0) -> schemas.Enforcement:
    """The steps of the company, of each department in your scope, and of people with one of their own."""
    now = utcnow()
    found = show_steps(session, here.settings, by, now)
    if not days:
        return found
    effects = enforcement_effect.count_effects(session, here.settings.company, by=by, now=now, days=days)
    items = [one if one.scope.startswith("person:") else with_effect(one, effects) for one in found.items]
    return found.model_copy(update={"items": items})


@router.get("/undecided", response_model=schemas.UndecidedForecast, responses=describe_refusals(401, 422))
def forecast_undecided(department: Word, minutes: Minutes, session: Read, here: Here, by: Staff) -> schemas.UndecidedForecast:
    """Forecast of `coverage.deliver_undecided`: messages of the last 14 days in a department, as far as you see them.

    An upper bound: the messages that people comment on, assign or snooze are not delivered, and are counted here.
    """
    found = undecided_forecast.forecast_undecided(session, department, minutes, by=by, settings=here.settings, now=utcnow())
    return schemas.UndecidedForecast.model_validate(found)


def with_effect(one: schemas.ScopeStep, effects: Mapping[str, StepEffect]) -> schemas.ScopeStep:
    """The step of a department or the company with what it held and let pass."""
    effect = effects.get(one.scope.partition(":")[2]) or StepEffect()
    return one.model_copy(update={"effect": schemas.StepEffect.model_validate(effect)})


@router.put("", response_model=schemas.Enforcement, responses=describe_refusals(401, 403, 412, 422))
def set_enforcement(order: schemas.EnforcementOrder, session: Tx, here: Here, by: Staff) -> schemas.Enforcement:
    """Set the step of a scope, from the next message on or from its start. For administrators with that scope.

    Record only delivers everything but blocked messages and forgeries of your domain. Hold dangerous holds dangerous messages. Hold
    unknown senders holds everything from unknown senders. Hold everything, of one person, also holds what known senders write, for the
    person's assistant; the person gets an email. Ending it delivers what is held for that reason only; undoing that decision sets the step
    again.
    """
    now, settings = utcnow(), here.settings
    change = plan_change(order, session, settings, by, now)
    if order.expect is not None and order.expect != change.delivers:
        raise Stale(say("{count} messages would be delivered now: review them again, then decide", count=change.delivers))
    times = {"starts_at": change.starts_at, "ends_at": order.ends_at}
    ended = enforcement.note_step(session, change.scope, now)
    enforcement.set_step(session, change.scope, order.step, by=by, reason=order.reason, now=now, note=order.note, **times)
    if change.delivers:
        uid = change.scope.partition(":")[2]
        reason = held_for_assistant.ENDED
        held_for_assistant.deliver_held(session, uid, by=by, reason=reason, settings=settings, now=now, ended=ended)
    if change.tells or (order.notify and order.step):
        enforcement_notice.send_notices(session, change.scope, change.step, change.starts_at or now, settings=settings, by=by, now=now)
    wake_after(session, "relay")
    return show_steps(session, settings, by, now)


@router.post("/preview", response_model=schemas.EnforcementPreview, responses=describe_refusals(401, 403, 422))
def preview_enforcement(order: schemas.EnforcementOrder, session: Read, here: Here, by: Staff) -> StepChange:
    """Counts what a step would do: messages that it delivers at once, and how many it would have held. For administrators."""
    return plan_change(order, session, here.settings, by, utcnow())


def plan_change(order: schemas.EnforcementOrder, session: Session, settings: Settings, by: Actor, now: datetime) -> StepChange:
    """Counts what an order does."""
    starts_at, scope = start_of(order, session, settings, now), order.scope.casefold()
    return held_for_assistant.plan_change(session, scope, order.step, by=by, starts_at=starts_at, settings=settings, now=now)


def start_of(order: schemas.EnforcementOrder, session: Session, settings: Settings, now: datetime) -> datetime | None:
    """When the step begins, None: at once."""
    if isinstance(order.starts_at, datetime):
        return order.starts_at
    if order.starts_at == "now" or order.step is None:
        return None
    stricter = enforcement.is_stricter(order.step, than=step_of(session, order.scope.casefold(), settings, now))
    return enforcement.next_working_day(settings.coverage, now) if stricter else None


def step_of(session: Session, scope: str, settings: Settings, now: datetime) -> str:
    """The step that a scope has now."""
    in_force = enforcement.now_in_force(session, settings.company, now)
    kind, _, name = scope.partition(":")
    if kind == "person":
        return in_force.of(enforcement_notice.department_of(session, name), name)
    return in_force.of(name)


def show_steps(session: Session, settings: Settings, by: Actor, now: datetime) -> schemas.Enforcement:
    """The steps as they are now, with what needs attention."""
    steps = enforcement.list_steps(session, settings.company, by=by, now=now)
    uids = [one.scope.partition(":")[2] for one in steps if one.scope.startswith("person:")]
    held = held_for_assistant.count_held(session, uids, by=by) if uids else {}
    items = [with_held(one, held) for one in steps]
    holding = {one.scope.partition(":")[2] for one in items if one.step != enforcement.RECORD or one.planned}
    unseen = [one for one in coverage.uncovered_folders(session, settings.coverage, now) if one.code in holding]
    warnings = [warn_uncovered(one.name, one.code) for one in unseen]
    return schemas.Enforcement.model_validate({"items": items, "warnings": warnings})


def with_held(one: enforcement.ScopeStep, held: Mapping[str, HeldKnown]) -> schemas.ScopeStep:
    """The step of a person with what is held for their assistant."""
    kind, _, uid = one.scope.partition(":")
    mine = held.get(uid) if kind == "person" else None
    shown = schemas.ScopeStep.model_validate(one)
    return shown.model_copy(update={"held_for_assistant": schemas.HeldKnown.model_validate(mine)}) if mine else shown


def warn_uncovered(name: str, code: str) -> str:
    """The warning that a folder has nobody on duty."""
    return say("Nobody on duty sees the folder of {name} ({code}): held messages would wait there", name=name, code=code)
