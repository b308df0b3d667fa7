"""Comments of staff about a message: seen by whoever may read the copy that they are about, and erased with it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from triage import ids
from triage.access import scope as access
from triage.actor import Actor
from triage.errors import BadInput, Erased, NotAllowedNow, NotFound
from triage.ids import format_id
from triage.quarantine.search.selection import Selection, selection_condition
from triage.say import say
from triage.store import bodies, confidential_rows, ledger
from triage.store.models.assignments import Comment
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department, Person

LONGEST = 2_000  # characters of a comment
MOST = 200  # comments about one copy
ACT = "comment"


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment as somebody reads it, with whose copy it is about."""

    id: int
    delivery_id: int
    recipient: str
    department_name: str
    person_name: str
    at: datetime
    by: str
    by_shown: str
    text: str
    withheld: bool  # the copy is confidential, and no reason was given


@dataclass(frozen=True, slots=True)
class Discussion:
    """Comments, oldest first, the newest MOST of them. `opened`: messages whose confidential comments were read for the reason given."""

    items: tuple[Remark, ...]
    opened: tuple[int, ...]


def add_comment(session: Session, delivery_id: int, text: str, *, by: Actor, now: datetime) -> Comment:
    """Adds a comment about a copy of a message and returns it. The audit log says who commented, not what: it cannot forget.

    NotFound for what the actor may not read, Erased when nothing is left of it, BadInput for no text or too much of it.
    """
    access.may_decide(by)
    words = text.strip()
    if not words or len(words) > LONGEST:
        raise BadInput(say("a comment has 1 to {longest} characters", longest=LONGEST), field="text")
    about = readable_copy(session, delivery_id, by)
    if about.erased_at:
        raise Erased(bodies.ERASED)
    if session.scalar(select(func.count()).select_from(Comment).where(col(Comment.delivery_id) == about.id)) == MOST:
        raise NotAllowedNow(say("this message has {most} comments already; no more fit", most=MOST))
    comment = Comment(id=ids.new_id(), delivery_id=about.id, by=str(by), by_shown=by.shown, at=now, text=words)
    session.add(comment)
    session.flush()
    ledger.write_act(session, ACT, f"delivery:{format_id(about.id)}", by=by, now=now, detail={"comment": format_id(comment.id)})
    return comment


def readable_copy(session: Session, delivery_id: int, by: Actor) -> Delivery:
    """Locks and returns a delivery that the actor may read, so that it is not erased meanwhile. NotFound otherwise."""
    mine = select(Delivery).where(col(Delivery.id) == delivery_id, access.readable_deliveries(by)).with_for_update()
    found = session.scalar(mine)
    if found is None:
        raise NotFound(say("there is no delivery {delivery_id}", delivery_id=format_id(delivery_id)))
    return found


def list_comments(session: Session, delivery_id: int, *, by: Actor, reason: str = "") -> Discussion:
    """Lists the comments about a message: about each of its copies that the actor may read. NotFound as in `add_comment`.

    Without a reason it says of a confidential copy only who commented and when; the reason belongs in the audit log (`Discussion.opened`).
    """
    message = select(col(Delivery.message_id)).where(col(Delivery.id) == delivery_id, access.readable_deliveries(by)).scalar_subquery()
    if session.scalar(select(message)) is None:
        raise NotFound(say("there is no delivery {delivery_id}", delivery_id=format_id(delivery_id)))
    return read_comments(session, col(Delivery.message_id) == message, by=by, reason=reason)


def list_selected_comments(session: Session, selected: Selection, *, by: Actor, reason: str = "") -> Discussion:
    """Lists the comments about all copies of a selection that the actor may read, as `list_comments` does."""
    return read_comments(session, selection_condition(selected), by=by, reason=reason)


def read_comments(session: Session, about: ColumnElement[bool], *, by: Actor, reason: str) -> Discussion:
    """Reads the comments about these deliveries, as far as the actor may read them."""
    department = func.coalesce(col(Department.name), col(Delivery.department))
    person = func.coalesce(col(Person.name), col(Delivery.person))
    rows = session.execute(
        select(Comment, col(Delivery.message_id), col(Delivery.recipient), department, person, confidential_rows.is_confidential())
        .join(Delivery, col(Delivery.id) == col(Comment.delivery_id))
        .outerjoin(Department, col(Department.code) == col(Delivery.department))
        .outerjoin(Person, col(Person.uid) == col(Delivery.person))
        .where(about, access.readable_deliveries(by))
        .order_by(col(Comment.id).desc())
        .limit(MOST)
    ).all()
    is_open = bool(reason.strip())
    said = (remark_of(one, *folder, withheld=bool(sealed) and not is_open) for one, _, *folder, sealed in reversed(rows))
    return Discussion(tuple(said), tuple(sorted({message for _, message, *_, sealed in rows if sealed and is_open})))


def remark_of(comment: Comment, recipient: str, department_name: str, person_name: str, *, withheld: bool) -> Remark:
    """A comment as it is read, without its text where that is withheld."""
    return Remark(
        id=comment.id,
        delivery_id=comment.delivery_id,
        recipient=recipient,
        department_name=department_name,
        person_name=person_name,
        at=comment.at,
        by=comment.by,
        by_shown=comment.by_shown,
        text="" if withheld else comment.text,
        withheld=withheld,
    )
