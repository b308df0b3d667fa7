"""Read-only: campaigns with how much of each there is, who sent it, what proves it, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlmodel import Session, col

from triage import access, campaigns
from triage.actor import Actor
from triage.errors import NotFound
from triage.evidence import extent, most_frequent
from triage.grouping import proven_as
from triage.ids import show
from triage.listings import Listed, some
from triage.models import Campaign, Delivery
from triage.selection import Selection, condition

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Wave:
    """A campaign as far as the actor may see of it."""

    id: int
    mails: int  # messages
    deliveries: int
    held: int
    people: int  # distinct
    departments: int
    senders: int
    first_at: datetime
    newest_at: datetime
    lead: Listed


@dataclass(frozen=True, slots=True)
class Waves:
    """One page of campaigns, those with the most mail first. `following` is the place of the last one."""

    items: tuple[Wave, ...]
    following: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class WaveInFull:
    """A campaign with what it is made of."""

    wave: Wave
    made_by: str  # system:judge, or who split it off
    representatives: int  # that new mail is compared with
    by_state: tuple[tuple[str, int], ...]
    by_proof: tuple[tuple[str, int], ...]  # who proves it, "" for nobody
    by_sender: tuple[tuple[str, int], ...]
    by_subject: tuple[tuple[str, int], ...]
    examples: tuple[Listed, ...]  # the newest


def waves(
    session: Session,
    wanted: Selection,
    *,
    by: Actor,
    fewest: int = 2,
    limit: int = 50,
    after: tuple[int, int] | None = None,
) -> Waves:
    """The campaigns of the selected mail that have at least `fewest` messages of it, the largest first."""
    where = and_(condition(wanted), access.visible(by), col(Delivery.campaign_id).is_not(None))
    inside = numbers(where).having(func.count(col(Delivery.message_id).distinct()) >= fewest).subquery()
    page = select(inside).order_by(inside.c.deliveries.desc(), inside.c.id.desc()).limit(limit + 1)
    if after is not None:
        count, last = after
        page = page.where(or_(inside.c.deliveries < count, and_(inside.c.deliveries == count, inside.c.id < last)))
    rows = session.execute(page).all()
    leads = {lead.id: lead for lead in some(session, [row.lead for row in rows[:limit]], by=by)}
    items = tuple(wave(row, leads[row.lead]) for row in rows[:limit] if row.lead in leads)
    return Waves(items, (rows[limit - 1].deliveries, rows[limit - 1].id) if len(rows) > limit else None)


def numbers(where: ColumnElement[bool]) -> Any:
    """One row a campaign."""
    senders = func.count(col(Delivery.author).distinct()).label("senders")
    return select(col(Delivery.campaign_id).label("id"), senders, *extent()).where(where).group_by(col(Delivery.campaign_id))


def wave(row: Row[Any], lead: Listed) -> Wave:
    """A row of `numbers` as a value."""
    return Wave(
        id=row.id,
        mails=row.mails,
        deliveries=row.deliveries,
        held=row.held,
        people=row.people,
        departments=row.departments,
        senders=row.senders,
        first_at=row.first_at,
        newest_at=row.newest_at,
        lead=lead,
    )


def campaign(session: Session, campaign_id: int, *, by: Actor) -> WaveInFull:
    """One campaign. NotFound unless some of its mail is in the actor's scope."""
    where = and_(col(Delivery.campaign_id) == campaign_id, access.visible(by))
    row = session.execute(numbers(where)).one_or_none()
    if row is None:
        raise NotFound(f"there is no campaign {show(campaign_id)}")
    newest = session.scalars(select(col(Delivery.id)).where(where).order_by(col(Delivery.id).desc()).limit(EXAMPLES))
    examples = some(session, list(newest), by=by)
    return WaveInFull(
        wave=wave(row, examples[0]),
        made_by=session.get_one(Campaign, campaign_id).made_by,
        representatives=campaigns.represented(session, [campaign_id])[campaign_id],
        by_state=most_frequent(session, col(Delivery.state), where),
        by_proof=most_frequent(session, proven_as(), where),
        by_sender=most_frequent(session, col(Delivery.author), where),
        by_subject=most_frequent(session, col(Delivery.subject), where),
        examples=examples,
    )
