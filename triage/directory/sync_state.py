"""State of the directory sync: departments, numbers, the last change, and the brake."""

from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage.actor import Actor, Role
from triage.config.alert_types import BRAKE
from triage.directory import address_changes
from triage.say import load_sentence
from triage.store.models.audit import AuditRecord
from triage.store.models.directory import AddressChange, Department, MailGroup, Person
from triage.store.models.notifications import OpenAlert

SUBJECT = "directory"  # of the record that a change leaves


@dataclass(frozen=True, slots=True)
class Place:
    """A department: where its own mail goes, who answers for it, and how many work there."""

    code: str
    name: str
    mailbox: str
    roles: tuple[str, ...]
    responsible: str  # full name; "" when nobody is named
    people: int


@dataclass(frozen=True, slots=True)
class Brake:
    """The directory was not believed."""

    since: datetime
    words: str


@dataclass(frozen=True, slots=True)
class DirectoryState:
    """The directory as it was taken over last."""

    departments: tuple[Place, ...]
    people: int
    left: int
    groups: int
    changed_at: datetime | None  # None before the first sync
    changes: tuple[str, ...]  # of the last change, in words
    more: int  # changes that are not among them
    brake: Brake | None
    address_changes: tuple[AddressChange, ...] = ()  # that wait or were declined, for who administers or audits the whole company


def get_sync_state(session: Session, *, by: Actor) -> DirectoryState:
    """Returns the present state of the directory; with its last changes only for actors who may read the audit log."""
    last = session.scalar(select(AuditRecord).where(col(AuditRecord.subject) == SUBJECT).order_by(col(AuditRecord.id).desc()).limit(1))
    alarm = session.scalar(select(OpenAlert).where(col(OpenAlert.cause) == BRAKE).limit(1))
    reads = by.scope.company and by.role in (Role.ADMIN, Role.AUDITOR)
    detail = last.detail if last and reads else {}
    active, left = number_of_people(session)
    return DirectoryState(
        departments=list_departments(session),
        people=active,
        left=left,
        groups=session.scalar(select(func.count()).select_from(MailGroup)) or 0,
        changed_at=last.at if last else None,
        changes=tuple(load_sentence(text, form) for text, form in zip_longest(detail.get("changes", ()), detail.get("change_forms", ()))),
        more=detail.get("more", 0),
        brake=Brake(alarm.raised_at, load_sentence(alarm.words, alarm.words_form)) if alarm else None,
        address_changes=tuple(address_changes.list_changes(session, by=by)),
    )


def number_of_people(session: Session) -> tuple[int, int]:
    """Counts the people who work here, and those who have left."""
    counts = dict(session.execute(select(col(Person.active), func.count()).group_by(col(Person.active))).all())
    return counts.get(True, 0), counts.get(False, 0)


def list_departments(session: Session) -> tuple[Place, ...]:
    """The departments by name."""
    names = dict(session.execute(select(col(Person.uid), col(Person.name))).all())
    homes = select(col(Person.department), func.count()).where(col(Person.active)).group_by(col(Person.department))
    here = dict(session.execute(homes).all())
    rows = sorted(session.scalars(select(Department)), key=lambda one: one.name.casefold())
    return tuple(
        Place(one.code, one.name, one.mailbox, tuple(one.roles), names.get(one.responsible, one.responsible), here.get(one.code, 0))
        for one in rows
    )
