"""Legal holds: mail of a person, or of a selection, that is neither expired nor erased until an administrator lifts the hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, true
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor, Role
from triage.errors import BadInput, NotAllowedNow, NotFound
from triage.ids import first_id_at, format_id
from triage.quarantine.search.legal_hold import checked_reason, folders_of, hold_condition, in_force, lift_hold, lock_hold, place_hold
from triage.quarantine.search.selection import Selection
from triage.say import format_day, say
from triage.store import db
from triage.store.models.compliance import LegalHold, LegallyHeld
from triage.store.models.deliveries import Delivery

WINDOW = 20_000  # deliveries that are looked at for a hold in one go
COMMITTED = timedelta(minutes=1)  # an id is made before its row is committed: so long it is looked for again


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold as it is listed."""

    id: int
    person: str  # uid; "" where it is about a selection
    selection: dict[str, Any]
    reason: str  # "" where the asker may not know: it names a folder that is confidential to them; and why it was lifted likewise
    made_at: datetime
    made_by_shown: str
    lifted_at: datetime | None
    lifted_by_shown: str
    lifted_reason: str
    deliveries: int  # that it keeps, or has kept, of those that the asker may see


def add_hold(session: Session, *, by: Actor, reason: str, now: datetime, person: str = "", selected: Selection | None = None) -> Hold:
    """Hold messages of a person, or of a selection, also what comes later. For administrators of the whole company.

    It holds from this commit on; `cover_deliveries` marks the messages within seconds, and what is marked stays held, even if it fits no
    more.
    """
    access.over_everything(by, Role.ADMIN)
    reason = checked_reason(reason)
    if bool(person) == bool(selected):
        raise BadInput(say("name either a person or a selection"), field="person")
    return hold_of_row(session, place_hold(session, selected, by=by, reason=reason, now=now, person=person), by)


def end_hold(session: Session, hold_id: int, *, by: Actor, reason: str, now: datetime) -> Hold:
    """Lift a hold: time runs again for what no other one holds. NotAllowedNow when it was lifted before."""
    access.over_everything(by, Role.ADMIN)
    reason = checked_reason(reason)
    row = lock_hold(session, hold_id)
    if row is None:
        raise NotFound(say("there is no legal hold {hold_id}", hold_id=format_id(hold_id)))
    if row.lifted_at is not None:
        raise NotAllowedNow(
            say(
                "{lifted_by_shown} already lifted this hold on {lifted_at}",
                lifted_by_shown=row.lifted_by_shown,
                lifted_at=format_day(row.lifted_at),
            )
        )
    lift_hold(session, row, by=by, reason=reason, now=now)
    return hold_of_row(session, row, by)


def list_holds(session: Session, *, by: Actor, lifted: bool = False, limit: int = 50, before: int | None = None) -> list[Hold]:
    """Holds in force, with `lifted` also those that were, newest first. For administrators and auditors of the whole company."""
    access.over_everything(by, Role.ADMIN, Role.AUDITOR)
    rows = select(LegalHold).where(true() if lifted else in_force(), true() if before is None else col(LegalHold.id) < before)
    return [hold_of_row(session, row, by) for row in session.scalars(rows.order_by(col(LegalHold.id).desc()).limit(limit))]


def hold_of_row(session: Session, row: LegalHold, by: Actor) -> Hold:
    """A hold as a value."""
    marks = select(col(LegallyHeld.delivery_id)).where(col(LegallyHeld.hold_id) == row.id)
    theirs = col(Delivery.id).in_(marks) if row.lifted_at else or_(col(Delivery.id).in_(marks), hold_condition(row))
    number = session.scalar(select(func.count()).select_from(Delivery).where(theirs, access.within_scope(by))) or 0
    closed = confidential_folders.closed_scopes(session, by) if row.made_by != str(by) else frozenset()
    reason, why = (row.reason, row.lifted_reason) if closed.isdisjoint(folders_of(row)) else ("", "")
    lifted = (row.lifted_at, row.lifted_by_shown, why)
    return Hold(row.id, row.person, row.selection, reason, row.made_at, row.made_by_shown, *lifted, number)


def due_holds(session: Session) -> list[int]:
    """The holds to which mail has come that was not looked at."""
    newest = select(func.max(col(Delivery.id))).scalar_subquery()
    return list(session.scalars(select(col(LegalHold.id)).where(in_force(), col(LegalHold.reached) < newest)))


def cover_deliveries(session: Session, hold_id: int, *, now: datetime, limit: int = WINDOW) -> bool:
    """Marks what a legal hold names among the next deliveries; returns whether there is more to look at at once."""
    row = session.scalars(select(LegalHold).where(col(LegalHold.id) == hold_id, in_force()).with_for_update()).first()
    if row is None:
        return False
    window = session.scalars(select(col(Delivery.id)).where(col(Delivery.id) > row.reached).order_by(col(Delivery.id)).limit(limit)).all()
    if not window:
        return False
    mark_window(session, row, window)
    row.reached = max(row.reached, min(window[-1], first_id_at(now - COMMITTED)))
    session.flush()
    return len(window) == limit and row.reached == window[-1]


def mark_window(session: Session, row: LegalHold, window: Sequence[int]) -> None:
    """Mark those of the window that the hold is about; some may be so already."""
    before = select(col(LegallyHeld.delivery_id)).where(col(LegallyHeld.hold_id) == row.id, col(LegallyHeld.delivery_id) >= window[0])
    named = select(col(Delivery.id)).where(
        col(Delivery.id).between(window[0], window[-1]), hold_condition(row), col(Delivery.id).not_in(before)
    )
    db.insert_all(session, LegallyHeld, [{"hold_id": row.id, "delivery_id": one} for one in session.scalars(named)])
