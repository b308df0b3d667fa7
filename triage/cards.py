"""Read-only: the queue as cards, deliveries that are decided together."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, String, Subquery, and_, case, func, literal, or_, select
from sqlmodel import Session, col

from triage import grouping
from triage.actor import Actor
from triage.grouping import Group
from triage.listings import Listed, seen, some
from triage.models import Delivery, Instant
from triage.order import PRESSING
from triage.selection import UNPROVEN, Selection

CARD_IDS = 500  # ids that a card carries at most
NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # sorts what does not perish behind what does


@dataclass(frozen=True, slots=True)
class Card:
    """Deliveries that are decided together."""

    key: str
    count: int
    apart: int  # more of the same campaign or sender that prove differently who sent them: other cards
    people: int  # distinct
    departments: int  # distinct
    newest_at: datetime
    weight: int  # the greatest
    urgency: int  # the greatest
    perishable_until: datetime | None  # the soonest that has not passed
    lead: Listed
    ids: tuple[int, ...]  # newest first, at most CARD_IDS
    select: Selection  # all of it, whatever its state


@dataclass(frozen=True, slots=True)
class Cards:
    """One page of cards. `cards` and `deliveries` count all pages."""

    items: tuple[Card, ...]
    following: tuple[Any, ...] | None
    deliveries: int
    cards: int


def cards(
    session: Session,
    wanted: Selection,
    *,
    by: Actor,
    now: datetime,
    group: Group = "sender",
    limit: int = 50,
    after: tuple[Any, ...] | None = None,
) -> Cards:
    """Deliveries in the actor's scope as cards: what perishes and may be wanted first, then by urgency, then the newest.

    What proves differently who sent it is never on one card: nobody lets a forgery go along with what it copies.
    `after` is the place of the last card seen: (perishable_until or NEVER, urgency, newest_at, key).
    """
    rows = keyed(seen(wanted, by), group, now)
    piles = counted(one_by_one(rows) if group == "none" else by_key(rows))
    page = select(piles).order_by(piles.c.pressing, piles.c.urgency.desc(), piles.c.newest.desc(), piles.c.key)
    found = session.execute((page if after is None else page.where(behind(piles, after))).limit(limit + 1)).all()
    numbers = found[0] if found else session.execute(select(piles).limit(1)).first()
    ids = ids_of(session, rows, [pile.key for pile in found[:limit]])
    leads = {lead.id: lead for lead in some(session, [pile.lead for pile in found[:limit]], by=by)}
    items = tuple(card(pile, leads[pile.lead], ids[pile.key], group) for pile in found[:limit] if pile.lead in leads)
    following = tuple(found[limit - 1][:4]) if len(found) > limit else None
    return Cards(items, following, int(numbers.deliveries) if numbers else 0, numbers.cards if numbers else 0)


def counted(piles: Select[Any]) -> Subquery:
    """The cards with how many cards and deliveries there are in all, and in their pile: counted in the one pass that finds them."""
    inside = piles.subquery()
    in_pile = func.sum(inside.c.number).over(partition_by=inside.c.pile).label("in_pile")
    return select(inside, in_pile, func.count().over().label("cards"), func.sum(inside.c.number).over().label("deliveries")).subquery()


def keyed(where: ColumnElement[bool], group: Group, now: datetime) -> Subquery:
    """The deliveries with the key of the card they belong to."""
    until, never = col(Delivery.perishable_until), literal(NEVER, Instant)
    perishable = case((until > now, until), else_=never)
    pressing = case((and_(until > now, col(Delivery.urgency) >= PRESSING), until), else_=never)
    return (
        select(
            grouping.key(group).label("key"),
            grouping.pile(group).label("pile"),
            col(Delivery.id),
            col(Delivery.department),
            col(Delivery.person),
            col(Delivery.received_at),
            col(Delivery.weight),
            col(Delivery.urgency),
            perishable.label("perishable"),
            pressing.label("pressing"),
        )
        .where(where)
        .subquery()
    )


def by_key(rows: Subquery) -> Select[Any]:
    """One row a card."""
    folder = rows.c.department + literal("+", String) + rows.c.person
    return select(
        func.min(rows.c.pressing, type_=Instant).label("pressing"),
        func.max(rows.c.urgency).label("urgency"),
        func.max(rows.c.received_at, type_=Instant).label("newest"),
        rows.c.key,
        func.min(rows.c.perishable, type_=Instant).label("perishable"),
        func.max(rows.c.weight).label("weight"),
        func.max(rows.c.pile).label("pile"),
        func.count().label("number"),
        func.count(folder.distinct()).label("people"),
        func.count(rows.c.department.distinct()).label("departments"),
        func.max(rows.c.id).label("lead"),
    ).group_by(rows.c.key)


def one_by_one(rows: Subquery) -> Select[Any]:
    """Each delivery as a card of its own, in the columns of `by_key`."""
    one = literal(1)
    return select(
        rows.c.pressing,
        rows.c.urgency,
        rows.c.received_at.label("newest"),
        rows.c.key,
        rows.c.perishable,
        rows.c.weight,
        rows.c.pile,
        one.label("number"),
        one.label("people"),
        one.label("departments"),
        rows.c.id.label("lead"),
    )


def behind(piles: Subquery, after: tuple[Any, ...]) -> ColumnElement[bool]:
    """The cards that come after this place in the order of `cards`."""
    pressing, urgency, newest, key = after
    return or_(
        piles.c.pressing > pressing,
        and_(
            piles.c.pressing == pressing,
            or_(
                piles.c.urgency < urgency,
                and_(piles.c.urgency == urgency, or_(piles.c.newest < newest, and_(piles.c.newest == newest, piles.c.key > key))),
            ),
        ),
    )


def ids_of(session: Session, rows: Subquery, keys: list[str]) -> dict[str, list[int]]:
    """The newest ids of each of these cards."""
    found: dict[str, list[int]] = {key: [] for key in keys}
    place = func.row_number().over(partition_by=rows.c.key, order_by=rows.c.id.desc()).label("place")
    placed = select(rows.c.key, rows.c.id, place).where(rows.c.key.in_(keys)).subquery()
    for key, one in session.execute(select(placed.c.key, placed.c.id).where(placed.c.place <= CARD_IDS).order_by(placed.c.id.desc())):
        found[key].append(one)
    return found


def card(pile: Row[Any], lead: Listed, ids: list[int], group: Group) -> Card:
    """A card as a value."""
    return Card(
        key=pile.key,
        count=pile.number,
        apart=int(pile.in_pile) - pile.number,
        people=pile.people,
        departments=pile.departments,
        newest_at=pile.newest,
        weight=pile.weight,
        urgency=pile.urgency,
        perishable_until=None if pile.perishable == NEVER else pile.perishable,
        lead=lead,
        ids=tuple(ids),
        select=whole(lead, group),
    )


def whole(lead: Listed, group: Group) -> Selection:
    """All that is on the card of this delivery."""
    proof = lead.author_domain if lead.proof else UNPROVEN
    if group == "campaign" and lead.campaign is not None:
        return Selection(campaign=lead.campaign, proof=proof)
    return Selection(sender=lead.author, proof=proof) if group != "none" and lead.author else Selection(ids=(lead.id,))
