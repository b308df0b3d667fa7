"""Read-only: rows counted from the deliveries themselves, where nothing is kept for the question."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, Subquery, and_, func, literal, not_, or_, select, true
from sqlmodel import Session, col

from triage.quarantine.triage_items.cached_items import Part, Pile, Piles
from triage.quarantine.triage_items.row_order import DESCENDS, Place, RowColumns, Snoozes, beyond, standing
from triage.store.models.columns import Instant
from triage.store.models.deliveries import Delivery
from triage.store.queue import grouping, sections, waiting_targets
from triage.store.queue.grouping import Group


def compute_page(session: Session, where: ColumnElement[bool], group: Group, now: datetime, part: Part) -> Piles:
    """This part of the rows."""
    is_over = waiting_targets.is_over(session, now)
    piles = count_items(by_key(key_deliveries(where, group, now, part.snoozed, is_over)), part)
    stands = standing(part.order, piles.c)
    rows = select(piles).where(piles.c.matches == 1).order_by(*part.walked(zip(stands, DESCENDS, strict=True)))
    if part.after is not None:
        rows = rows.where(beyond(stands, part.after, also=False))
    if part.at is not None:
        rows = rows.where(or_(beyond(stands, part.at, also=False), stands[3] == part.at[3]))
    if part.before is not None:
        rows = rows.where(not_(beyond(stands, part.before, also=False)), stands[3] != part.before[3])
    found = session.execute(rows.limit(part.limit)).all()
    numbers = found[0] if found else session.execute(select(piles).limit(1)).first()
    in_all = (0, 0, 0, 0)
    if numbers:
        in_all = (int(numbers.rows), int(numbers.deliveries), int(numbers.hidden), int(numbers.all_snoozed))
    return part.in_order([Pile(*row[: len(fields(Pile))]) for row in found]), {row.pile: int(row.in_pile) for row in found}, in_all


def place_at(session: Session, where: ColumnElement[bool], group: Group, now: datetime, position: int, part: Part) -> Place | None:
    """Returns the place of the row at this position, in the order and with the filter of a part; None where there are fewer."""
    piles = by_key(key_deliveries(where, group, now, part.snoozed, waiting_targets.is_over(session, now))).subquery()
    place = standing(part.order, piles.c)
    order = Part(1).walked(zip(place, DESCENDS, strict=True))
    rows = select(*place).where(is_shown(piles.c, part)).order_by(*order).limit(1).offset(position)
    found = session.execute(rows).first()
    return (found[0], found[1], found[2], found[3]) if found else None


def compute_anchors(
    session: Session, where: ColumnElement[bool], group: Group, now: datetime, every: int, part: Part
) -> tuple[tuple[tuple[int, Place], ...], int]:
    """Computes anchors: where every so many rows begin, each with its position, and the number of rows."""
    rows = key_deliveries(where, group, now, part.snoozed, waiting_targets.is_over(session, now))
    piles = (single_rows(rows) if group == "none" else by_key(rows)).subquery()
    stands = standing(part.order, piles.c)
    place = [one.label(name) for one, name in zip(stands, ("pressing", "urgency", "newest", "key"), strict=True)]
    order = Part(1).walked(zip(stands, DESCENDS, strict=True))
    position = (func.row_number().over(order_by=order) - 1).label("position")
    numbered = select(*place, position, func.count().over().label("rows")).where(is_shown(piles.c, part)).subquery()
    some_of = session.execute(select(numbered).where(numbered.c.position % every == 0).order_by(numbered.c.position)).all()
    return tuple((row.position, (*row[:4],)) for row in some_of), some_of[0].rows if some_of else 0


def count_items(piles: Select[Any], part: Part) -> Subquery:
    """The rows with whether a filter shows them, and how many deliveries are in their pile, and how many rows and deliveries it
    shows, how many rows it hides and how many are snoozed in all: counted in the one pass that finds them."""
    every = piles.subquery()
    listed, matches = is_listed(every.c, part.snoozed), is_shown(every.c, part)
    inside = select(every, grouping.as_number(matches).label("matches"), grouping.as_number(listed).label("listed")).subquery()
    counted = {
        "in_pile": func.sum(inside.c.number).over(partition_by=inside.c.pile),
        "rows": func.sum(inside.c.matches).over(),
        "deliveries": func.sum(inside.c.matches * inside.c.number).over(),
        "hidden": func.sum(inside.c.listed - inside.c.matches).over(),
        "all_snoozed": func.sum(inside.c.snoozed).over(),
    }
    return select(inside, *(column.label(name) for name, column in counted.items())).subquery()


def is_shown(columns: Any, part: Part) -> ColumnElement[bool]:
    """The rows of `by_key` that a list shows: its filter picks them, and they are not snoozed, or are what is asked for."""
    return and_(part.only.condition(filtered(columns)), is_listed(columns, part.snoozed))


def is_listed(columns: Any, snoozed: Snoozes | None) -> ColumnElement[bool]:
    """The rows of `by_key` that are listed unless a filter leaves them out: those that are not snoozed, or only those that are."""
    return columns.snoozed == int(snoozed.shown) if snoozed else true()


def filtered(columns: Any) -> RowColumns:
    """The columns of `by_key` that a filter asks."""
    return RowColumns(columns.severity, columns.verified == 1, columns.attachments == 1, columns.language)


def key_deliveries(
    where: ColumnElement[bool], group: Group, now: datetime, snoozed: Snoozes | None = None, is_over: ColumnElement[bool] | None = None
) -> Subquery:
    """The deliveries with the key of the row they belong to. `is_over`: as in `section_order`."""
    return (
        select(
            grouping.item_key(group).label("key"),
            grouping.pile_key(group).label("pile"),
            col(Delivery.id),
            col(Delivery.department),
            col(Delivery.person),
            col(Delivery.received_at),
            col(Delivery.weight),
            grouping.severity_column().label("severity"),
            col(Delivery.urgency),
            grouping.time_limit_at(now).label("time_limited_until"),
            sections.section_order(now, is_over).label("pressing"),
            col(Delivery.author),
            grouping.verified_column().label("verified"),
            grouping.attachments_column().label("attachments"),
            grouping.language_column().label("language"),
            (grouping.as_number(snoozed.which) if snoozed else literal(0)).label("snoozed"),
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
        func.min(rows.c.received_at, type_=Instant).label("oldest"),
        func.min(rows.c.author).label("sender"),
        grouping.all_true(rows.c.verified).label("verified"),
        grouping.any_true(rows.c.attachments).label("attachments"),
        grouping.common_text(rows.c.language).label("language"),
        func.min(rows.c.snoozed).label("snoozed"),
    ).group_by(rows.c.key)


def single_rows(rows: Subquery) -> Select[Any]:
    """Each delivery as a row of its own, in the columns of `by_key`."""
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
        rows.c.received_at.label("oldest"),
        rows.c.author.label("sender"),
        grouping.as_number(rows.c.verified).label("verified"),
        grouping.as_number(rows.c.attachments).label("attachments"),
        rows.c.language,
        rows.c.snoozed,
    )
