"""Enforcement: Record only, Hold dangerous, Hold unknown senders, or for a person Hold everything; from a stated time on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, delete, or_
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from triage.access import scope as access
from triage.actor import Actor, Role
from triage.business_hours import works_on
from triage.config.settings import Company, Coverage
from triage.errors import BadInput, NotAllowed
from triage.say import quote_text, say
from triage.store import db, ledger
from triage.store.models.audit import AuditRecord
from triage.store.models.directory import Department, Person
from triage.store.models.rules import EnforcementStep
from triage.store.provable_rows import rows_found
from triage.store.provable_rows.row_digests import ENFORCEMENT
from triage.times import from_micros

RECORD, DANGEROUS, UNKNOWN, EVERYTHING = STEPS = ("record-only", "hold-dangerous", "hold-unknown", "hold-everything")
SET = "set-enforcement"  # the act
COMPANY = ""  # the scope of everybody of whom nothing else is said
AT_ONCE = from_micros(0)  # also for a machine whose clock is behind
START = time(8)  # of a working day
TURN = 0x656E  # who sets steps takes turns under this number: an entry seals all steps of its scope


@dataclass(frozen=True, slots=True)
class Enforcement:
    """The settings, and the steps set since. A person's step counts before the department's, and that before the company's."""

    company: Company
    steps: Mapping[str, str] = field(default_factory=dict)  # by scope: "", department:CODE, person:UID

    def of(self, department: str, person: str = "") -> str:
        """The step for somebody; without a person that of the department's shared folder, of "" the company's."""
        for scope in (f"person:{person}", f"department:{department}"):
            if scope in self.steps:
                return self.steps[scope]
        if department != COMPANY and department in self.company.record_only_departments:
            return RECORD
        return self.steps.get(COMPANY, self.company.enforcement)

    def scope_of(self, department: str, person: str = "") -> str:
        """The scope whose step counts for somebody, as `of` says it."""
        own = f"department:{department}" in self.steps or department in self.company.record_only_departments
        return f"person:{person}" if f"person:{person}" in self.steps else f"department:{department}" if own else COMPANY

    def without(self, scope: str) -> "Enforcement":
        """The same without what is set for one scope."""
        return replace(self, steps={name: step for name, step in self.steps.items() if name != scope})

    @property
    def assisted(self) -> frozenset[str]:
        """The uids of the people whose known messages are held for their assistants too."""
        return frozenset(scope.removeprefix("person:") for scope, step in self.steps.items() if step == EVERYTHING)

    def holds_anything(self) -> bool:
        """Whether anything is held by this, anywhere."""
        return self.of(COMPANY) != RECORD or any(step != RECORD for step in self.steps.values())


@dataclass(frozen=True, slots=True)
class Planned:
    """A step that begins later."""

    step: str
    starts_at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ScopeStep:
    """The step of the company, a department or a person; who set it, "" where the settings say so."""

    scope: str
    name: str
    step: str
    by: str = ""
    at: datetime | None = None
    ends_at: datetime | None = None
    reason: str = ""
    planned: Planned | None = None
    note: bool = False  # hold-everything: the person's daily digest names it


def select_current(now: datetime) -> SelectOfScalar[EnforcementStep]:
    """The steps that have begun and are not over, the latest last."""
    begun = col(EnforcementStep.starts_at) <= now
    lasts = or_(col(EnforcementStep.ends_at).is_(None), col(EnforcementStep.ends_at) > now)
    return select(EnforcementStep).where(begun, lasts).order_by(col(EnforcementStep.starts_at), col(EnforcementStep.id))


def now_in_force(session: Session, company: Company, now: datetime) -> Enforcement:
    """The steps as of now: they count for the next message that is judged."""
    rows = session.execute(select_current(now).with_only_columns(col(EnforcementStep.scope), col(EnforcementStep.step)))
    return Enforcement(company, dict(rows.all()))


def assisted_names(session: Session, in_force: Enforcement) -> dict[str, str]:
    """The names of the people whose known messages are held for their assistants, by uid."""
    if not in_force.assisted:
        return {}
    people = select(col(Person.uid), col(Person.name)).where(col(Person.uid).in_(sorted(in_force.assisted)))
    return dict(session.execute(people).all())


