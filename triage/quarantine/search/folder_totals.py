"""Piles of held messages: found by an index, and added up folder by folder, so that every view's rows can be made of the parts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true
from sqlmodel import Session, col

from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.columns import Instant
from triage.store.models.counts import Touched
from triage.store.models.deliveries import Delivery
from triage.store.queue import grouping, sections
from triage.store.queue.dirty_counts import Source
from triage.store.queue.grouping import Group, in_states

ALONE, CAMPAIGN = re.compile("#[0-9]+"), re.compile("[0-9]+")  # piles that are no author's address


@dataclass(slots=True)
class Part:
    """Deliveries of one row in one folder; the sum over folders is the row."""

    pile: str
    key: str
    department: str
    person: str
    number: int
    urgency: int
    weight: int
    severity: int
    newest: datetime
    time_limited_until: datetime
    pressing: datetime
    lead: int
    oldest: datetime
    sender: str
    verified: int
    attachments: int
    language: str


def item_parts(
    which: ColumnElement[bool], group: Group, now: datetime, is_over: ColumnElement[bool] | None = None
) -> Select[*tuple[Any, ...]]:
    """The parts of the rows of the held messages that `which` names, in the order of their piles. `is_over`: as in `section_order`."""
    key, pile = grouping.item_key(group).label("key"), grouping.pile_key(group).label("pile")
    place = (pile, key, col(Delivery.department), col(Delivery.person))
    return (
        select(
            *place,
            func.count(),
            func.max(col(Delivery.urgency)),
            func.max(col(Delivery.weight)),
            func.max(grouping.severity_column()),
            func.max(col(Delivery.received_at), type_=Instant),
            func.min(grouping.time_limit_at(now), type_=Instant),
            func.min(sections.section_order(now, is_over), type_=Instant),
            func.max(col(Delivery.id)),
            func.min(col(Delivery.received_at), type_=Instant),
            func.min(col(Delivery.author)),
            grouping.all_true(grouping.verified_column()),
            grouping.any_true(grouping.attachments_column()),
            grouping.common_text(grouping.language_column()),
        )
        .where(in_states((State.HELD,)), grouping.SHOWN, which)
        .group_by(*place)
        .order_by(pile, key)
    )


def pile_of(one: Touched | Source, group: Group) -> str:
    """The pile of what was touched, as `grouping.pile_key` names it."""
    if group == "campaign" and one.campaign_id is not None:
        return str(one.campaign_id)
    return one.author or f"#{one.alone}"


def campaigns_among(piles: Iterable[str], group: Group) -> set[str]:
    """Returns those of the piles that belong to a campaign."""
    return {pile for pile in piles if group == "campaign" and CAMPAIGN.fullmatch(pile)}


def by_index(piles: Iterable[str], group: Group) -> list[set[str]]:
    """Splits these piles by the index that finds them: queried together, no index would be used."""
    campaigns = campaigns_among(piles, group)
    return [some for some in (campaigns, set(piles) - campaigns) if some]


def in_piles(session: Session, piles: Iterable[str], group: Group) -> ColumnElement[bool]:
    """The deliveries of these piles, each found by an index. An author's address may begin with # too."""
    alone = {pile for pile in piles if ALONE.fullmatch(pile)}
    campaigns = campaigns_among(piles, group)
    authors = set(piles) - alone - campaigns
    like_no_other = no_campaign() if group == "campaign" else true()
    ways = [
        (campaigns, is_among(session, col(Delivery.campaign_id), map(int, campaigns))),
        (authors, and_(col(Delivery.author).in_(authors), col(Delivery.author) != "", like_no_other)),
        (alone, and_(is_among(session, col(Delivery.id), [int(pile[1:]) for pile in alone]), like_no_other)),
    ]
    return or_(false(), *(way for some, way in ways if some))


def no_campaign() -> ColumnElement[bool]:
    """Whether it is like no other. As a filter: an index would lead through all messages from before there were campaigns."""
    return func.coalesce(col(Delivery.campaign_id), 0) == 0
