"""Places a legal hold and ends it, on the record: for administrators, and for what is escalated as evidence."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.errors import BadInput, NotFound
from triage.ids import show
from triage.quarantine.search import selection
from triage.quarantine.search.legal_hold import take_turn
from triage.quarantine.search.selection import Selection
from triage.store import ledger
from triage.store.models.compliance import LegalHold
from triage.store.models.directory import Person

MOVING = ("states", "delivered_since")  # features of a selection that mail loses by what is done to it


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
