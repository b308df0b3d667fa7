"""Read-only: cards counted from the deliveries themselves, where nothing is kept for the question."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, Subquery, and_, func, literal, not_, or_, select
from sqlmodel import Session, col

from triage.quarantine.cards.cached_cards import Part, Pile, Piles, Place
from triage.store.models.columns import Instant
from triage.store.models.deliveries import Delivery
from triage.store.queue import grouping, sections
from triage.store.queue.grouping import Group


def compute_page(session: Session, where: ColumnElement[bool], group: Group, now: datetime, part: Part) -> Piles:
    """This part of the cards."""
    piles = count_cards(by_key(key_deliveries(where, group, now)))
    order = ((piles.c.pressing, False), (piles.c.urgency, True), (piles.c.newest, True), (piles.c.key, False))
    rows = select(piles).order_by(*part.walked(order))
    if part.after is not None:
        rows = rows.where(cards_behind(piles, part.after))
    if part.at is not None:
        rows = rows.where(or_(cards_behind(piles, part.at), piles.c.key == part.at[3]))
    if part.before is not None:
        rows = rows.where(not_(cards_behind(piles, part.before)), piles.c.key != part.before[3])
    found = session.execute(rows.limit(part.limit)).all()
    numbers = found[0] if found else session.execute(select(piles).limit(1)).first()
    in_all = (int(numbers.cards), int(numbers.deliveries)) if numbers else (0, 0)
    return part.in_order([Pile(*row[: len(fields(Pile))]) for row in found]), {row.pile: int(row.in_pile) for row in found}, in_all


def place_at(session: Session, where: ColumnElement[bool], group: Group, now: datetime, position: int) -> Place | None:
    """Returns the place of the row at this position; None where there are fewer."""
    piles = by_key(key_deliveries(where, group, now)).subquery()
    place = (piles.c.pressing, piles.c.urgency, piles.c.newest, piles.c.key)
    rows = select(*place).order_by(place[0], place[1].desc(), place[2].desc(), place[3]).limit(1).offset(position)
    found = session.execute(rows).first()
    return (found[0], found[1], found[2], found[3]) if found else None


def compute_anchors(
    session: Session, where: ColumnElement[bool], group: Group, now: datetime, every: int
) -> tuple[tuple[tuple[int, Place], ...], int]:
    """Computes anchors: where every so many rows begin, each with its position, and the number of rows."""
    rows = key_deliveries(where, group, now)
    piles = (single_rows(rows) if group == "none" else by_key(rows)).subquery()
    order = (piles.c.pressing, piles.c.urgency.desc(), piles.c.newest.desc(), piles.c.key)
    position = (func.row_number().over(order_by=order) - 1).label("position")
    numbered = select(
        piles.c.pressing, piles.c.urgency, piles.c.newest, piles.c.key, position, func.count().over().label("cards")
    ).subquery()
    some_of = session.execute(select(numbered).where(numbered.c.position % every == 0).order_by(numbered.c.position)).all()
    return tuple((row.position, (*row[:4],)) for row in some_of), some_of[0].cards if some_of else 0


def count_cards(piles: Select[Any]) -> Subquery:
    """The cards with how many cards and deliveries there are in all, and in their pile: counted in the one pass that finds them."""
    inside = piles.subquery()
    in_pile = func.sum(inside.c.number).over(partition_by=inside.c.pile).label("in_pile")
    return select(inside, in_pile, func.count().over().label("cards"), func.sum(inside.c.number).over().label("deliveries")).subquery()


def key_deliveries(where: ColumnElement[bool], group: Group, now: datetime) -> Subquery:
    """The deliveries with the key of the card they belong to."""
    return (
        select(
            grouping.card_key(group).label("key"),
            grouping.pile_key(group).label("pile"),
            col(Delivery.id),
            col(Delivery.department),
            col(Delivery.person),
            col(Delivery.received_at),
            col(Delivery.weight),
            grouping.severity_column().label("severity"),
            col(Delivery.urgency),
            grouping.time_limit_at(now).label("time_limited_until"),
            sections.section_order(now).label("pressing"),
        )
        .where(where)
        .subquery()
    )


def by_key(rows: Subquery) -> Select[Any]:
    """Groups messages into rows of the queue."""
    folder = rows.c.department + literal("+", String) + rows.c.person
    return select(
        func.min(rows.c.pressing, type_=Instant).label("pressing"),
        func.max(rows.c.urgency).label("urgency"),
        func.max(rows.c.received_at, type_=Instant).label("newest"),
        rows.c.key,
        func.min(rows.c.time_limited_until, type_=Instant).label("time_limited_until"),
        func.max(rows.c.weight).label("weight"),
        func.max(rows.c.severity).label("severity"),
        func.max(rows.c.pile).label("pile"),
        func.count().label("number"),
        func.count(folder.distinct()).label("people"),
        func.count(rows.c.department.distinct()).label("departments"),
        func.max(rows.c.id).label("lead"),
    ).group_by(rows.c.key)


def single_rows(rows: Subquery) -> Select[Any]:
    """Each delivery as a card of its own, in the columns of `by_key`."""
    one = literal(1)
    return select(
        rows.c.pressing,
        rows.c.urgency,
        rows.c.received_at.label("newest"),
        rows.c.key,
        rows.c.time_limited_until,
        rows.c.weight,
        rows.c.severity,
        rows.c.pile,
        one.label("number"),
        one.label("people"),
        one.label("departments"),
        rows.c.id.label("lead"),
    )


def cards_behind(piles: Subquery, after: Place) -> ColumnElement[bool]:
    """The cards that come after this place in the list."""
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
