"""Lists campaigns with their numbers of messages, senders, proofs and states. Read-only."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, true
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.errors import NotFound
from triage.ids import format_id
from triage.quarantine.campaigns import assign as campaigns
from triage.quarantine.search.listing import Listed, list_some
from triage.quarantine.search.selection import Selection, selection_condition
from triage.quarantine.search.selection_summary import extent_columns, most_frequent
from triage.say import say
from triage.store.db import is_among
from triage.store.models.campaigns import Campaign
from triage.store.models.deliveries import Delivery
from triage.store.queue.grouping import in_states, proven_as

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Wave:
    """A campaign as far as the actor may see of it."""

    id: int
    messages: int  # messages
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
    """Page of campaigns, those with the most messages first. `following` is the place of the last one."""

    items: tuple[Wave, ...]
    following: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class WaveInFull:
    """A campaign with what it is made of."""

    wave: Wave
    made_by: str  # system:judge, or who split it off
    representatives: int  # that new messages are compared with
    copies: int  # of any state, which are decided about together
    by_state: tuple[tuple[str, int], ...]
    by_proof: tuple[tuple[str, int], ...]  # who proves it, "" for nobody
    by_sender: tuple[tuple[str, int], ...]
    by_subject: tuple[tuple[str, int], ...]
    examples: tuple[Listed, ...]  # the newest


def list_campaigns(
    session: Session,
    wanted: Selection,
    *,
    by: Actor,
    fewest: int = 2,
    limit: int = 50,
    after: tuple[int, int] | None = None,
) -> Waves:
    """The campaigns of the selected mail that have at least `fewest` messages of it, the largest first."""
    where = and_(selection_condition(wanted), access.visible_deliveries(by))
    of_states = in_states(wanted.states) if wanted.states else true()
    places = largest_campaigns(
        session, and_(selection_condition(replace(wanted, states=())), of_states, access.visible_deliveries(by)), fewest, limit + 1, after
    )
    page = [number for number, _ in places[:limit]]
    rows = {row.id: row for row in session.execute(campaign_rows(and_(where, is_among(session, col(Delivery.campaign_id), page))))}
    leads = {lead.id: lead for lead in list_some(session, [row.lead for row in rows.values()], by=by)}
    items = tuple(campaign_of_row(rows[one], leads[rows[one].lead]) for one in page if rows[one].lead in leads)
    return Waves(items, (places[limit - 1][1], places[limit - 1][0]) if len(places) > limit else None)


def largest_campaigns(
    session: Session, where: ColumnElement[bool], fewest: int, limit: int, after: tuple[int, int] | None
) -> list[tuple[int, int]]:
    """The next campaigns, the largest first, each with its deliveries: counted in the index of campaigns, which knows no more."""
    number, deliveries = col(Delivery.campaign_id), func.count()
    found = select(number, deliveries).where(where, number.is_not(None)).group_by(number)
    found = found.having(func.count(col(Delivery.message_id).distinct()) >= fewest)
    if after is not None:
        count, last = after
        found = found.having(or_(deliveries < count, and_(deliveries == count, number < last)))
    return [(one, many) for one, many in session.execute(found.order_by(deliveries.desc(), number.desc()).limit(limit))]


def campaign_rows(where: ColumnElement[bool]) -> Any:
    """Selects a row for each campaign."""
    senders = func.count(col(Delivery.author).distinct()).label("senders")
    return select(col(Delivery.campaign_id).label("id"), senders, *extent_columns()).where(where).group_by(col(Delivery.campaign_id))


def campaign_of_row(row: Row[Any], lead: Listed) -> Wave:
    """A row of `campaign_rows` as a value."""
    return Wave(
        id=row.id,
        messages=row.messages,
        deliveries=row.deliveries,
        held=row.held,
        people=row.people,
        departments=row.departments,
        senders=row.senders,
        first_at=row.first_at,
        newest_at=row.newest_at,
        lead=lead,
    )


def get_campaign(session: Session, campaign_id: int, *, by: Actor) -> WaveInFull:
    """Returns a campaign. NotFound unless some of its messages are in the actor's scope."""
    where = and_(col(Delivery.campaign_id) == campaign_id, access.visible_deliveries(by))
    row = session.execute(campaign_rows(where)).one_or_none()
    if row is None:
        raise NotFound(say("there is no campaign {campaign_id}", campaign_id=format_id(campaign_id)))
    newest = session.scalars(select(col(Delivery.id)).where(where).order_by(col(Delivery.id).desc()).limit(EXAMPLES))
    examples = list_some(session, list(newest), by=by)
    return WaveInFull(
        wave=campaign_of_row(row, examples[0]),
        made_by=session.get_one(Campaign, campaign_id).made_by,
        representatives=campaigns.count_representatives(session, [campaign_id])[campaign_id],
        copies=session.scalar(select(func.count()).where(where, col(Delivery.is_copy))) or 0,
        by_state=most_frequent(session, col(Delivery.state), where),
        by_proof=most_frequent(session, proven_as(), where),
        by_sender=most_frequent(session, col(Delivery.author), where),
        by_subject=most_frequent(session, col(Delivery.subject), where),
        examples=examples,
    )
