"""Legal holds as SQL conditions: which messages one is about, and which must be kept."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, false, literal, not_, or_, select
from sqlmodel import Session, col

from triage.quarantine.search import expiry, selection
from triage.quarantine.search.selection import from_json
from triage.store import db
from triage.store.models.compliance import LegalHold, LegallyHeld
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person

TURN = 0x6C68  # who makes a hold and who erases take turns under this number


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
    db.take_advisory_locks(session, TURN)