def has_note(session: Session, uid: str, now: datetime) -> bool:
    """Whether this person's digest names what is held for their assistant."""
    steps = session.scalars(select_current(now).where(col(EnforcementStep.scope) == f"person:{uid}")).all()
    return bool(steps) and steps[-1].step == EVERYTHING and steps[-1].note


def list_steps(session: Session, company: Company, *, by: Actor, now: datetime) -> tuple[ScopeStep, ...]:
    """The company's step, each department's in the actor's scope, and those of people who have one of their own."""
    enforcement = now_in_force(session, company, now)
    set_now = {row.scope: row for row in session.scalars(select_current(now))}
    later = select(EnforcementStep).where(col(EnforcementStep.starts_at) > now).order_by(col(EnforcementStep.starts_at).desc())
    planned = {row.scope: Planned(row.step, row.starts_at, row.by_shown, row.reason) for row in session.scalars(later)}
    found = []
    for scope, name, department, person in scopes_of(session, {*set_now, *planned}, by):
        on_record = department in company.record_only_departments and not person
        own = set_now.get(scope) or (None if on_record else set_now.get(f"department:{department}" if person else COMPANY))
        step = enforcement.of(department, person)
        begins = planned.get(scope)
        if own:
            found.append(ScopeStep(scope, name, step, own.by_shown, own.at, own.ends_at, own.reason, begins, own.note))
        else:
            found.append(ScopeStep(scope, name, step, planned=begins))
    return tuple(found)


def scopes_of(session: Session, named: set[str], by: Actor) -> Iterable[tuple[str, str, str, str]]:
    """The scopes that the actor sees: scope, name, department and person."""
    yield COMPANY, say("the company"), "", ""
    rows = session.execute(select(col(Department.code), col(Department.name)).order_by(col(Department.code))).all()
    for code, name in rows:
        if by.scope.company or code in by.scope.departments:
            yield f"department:{code}", name, code, ""
    uids = sorted(scope.removeprefix("person:") for scope in named if scope.startswith("person:"))
    for person in session.scalars(select(Person).where(col(Person.uid).in_(uids)).order_by(col(Person.uid))):
        if by.scope.company or person.department in by.scope.departments:
            yield f"person:{person.uid}", person.name, person.department, person.uid


def set_step(
    session: Session,
    scope: str,
    step: str | None,
    *,
    by: Actor,
    reason: str,
    now: datetime,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    note: bool = False,
) -> None:
    """Set the step of a scope from `starts_at` (None: at once) until `ends_at`, after which the wider scope or the settings count.

    None as the step: forget what was set and planned. It needs no restart and is in the audit log; what is held stays held. `note`: the
    daily digest of a person of whom everything is held names it.
    """
    access.require_role(by, Role.ADMIN)
    db.take_advisory_locks(session, TURN)
    check_step(session, scope, step, by)
    start = starts_at if starts_at and starts_at > now else AT_ONCE
    if ends_at and ends_at <= max(start, now):
        raise BadInput(say("the end must be after the start"), field="ends_at")
    outdated = col(EnforcementStep.starts_at) >= start if step else col(EnforcementStep.id) > 0
    rows_found.note_rows(session, ENFORCEMENT, [ENFORCEMENT.subject_of(scope)])
    session.execute(delete(EnforcementStep).where(col(EnforcementStep.scope) == scope, outdated))
    if step is not None:
        row = EnforcementStep(
            scope=scope,
            step=step,
            starts_at=start,
            ends_at=ends_at,
            by_shown=by.shown,
            at=now,
            reason=reason[:1000],
            note=note and step == EVERYTHING,
        )
        session.add(row)
        session.flush()
    detail: dict[str, object] = {"enforcement": step or "as the settings say", "reason": reason[:1000]}
    detail |= {"note": True} if note and step == EVERYTHING else {}
    times = {"from": start.isoformat()} if start > AT_ONCE else {}
    times |= {"until": ends_at.isoformat()} if ends_at else {}
    ledger.write_act(session, SET, ENFORCEMENT.subject_of(scope), by=by, now=now, detail=detail | times)


