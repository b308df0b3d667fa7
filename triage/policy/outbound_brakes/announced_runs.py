"""Announced runs: an employee is about to write to many new recipients, and no brake holds that."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.directory import recipients
from triage.errors import BadInput, NotFound
from triage.ids import format_id, new_id
from triage.policy.learning.writers import Lookup
from triage.say import say
from triage.store import ledger
from triage.store.models.directory import Person
from triage.store.models.employees import OutboundRun

LONGEST = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Announcement:
    """Announcement that an employee will write to many new recipients: how many, until when, and why."""

    employee: str  # uid, or an address of theirs
    recipients: int
    until: datetime
    reason: str = ""


def announce_run(session: Session, order: Announcement, *, settings: Settings, by: Actor, now: datetime) -> OutboundRun:
    """Let an employee write to so many new recipients until then. BadInput names an employee who is nobody here, or a time that does not
    fit. For whoever decides about outgoing messages."""
    access.may_decide_outgoing(by)
    if not now < order.until <= now + LONGEST:
        raise BadInput(say("name a time within the next {days} days", days=LONGEST.days), field="until")
    if order.recipients < 1:
        raise BadInput(say("name how many new recipients it may go to"), field="recipients")
    person = find_person(session, order.employee, settings)
    run = OutboundRun(
        id=new_id(),
        person=person.uid,
        department=person.department,
        recipients=order.recipients,
        until=order.until,
        at=now,
        by_shown=by.shown,
        reason=order.reason,
    )
    session.add(run)
    session.flush()
    detail = {"run": format_id(run.id), "recipients": order.recipients, "until": order.until.isoformat(), "reason": order.reason}
    ledger.write_act(session, "announce-run", f"person:{person.uid}", by=by, now=now, detail=detail)
    return run


def find_person(session: Session, named: str, settings: Settings) -> Person:
    """Finds an employee by uid or address. BadInput where nobody matches."""
    address = named if "@" in named else recipients.mailbox_of_person(session, named.casefold()) or ""
    person = Lookup(session, settings).owner(address)
    if person is None:
        raise BadInput(say("the directory has no {named}; name a uid or an address", named=repr(named[:80])), field="employee")
    return person


def list_runs(session: Session, *, by: Actor, now: datetime) -> list[OutboundRun]:
    """The announced runs that are in force, those that end first come first."""
    access.may_see_outgoing(by)
    mine = (col(OutboundRun.until) > now, access.within_scope(by, OutboundRun))
    return list(session.scalars(select(OutboundRun).where(*mine).order_by(col(OutboundRun.until), col(OutboundRun.id))))


def end_run(session: Session, run_id: int, *, by: Actor, now: datetime) -> None:
    """End a run before its time. NotFound where there is none."""
    access.may_decide_outgoing(by)
    run = next((one for one in list_runs(session, by=by, now=now) if one.id == run_id), None)
    if run is None:
        raise NotFound(say("there is no announced run {number}", number=format_id(run_id)))
    run.until = now
    session.flush()
    ledger.write_act(session, "end-run", f"person:{run.person}", by=by, now=now, detail={"run": format_id(run.id)})


def use_run(session: Session, uid: str, number: int, now: datetime) -> bool:
    """Whether an announced run covers so many more new recipients of an employee. Counts them."""
    runs = select(OutboundRun).where(col(OutboundRun.person) == uid, col(OutboundRun.until) > now)
    run = next((one for one in session.scalars(runs.order_by(col(OutboundRun.until))) if one.used + number <= one.recipients), None)
    if run is not None:
        run.used += number
        session.flush()
    return run is not None
