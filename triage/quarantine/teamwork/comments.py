"""Comments of staff about a message: seen by whoever may read the copy that they are about, and erased with it."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage import ids
from triage.access import scope as access
from triage.actor import Actor
from triage.errors import BadInput, Erased, NotAllowedNow, NotFound
from triage.ids import format_id
from triage.say import say
from triage.store import bodies, db, ledger
from triage.store.models.assignments import Comment
from triage.store.models.deliveries import Delivery

LONGEST = 2_000  # characters of a comment
MOST = 200  # comments about one copy
ACT = "comment"


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


def count_comments(session: Session, deliveries: Iterable[int]) -> int:
    """Counts the comments about these deliveries."""
    about = select(func.count()).select_from(Comment).where(db.is_among(session, col(Comment.delivery_id), list(deliveries)))
    return session.scalar(about) or 0


def list_comments(session: Session, delivery_id: int, *, by: Actor) -> list[Comment]:
    """Lists the comments about a message, oldest first: about each of its copies that the actor may read. NotFound as in `add_comment`."""
    message = select(col(Delivery.message_id)).where(col(Delivery.id) == delivery_id, access.readable_deliveries(by)).scalar_subquery()
    copies = select(col(Delivery.id)).where(col(Delivery.message_id) == message, access.readable_deliveries(by))
    if session.scalar(copies.limit(1)) is None:
        raise NotFound(say("there is no delivery {delivery_id}", delivery_id=format_id(delivery_id)))
    about = select(Comment).where(col(Comment.delivery_id).in_(copies)).order_by(col(Comment.id).desc()).limit(MOST)
    return list(reversed(session.scalars(about).all()))
