"""Legal holds: mail of a person, or of a selection, that is neither expired nor erased until an administrator lifts the hold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, literal, not_, or_, select, true
from sqlmodel import Session, col

from triage import access, db, expiry, ledger, sealed, selection
from triage.actor import Actor, Role
from triage.errors import BadInput, NotAllowedNow, NotFound
from triage.ids import first_id_at, show
from triage.models import Delivery, LegalHold, LegallyHeld, Person
from triage.selection import Selection, from_json

WINDOW = 20_000  # deliveries that are looked at for a hold in one go
COMMITTED = timedelta(minutes=1)  # an id is made before its row is committed: so long it is looked for again
TURN = 0x6C68  # who makes a hold and who erases take turns under this number
MOVING = ("states", "delivered_since")  # features of a selection that mail loses by what is done to it


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold as it is listed."""

    id: int
    person: str  # uid; "" where it is about a selection
    selection: dict[str, Any]
    reason: str  # "" where the asker may not know: it names a folder that is sealed to them; and why it was lifted likewise
    made_at: datetime
    made_by_shown: str
    lifted_at: datetime | None
    lifted_by_shown: str
    lifted_reason: str
    deliveries: int  # that it keeps, or has kept, of those that the asker may see


def add(session: Session, *, by: Actor, reason: str, now: datetime, person: str = "", selected: Selection | None = None) -> Hold:
    """Hold the mail of a person, or of a selection, also what comes later. For administrators of the whole company.

    It holds from this commit on; `cover` marks the mail within seconds, and what is marked stays held even when it no longer fits.
    """
    access.over_everything(by, Role.ADMIN)
    reason = said(reason)
    if bool(person) == bool(selected):
        raise BadInput("person: name a person or a selection, one of them")
    return shown(session, place(session, selected, by=by, reason=reason, now=now, person=person), by)


def place(session: Session, selected: Selection | None, *, by: Actor, reason: str, now: datetime, person: str = "") -> LegalHold:
    """Place a hold, whoever asks: an escalation keeps its evidence in the name of any staff."""
    take_turn(session)
    uid = known(session, person) if person else ""
    wanted = lasting(session, selected).as_json() if selected else {}
    row = LegalHold(person=uid, selection=wanted, reason=reason, made_at=now, made_by=str(by), made_by_shown=by.shown)
    session.add(row)
    session.flush()
    about = {} if uid else {"select": wanted}
    ledger.write(session, "legal-hold", subject(row), by=by, now=now, detail=named(row) | about | {"reason": reason})
    return row


def lift(session: Session, hold_id: int, *, by: Actor, reason: str, now: datetime) -> Hold:
    """Lift a hold: time runs again for what no other one holds. NotAllowedNow when it was lifted before."""
    access.over_everything(by, Role.ADMIN)
    reason = said(reason)
    row = locked(session, hold_id)
    if row is None:
        raise NotFound(f"there is no legal hold {show(hold_id)}")
    if row.lifted_at is not None:
        raise NotAllowedNow(f"{row.lifted_by_shown} lifted this hold on {row.lifted_at:%d %b %Y} already")
    put_away(session, row, by=by, reason=reason, now=now)
    return shown(session, row, by)


def end(session: Session, hold_id: int, *, by: Actor, reason: str, now: datetime) -> None:
    """End a hold that came with an escalation, unless an administrator has lifted it before."""
    row = locked(session, hold_id)
    if row is not None and row.lifted_at is None:
        put_away(session, row, by=by, reason=reason, now=now)


def locked(session: Session, hold_id: int) -> LegalHold | None:
    """The hold, which nobody else changes meanwhile."""
    return session.scalars(select(LegalHold).where(col(LegalHold.id) == hold_id).with_for_update()).first()


def put_away(session: Session, row: LegalHold, *, by: Actor, reason: str, now: datetime) -> None:
    """Lift the hold, on the record."""
    row.lifted_at, row.lifted_by, row.lifted_by_shown, row.lifted_reason = now, str(by), by.shown, reason
    session.flush()
    ledger.write(session, "lift-legal-hold", subject(row), by=by, now=now, detail=named(row) | {"reason": reason})


def said(reason: str) -> str:
    """Why, in one line."""
    reason = " ".join(reason.split())[:500]
    if not reason:
        raise BadInput("reason: say why; it is on the record")
    return reason


def known(session: Session, person: str) -> str:
    """The uid of somebody who works or worked here."""
    uid = person.casefold()
    if session.get(Person, uid) is None:
        raise NotFound(f"the directory knows nobody as {person}; to hold the mail of somebody outside select by sender")
    return uid


def lasting(session: Session, selected: Selection) -> Selection:
    """The selection as it can be held: nothing that is done to its mail may take it out."""
    for name in MOVING:
        if getattr(selected, name):
            raise BadInput(f"select: leave out {name}; a legal hold is about mail whatever is done to it")
    return replace(selected, proof=selection.settled_proof(session, selected))


def subject(row: LegalHold) -> str:
    """As the record names it."""
    return f"legal-hold:{show(row.id)}"


