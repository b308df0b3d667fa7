"""Held messages that changed since the counts were last folded: written along with each change, so that counts stay true; and read."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, exists, func, not_, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage.ids import new_id
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.counts import CachedFolder, Touched
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.store.new_rows import Row
from triage.store.queue.grouping import HELD
from triage.store.queue.sections import is_out

AT_ONCE = 5000  # rows of one insert
# Changes that are counted beside the kept counts. Of more everything is counted, which takes less: one costs as much as SHARE messages.
LEAST, MOST, SHARE = 500, 5000, 20


class Source(NamedTuple):
    """Author and campaign that make a pile of the queue, and the delivery where nobody can read who sent it."""

    author: str
    campaign_id: int | None
    alone: int


def since_folding(session: Session) -> list[Touched] | None:
    """Returns what changed since the last folding; None when it is too much."""
    rows = read_if_few(session, select(Touched))
    return None if rows is None else [row for (row,) in rows]


def touched_folders(session: Session) -> set[tuple[str, str]]:
    """Returns department and person of each folder in which something changed since the last folding, however much that is."""
    return {(code, uid) for code, uid in session.execute(select(col(Touched.department), col(Touched.person)).distinct())}


def touched_sources(session: Session) -> list[Source] | None:
    """Returns who made what changed since the last folding, each once; None when they are too many."""
    columns = (col(Touched.author), col(Touched.campaign_id), col(Touched.alone))
    rows = read_if_few(session, select(*columns).distinct())
    return None if rows is None else [Source(*row) for row in rows]


def read_if_few(session: Session, rows: Select[*tuple[Any, ...]]) -> Sequence[Any] | None:
    """Reads these rows; None when they are more than LEAST and more than a share of what is held, or more than MOST."""
    found = session.execute(rows.limit(LEAST + 1)).all()
    if len(found) <= LEAST:
        return found
    held = session.scalar(select(func.coalesce(func.sum(col(CachedFolder.held)), 0))) or 0
    most = min(MOST, held // SHARE)
    found = session.execute(rows.limit(most + 1)).all() if most > LEAST else found
    return found if len(found) <= most else None


def touch_where(session: Session, where: ColumnElement[bool]) -> None:
    """Marks counts of these deliveries as changed: they are held, no longer held, or moved. Called before and after a move."""
    alone = case((col(Delivery.author) == "", col(Delivery.id)), else_=0)
    columns = (col(Delivery.author), col(Delivery.campaign_id), alone, col(Delivery.department), col(Delivery.person))
    write_dirty(session, session.execute(select(*columns).where(where).distinct()).all())


def touch_entered(session: Session, deliveries: Iterable[Row]) -> None:
    """New deliveries; those that are held count."""
    held = (one for one in deliveries if one["state"] == State.HELD)
    alone = ((one, 0 if one["author"] else one["id"]) for one in held)
    write_dirty(session, {(one["author"], one["campaign_id"], number, one["department"], one["person"]) for one, number in alone})


def write_dirty(session: Session, rows: Iterable[tuple[str, int | None, int, str, str]]) -> None:
    """Write them down."""
    names = ("author", "campaign_id", "alone", "department", "person")
    written = [dict(zip(names, row, strict=True), id=new_id()) for row in rows]
    for place in range(0, len(written), AT_ONCE):
        db.insert_all(session, Touched, written[place : place + AT_ONCE])


def touch_related(session: Session, ids: Sequence[int], *, arrive: bool, leave: bool) -> None:
    """Note the held messages that may have changed their section with these deliveries: others of a campaign stand in "Act now" while a
    copy is in a mailbox or a report is open. `arrive`: these came into mailboxes; `leave`: they may have left them."""
    statement = related_campaigns(arrive=arrive and not leave, leave=leave)
    touch_campaigns(session, session.scalars(statement, {"ids": ids}).all())


@cache
def related_campaigns(*, arrive: bool, leave: bool) -> Select[int | None]:
    """Builds the question for the campaigns of `touch_related`: once, because to build it takes longer than to answer it."""
    which: ColumnElement[bool] = col(Delivery.id).in_(select(col(MailReport.delivery_id)).where(col(MailReport.delivery_id).is_not(None)))
    if leave:
        which = or_(which, col(Delivery.is_copy))
    elif arrive:
        which = or_(which, and_(col(Delivery.is_copy), is_first_out()))
    these = and_(db.OneOf(col(Delivery.id), "ids", BigInteger), col(Delivery.campaign_id).is_not(None), which)
    return select(col(Delivery.campaign_id)).where(these).distinct()


def is_first_out() -> ColumnElement[bool]:
    """Whether no other copy of the campaign than those that are bound as `ids` is in a mailbox."""
    other = aliased(Delivery)
    same = col(other.campaign_id) == col(Delivery.campaign_id)
    return not_(exists().where(same, is_out(other), not_(db.OneOf(col(other.id), "ids", BigInteger))).correlate(Delivery))


def touch_reported(session: Session, delivery: Delivery) -> None:
    """A report of this delivery was made or answered: note what stands on a row with it."""
    touch_where(session, and_(col(Delivery.id) == delivery.id, HELD))
    if delivery.campaign_id is not None:
        touch_campaigns(session, [delivery.campaign_id])


def touch_campaigns(session: Session, campaigns: Sequence[int | None]) -> None:
    """Have what is held of these campaigns counted again."""
    if campaigns:
        touch_where(session, and_(db.is_among(session, col(Delivery.campaign_id), (one for one in campaigns if one is not None)), HELD))