def note_step(session: Session, scope: str, now: datetime) -> dict[str, Any]:
    """Returns the step that a scope has of its own as JSON, for `resume_step`; empty where it has none."""
    rows = session.scalars(select_current(now).where(col(EnforcementStep.scope) == scope)).all()
    if not rows:
        return {}
    row, person = rows[-1], session.get(Person, scope.partition(":")[2])
    times = {"ends_at": row.ends_at.isoformat() if row.ends_at else None, "ended_at": now.isoformat()}
    return {"scope": scope, "name": person.name if person else "", "step": row.step, "reason": row.reason, "note": row.note} | times


def is_resumable(session: Session, noted: dict[str, Any], now: datetime) -> bool:
    """Whether a noted step can begin again: its time is not over, its person is here, and nobody has set another one since it ended."""
    kind, _, uid = noted["scope"].partition(":")
    later = col(AuditRecord.at) > datetime.fromisoformat(noted["ended_at"])  # also of a step that has ended since
    since = and_(col(AuditRecord.act) == SET, col(AuditRecord.subject) == noted["scope"], later)
    over = noted["ends_at"] is not None and datetime.fromisoformat(noted["ends_at"]) <= now
    here = kind != "person" or session.get(Person, uid) is not None
    return here and not over and session.scalar(select(AuditRecord.id).where(since).limit(1)) is None


def resume_step(session: Session, noted: dict[str, Any], *, by: Actor, now: datetime) -> None:
    """Sets a noted step again, with its end, reason and note; refusals as for `set_step`."""
    ends_at = datetime.fromisoformat(noted["ends_at"]) if noted["ends_at"] else None
    set_step(session, noted["scope"], noted["step"], by=by, reason=noted["reason"], now=now, ends_at=ends_at, note=noted["note"])


def check_step(session: Session, scope: str, step: str | None, by: Actor) -> None:
    """NotAllowed outside of the actor's scope; BadInput for a step that this scope cannot have."""
    check_scope(session, scope, by)
    if step not in (*STEPS, None):
        raise BadInput(say("one of {steps}, not {step}", steps=", ".join(STEPS), step=quote_text(step)), field="step")
    if step == EVERYTHING and not scope.startswith("person:"):
        words = say("{step} is for one person, whose assistant reads their messages: name the person", step=step)
        raise BadInput(words, field="scope")


def check_scope(session: Session, scope: str, by: Actor) -> None:
    """BadInput where the scope is nobody's; NotAllowed outside of the actor's."""
    kind, _, name = scope.partition(":")
    department = name
    if kind == "person":
        person = session.get(Person, name)
        if person is None:
            raise BadInput(say("there is no person {uid}", uid=quote_text(name)), field="scope")
        department = person.department
    elif scope != COMPANY and kind != "department":
        raise BadInput(
            say("empty for the company, department:CODE or person:UID, not {scope}", scope=quote_text(scope[:80])), field="scope"
        )
    if not (by.scope.company or (scope and department in by.scope.departments)):
        raise NotAllowed(
            say(
                "your scope is {yours}: you cannot change the enforcement of {what}",
                yours=access.scope_shown(by),
                what=scope or say("the company"),
            )
        )
    if kind == "department" and session.get(Department, name) is None:
        raise BadInput(say("there is no department {department}", department=quote_text(name)), field="scope")


def next_working_day(cover: Coverage, now: datetime) -> datetime:
    """08:00 of the next day on which somebody is at work: when a stricter step begins, unless somebody says otherwise."""
    zone = ZoneInfo(cover.time_zone)
    today = now.astimezone(zone).date()
    days = (today + timedelta(days=ahead) for ahead in range(1, 9))
    weekday = next(day for day in days if (works_on(cover.hours, day) if cover.hours else day.weekday() < 5))
    return datetime.combine(weekday, START, zone)


def is_stricter(step: str, than: str) -> bool:
    """Whether this step holds more."""
    return STEPS.index(step) > STEPS.index(than)