def folders_of(row: LegalHold) -> set[str]:
    """The folders that a hold names, as words of a scope."""
    parts = [{"person": row.person}, row.selection, *row.selection.get("any_of", ())]
    return {f"{kind}:{part[kind].casefold()}" for part in parts for kind in ("department", "person") if part.get(kind)}


def named(row: LegalHold) -> dict[str, Any]:
    """The folders that a hold names, so that the record tells why it was made to none from whom one of them is sealed."""
    found = sorted(folders_of(row))
    return {"scope": found[0] if len(found) == 1 else found} if found else {}


def listing(session: Session, *, by: Actor, lifted: bool = False, limit: int = 50, before: int | None = None) -> list[Hold]:
    """Holds in force, with `lifted` also those that were, newest first. For administrators and auditors of the whole company."""
    access.over_everything(by, Role.ADMIN, Role.AUDITOR)
    rows = select(LegalHold).where(true() if lifted else in_force(), true() if before is None else col(LegalHold.id) < before)
    return [shown(session, row, by) for row in session.scalars(rows.order_by(col(LegalHold.id).desc()).limit(limit))]


def shown(session: Session, row: LegalHold, by: Actor) -> Hold:
    """A hold as a value."""
    marks = select(col(LegallyHeld.delivery_id)).where(col(LegallyHeld.hold_id) == row.id)
    theirs = col(Delivery.id).in_(marks) if row.lifted_at else or_(col(Delivery.id).in_(marks), condition(row))
    number = session.scalar(select(func.count()).select_from(Delivery).where(theirs, access.within(by))) or 0
    closed = sealed.closed_scopes(session, by) if row.made_by != str(by) else frozenset()
    reason, why = (row.reason, row.lifted_reason) if closed.isdisjoint(folders_of(row)) else ("", "")
    lifted = (row.lifted_at, row.lifted_by_shown, why)
    return Hold(row.id, row.person, row.selection, reason, row.made_at, row.made_by_shown, *lifted, number)


def in_force() -> ColumnElement[bool]:
    """Not lifted."""
    return col(LegalHold.lifted_at).is_(None)


def condition(row: LegalHold) -> ColumnElement[bool]:
    """Which mail a hold is about: of a selection what came in; of a person also what was sent on to their mailbox and what they wrote."""
    if not row.person:
        return and_(col(Delivery.direction) == "in", selection.condition(from_json(row.selection)))
    mailbox = select(col(Person.mailbox)).where(col(Person.uid) == row.person).scalar_subquery()
    return or_(col(Delivery.person) == row.person, col(Delivery.mailbox) == mailbox)


def marked() -> ColumnElement[bool]:
    """Which deliveries are known to be held."""
    mark = (col(LegallyHeld.delivery_id) == col(Delivery.id), col(LegalHold.id) == col(LegallyHeld.hold_id), in_force())
    return select(literal(1)).where(*mark).correlate(Delivery).exists()


def kept(session: Session) -> ColumnElement[bool]:
    """Which deliveries must be kept: those that are marked, and those that a hold names and has not come to yet."""
    holds = session.scalars(select(LegalHold).where(in_force())).all()
    return or_(marked(), *map(condition, holds)) if holds else false()


def expiring(session: Session, by_then: datetime) -> ColumnElement[bool]:
    """Which held mail expires until then."""
    terms = expiry.known_terms(session)
    return false() if terms is None else and_(expiry.over(by_then, terms), not_(marked()))


def take_turn(session: Session) -> None:
    """Erase nothing that a hold is being made for: whoever erases calls this before asking what must be kept."""
    db.waits_its_turn(session, TURN)


def due(session: Session) -> list[int]:
    """The holds to which mail has come that was not looked at."""
    newest = select(func.max(col(Delivery.id))).scalar_subquery()
    return list(session.scalars(select(col(LegalHold.id)).where(in_force(), col(LegalHold.reached) < newest)))


def cover(session: Session, hold_id: int, *, now: datetime, limit: int = WINDOW) -> bool:
    """Mark what a hold names among the next deliveries; is there more to look at at once?"""
    row = session.scalars(select(LegalHold).where(col(LegalHold.id) == hold_id, in_force()).with_for_update()).first()
    if row is None:
        return False
    window = session.scalars(select(col(Delivery.id)).where(col(Delivery.id) > row.reached).order_by(col(Delivery.id)).limit(limit)).all()
    if not window:
        return False
    mark(session, row, window)
    row.reached = max(row.reached, min(window[-1], first_id_at(now - COMMITTED)))
    session.flush()
    return len(window) == limit and row.reached == window[-1]


def mark(session: Session, row: LegalHold, window: Sequence[int]) -> None:
    """Mark those of the window that the hold is about; some may be so already."""
    before = select(col(LegallyHeld.delivery_id)).where(col(LegallyHeld.hold_id) == row.id, col(LegallyHeld.delivery_id) >= window[0])
    named = select(col(Delivery.id)).where(col(Delivery.id).between(window[0], window[-1]), condition(row), col(Delivery.id).not_in(before))
    db.insert_all(session, LegallyHeld, [{"hold_id": row.id, "delivery_id": one} for one in session.scalars(named)])
