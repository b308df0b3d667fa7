"""Legal holds: which messages one is about and which must be kept, as SQL conditions; places a hold and lifts it, in the audit log."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, literal, not_, or_, select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.errors import BadInput, NotFound
from triage.ids import format_id
from triage.quarantine.search import expiry, selection
from triage.quarantine.search.selection import Selection, from_json
from triage.say import say
from triage.store import db, ledger
from triage.store.models.compliance import LegalHold, LegallyHeld
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person

TURN = 0x6C68  # who makes a hold and who erases take turns under this number
MOVING = ("states", "delivered_since")  # features of a selection that a message loses by what is done to it


def in_force() -> ColumnElement[bool]:
    """Condition: legal holds that are not lifted."""
    return col(LegalHold.lifted_at).is_(None)


def hold_condition(row: LegalHold) -> ColumnElement[bool]:
    """Condition: deliveries that a legal hold is about: of a selection the incoming ones; of a person also what was redirected to their
    mailbox and what they wrote.
    """
    if not row.person:
        return and_(col(Delivery.direction) == "in", selection.selection_condition(from_json(row.selection)))
    mailbox = select(col(Person.mailbox)).where(col(Person.uid) == row.person).scalar_subquery()
    return or_(col(Delivery.person) == row.person, col(Delivery.mailbox) == mailbox)


def marked_condition() -> ColumnElement[bool]:
    """Condition: deliveries marked as under legal hold."""
    mark = (col(LegallyHeld.delivery_id) == col(Delivery.id), col(LegalHold.id) == col(LegallyHeld.hold_id), in_force())
    return select(literal(1)).where(*mark).correlate(Delivery).exists()


def on_legal_hold(session: Session) -> ColumnElement[bool]:
    """Condition: deliveries that must be kept: those that are marked, and those that a legal hold names and has not marked yet."""
    holds = session.scalars(select(LegalHold).where(in_force())).all()
    return or_(marked_condition(), *map(hold_condition, holds)) if holds else false()


def expiring_condition(session: Session, by_then: datetime) -> ColumnElement[bool]:
    """Condition: held messages that expire until then."""
    terms = expiry.known_terms(session)
    return false() if terms is None else and_(expiry.expired_condition(by_then, terms), not_(marked_condition()))


def take_turn(session: Session) -> None:
    """Erase nothing that a hold is being made for: whoever erases calls this before asking what must be kept."""
    db.take_advisory_locks(session, TURN)


def place_hold(session: Session, selected: Selection | None, *, by: Actor, reason: str, now: datetime, person: str = "") -> LegalHold:
    """Place a hold, whoever asks: an escalation keeps its evidence in the name of any staff."""
    take_turn(session)
    uid = checked_person(session, person) if person else ""
    wanted = checked_selection(session, selected).as_json() if selected else {}
    row = LegalHold(person=uid, selection=wanted, reason=reason, made_at=now, made_by=str(by), made_by_shown=by.shown)
    session.add(row)
    session.flush()
    about = {} if uid else {"select": wanted}
    ledger.write_act(session, "legal-hold", subject_of(row), by=by, now=now, detail=folders_detail(row) | about | {"reason": reason})
    return row


def end_hold(session: Session, hold_id: int, *, by: Actor, reason: str, now: datetime) -> None:
    """End a hold that came with an escalation, unless an administrator has lifted it before."""
    row = lock_hold(session, hold_id)
    if row is not None and row.lifted_at is None:
        lift_hold(session, row, by=by, reason=reason, now=now)


def lock_hold(session: Session, hold_id: int) -> LegalHold | None:
    """The hold, which nobody else changes meanwhile."""
    return session.scalars(select(LegalHold).where(col(LegalHold.id) == hold_id).with_for_update()).first()


def lift_hold(session: Session, row: LegalHold, *, by: Actor, reason: str, now: datetime) -> None:
    """Lift the hold, in the audit log."""
    row.lifted_at, row.lifted_by, row.lifted_by_shown, row.lifted_reason = now, str(by), by.shown, reason
    session.flush()
    ledger.write_act(session, "lift-legal-hold", subject_of(row), by=by, now=now, detail=folders_detail(row) | {"reason": reason})


def checked_reason(reason: str) -> str:
    """Returns the reason in one line. BadInput when it is empty."""
    reason = " ".join(reason.split())[:500]
    if not reason:
        raise BadInput(say("say why; the audit log keeps it"), field="reason")
    return reason


def checked_person(session: Session, person: str) -> str:
    """The uid of somebody who works or worked here."""
    uid = person.casefold()
    if session.get(Person, uid) is None:
        raise NotFound(say("the directory has no {person}; to hold messages of somebody outside, select by sender", person=person))
    return uid


def checked_selection(session: Session, selected: Selection) -> Selection:
    """The selection as it can be held: nothing that is done to its mail may take it out."""
    for name in MOVING:
        if getattr(selected, name):
            raise BadInput(say("leave out {name}; a legal hold covers messages in every state", name=name), field="select")
    return replace(selected.with_known_fields(), proof=selection.settled_proof(session, selected))


def subject_of(row: LegalHold) -> str:
    """Subject of a legal hold in the audit log."""
    return f"legal-hold:{format_id(row.id)}"


def folders_of(row: LegalHold) -> set[str]:
    """The folders that a hold names, as words of a scope."""
    parts = [{"person": row.person}, row.selection, *row.selection.get("any_of", ())]
    return {f"{kind}:{part[kind].casefold()}" for part in parts for kind in ("department", "person") if part.get(kind)}


def folders_detail(row: LegalHold) -> dict[str, Any]:
    """The folders that a hold names, so that the record tells why it was made to none from whom one of them is sealed."""
    found = sorted(folders_of(row))
    return {"scope": found[0] if len(found) == 1 else found} if found else {}
