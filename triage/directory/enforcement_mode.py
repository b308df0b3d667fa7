"""For which departments the door is closed: enforce or observe, as the settings say until somebody says otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor, Role
from triage.config.settings import Company
from triage.errors import BadInput, NotAllowed
from triage.say import say
from triage.store import ledger
from triage.store.models.directory import Department
from triage.store.models.rules import ModeSwitch

ENFORCE, OBSERVE = "enforce", "observe"
COMPANY = ""  # the department of the switch that is about all of them


@dataclass(frozen=True, slots=True)
class Modes:
    """What the settings say, and what was switched since. What is said of a department counts before what is said of all."""

    company: Company
    switched: Mapping[str, str] = field(default_factory=dict)

    def of(self, department: str) -> str:
        """The mode of a department; of COMPANY that of those of which nothing else is said."""
        if department in self.switched:
            return self.switched[department]
        if department != COMPANY and department in self.company.observe_departments:
            return OBSERVE
        return self.switched.get(COMPANY, self.company.mode)


@dataclass(frozen=True, slots=True)
class DepartmentMode:
    """One department's mode, and who switched it, "" where the settings say so."""

    code: str
    name: str
    mode: str
    by: str = ""
    at: datetime | None = None
    reason: str = ""


SWITCHES = select(col(ModeSwitch.department), col(ModeSwitch.mode))


def now_in_force(session: Session, company: Company) -> Modes:
    """The modes as of now: a switch counts for the next mail that is judged."""
    return Modes(company, dict(session.execute(SWITCHES).all()))


def list_modes(session: Session, company: Company, *, by: Actor) -> tuple[DepartmentMode, ...]:
    """The company's mode and that of each department in the actor's scope, by code."""
    modes = now_in_force(session, company)
    switches = {row.department: row for row in session.scalars(select(ModeSwitch))}
    rows = session.execute(select(col(Department.code), col(Department.name)).order_by(col(Department.code)))
    names = {COMPANY: "the company"} | dict(rows.all())
    found = []
    for code, name in names.items():
        if code == COMPANY or by.scope.company or code in by.scope.departments:
            switch = switches.get(code) or (None if code in company.observe_departments else switches.get(COMPANY))
            told = (switch.by_shown, switch.at, switch.reason) if switch else ("", None, "")
            found.append(DepartmentMode(code, name, modes.of(code), *told))
    return tuple(found)


def switch_mode(session: Session, department: str, mode: str | None, *, by: Actor, reason: str, now: datetime) -> None:
    """Open or close the door for a department (COMPANY: for all of which nothing else is said); None: as the settings say again.

    It counts for mail that comes from now on, needs no restart, and is on the record. What is held already stays held.
    """
    access.require_role(by, Role.ADMIN)
    if not (by.scope.company or (department and department in by.scope.departments)):
        raise NotAllowed(
            say(
                "your scope is {yours}: you cannot change the enforcement of {what}",
                yours=access.scope_shown(by),
                what=department or "the company",
            )
        )
    if mode not in (ENFORCE, OBSERVE, None):
        raise BadInput(say("enforce or observe, not {mode}", mode=repr(mode)), field="mode")
    if department != COMPANY and session.get(Department, department) is None:
        raise BadInput(say("there is no department {department}", department=repr(department)), field="department")
    session.execute(delete(ModeSwitch).where(col(ModeSwitch.department) == department))
    if mode is not None:
        session.add(ModeSwitch(department=department, mode=mode, by_shown=by.shown, at=now, reason=reason[:1000]))
        session.flush()
    subject = f"department:{department}" if department else "company"
    ledger.write_act(session, "mode", subject, by=by, now=now, detail={"mode": mode or "as the settings say", "reason": reason[:1000]})
