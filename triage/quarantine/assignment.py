"""Assignments of messages to colleagues, with a note. They stay held, and a decision ends the assignment."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, not_, select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access, staff_members, substitutes
from triage.actor import Actor
from triage.errors import BadInput, NotFound
from triage.quarantine.search.selection import MOST_IDS, Selection, selection_condition
from triage.say import quote_text, say
from triage.store import db, ledger
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.assignments import Assignment
from triage.store.models.columns import Instant
from triage.store.models.deliveries import Delivery
from triage.store.models.staff import StaffMember, Substitution
from triage.store.queue.grouping import in_states

LONGEST = 500  # characters of a note


@dataclass(frozen=True, slots=True)
class Candidate:
    """Colleague to whom messages can be assigned."""

    login: str
    name: str
    away_until: datetime | None


def assign_messages(session: Session, selected: Selection, to: str, note: str, *, by: Actor, now: datetime) -> int:
    """Hand the held messages of this selection to a colleague; of how many deliveries. Handed on it is the next one's.

    NotFound when nothing of it is held, BadInput when the colleague may not decide about all of it.
    """
    access.may_decide(by)
    receiver = staff_members.find_staff_actor(session, to, now)
    if receiver is None or receiver.role not in access.DECIDING:
        raise BadInput(say("{to} does not decide about messages here", to=quote_text(to)), field="to")
    ids = assignable_deliveries(session, selected, by)
    if session.scalar(
        select(col(Delivery.id)).where(is_among(session, col(Delivery.id), ids), not_(access.visible_deliveries(receiver))).limit(1)
    ):
        raise BadInput(say("{shown} may not see all of these messages", shown=receiver.shown), field="to")
    session.execute(delete(Assignment).where(is_among(session, col(Assignment.delivery_id), ids)))
    note = note[:LONGEST]
    same = {"to": receiver.name, "to_shown": receiver.shown, "by": str(by), "by_shown": by.shown, "at": now, "note": note}
    db.insert_all(session, Assignment, [same | {"delivery_id": one} for one in ids])
    ledger.write_act(
        session,
        "hand-over",
        f"staff:{receiver.name}",
        by=by,
        now=now,
        detail={"note": note} | confidential_folders.scopes_of(session, ids),
        items=len(ids),
    )
    return len(ids)


def take_back(session: Session, selected: Selection, *, by: Actor, now: datetime) -> int:
    """This message is nobody's in particular any more; of how many deliveries."""
    access.may_decide(by)
    ids = assignable_deliveries(session, selected, by)
    assigned = is_among(session, col(Assignment.delivery_id), ids)
    taken = Counter(session.scalars(delete(Assignment).where(assigned).returning(col(Assignment.to))))
    if not taken:
        raise NotFound(say("none of these messages is assigned"))
    for to, items in sorted(taken.items()):
        ledger.write_act(session, "take-back", f"staff:{to}", by=by, now=now, items=items)
    return taken.total()


def assignable_deliveries(session: Session, selected: Selection, by: Actor) -> list[int]:
    """Locks and returns the held deliveries of a selection that the actor may see, so that nobody else assigns them meanwhile.

    NotFound when nothing does, BadInput when it is too much for one person.
    """
    waits = in_states((State.HELD,)) if selected.ids else col(Delivery.state) == State.HELD
    where = and_(selection_condition(selected), access.visible_deliveries(by), waits)
    ids = list(session.scalars(select(col(Delivery.id)).where(where).order_by(col(Delivery.id)).limit(MOST_IDS + 1).with_for_update()))
    if not ids:
        raise NotFound(say("none of these messages is held"))
    if len(ids) > MOST_IDS:
        raise BadInput(say("assign at most {most_ids} messages at once", most_ids=MOST_IDS), field="select")
    return ids


def waiting_for(by: Actor) -> ColumnElement[bool]:
    """Condition: held deliveries that are assigned to the actor."""
    return and_(selection_condition(Selection(assigned_to=by.name)), access.visible_deliveries(by), in_states((State.HELD,)))


def number_for(session: Session, by: Actor) -> int:
    """Counts the held deliveries that are assigned to the actor."""
    return session.scalar(select(func.count()).select_from(Delivery).where(waiting_for(by))) or 0


def list_candidates(session: Session, *, by: Actor, now: datetime) -> tuple[Candidate, ...]:
    """Lists colleagues to whom messages can be assigned, by name. A person with a substitute is away until that ends."""
    stand_ins = select(col(Substitution.absent), func.max(col(Substitution.ends_at), type_=Instant)).where(substitutes.in_force(now))
    absent = dict(session.execute(stand_ins.group_by(col(Substitution.absent))).all())
    deciding = select(StaffMember).where(col(StaffMember.active), col(StaffMember.role).in_(access.DECIDING))
    rows = session.scalars(deciding.where(col(StaffMember.login) != by.name).order_by(col(StaffMember.name), col(StaffMember.login)))
    away = ((row, max(filter(None, (row.away_until, absent.get(row.login))), default=None)) for row in rows)
    return tuple(Candidate(row.login, row.name, until if until and until > now else None) for row, until in away)
