"""Which held mail has changed since the kept counts were folded: written along with each change, so that counts never lie; and read."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, case, select
from sqlmodel import Session, col

from triage.ids import new_id
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.counts import Touched
from triage.store.models.deliveries import Delivery
from triage.store.new_rows import Row

AT_ONCE = 5000  # rows of one insert
MOST = 500  # rows that are counted beside the kept ones; while there are more, everything is counted


def since_folding(session: Session) -> list[Touched] | None:
    """What was touched since the last folding; None when it is too much."""
    rows = list(session.scalars(select(Touched).limit(MOST + 1)))
    return rows if len(rows) <= MOST else None


def touch(session: Session, where: ColumnElement[bool]) -> None:
    """These deliveries are held, or are so no longer, or lie elsewhere. Who moves them calls it before and after."""
    alone = case((col(Delivery.author) == "", col(Delivery.id)), else_=0)
    columns = (col(Delivery.author), col(Delivery.campaign_id), alone, col(Delivery.department), col(Delivery.person))
    note(session, session.execute(select(*columns).where(where).distinct()).all())


def entered(session: Session, deliveries: Iterable[Row]) -> None:
    """New deliveries; those that are held count."""
    held = (one for one in deliveries if one["state"] == State.HELD)
    alone = ((one, 0 if one["author"] else one["id"]) for one in held)
    note(session, {(one["author"], one["campaign_id"], number, one["department"], one["person"]) for one, number in alone})


def note(session: Session, rows: Iterable[tuple[str, int | None, int, str, str]]) -> None:
    """Write them down."""
    names = ("author", "campaign_id", "alone", "department", "person")
    written = [dict(zip(names, row, strict=True), id=new_id()) for row in rows]
    for place in range(0, len(written), AT_ONCE):
        db.insert_all(session, Touched, written[place : place + AT_ONCE])
