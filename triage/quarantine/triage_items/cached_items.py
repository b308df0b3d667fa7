"""Read-only: rows from the cached counts, exact at every moment: what was touched since is left to who asks."""

import operator
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, not_, select, tuple_
from sqlmodel import Session, col

from triage.quarantine.search.folder_totals import pile_of
from triage.quarantine.triage_items.folder_views import View
from triage.quarantine.triage_items.row_order import EVERY_ROW, Place, RowColumns, RowFilter, RowOrder, Snoozes, standing_place
from triage.store.db import OneOf
from triage.store.models.columns import Instant
from triage.store.models.counts import CachedItem, CachedTotal, CachedView, PageAnchor
from triage.store.queue import dirty_counts
from triage.store.queue.grouping import Group
from triage.times import from_micros, to_micros

EVERYTHING = 0  # the view of the anchors of all held messages, each a row


@dataclass(frozen=True, slots=True)
class Pile:
    """A row's numbers."""

    pressing: datetime
    urgency: int
    newest: datetime
    key: str
    time_limited_until: datetime
    weight: int
    severity: int
    pile: str
    number: int
    people: int
    departments: int
    lead: int
    oldest: datetime
    sender: str

    def rank(self, order: RowOrder) -> tuple[datetime, int, int, str]:
        """Sort key of a row."""
        return rank_of(standing_place(order, self))


Numbers = tuple[int, int, int, int]  # rows and deliveries that a list shows in all; rows that its filter hides, and that are snoozed
Piles = tuple[list[Pile], dict[str, int], Numbers]  # in order; how much lies in the pile of each


@dataclass(frozen=True, slots=True)
class Part:
    """Part of a list of rows in an order: so many after a place, from one on, before one, or the last of all."""

    limit: int
    after: Place | None = None
    at: Place | None = None
    before: Place | None = None
    end: bool = False
    order: RowOrder = "priority"
    only: RowFilter = EVERY_ROW
    snoozed: Snoozes | None = None

    @property
    def backwards(self) -> bool:
        """Whether it is read from its end."""
        return self.end or self.before is not None

    def walked(self, order: Iterable[tuple[Any, bool]]) -> list[ColumnElement[Any]]:
        """An order of columns, each with whether it descends, in the direction in which this part is read."""
        return [column.desc() if descends != self.backwards else column.asc() for column, descends in order]

    def in_order(self, piles: list[Pile]) -> list[Pile]:
        """Puts what was read in that direction into the order of the list."""
        return piles[::-1] if self.backwards else piles

    def of(self, piles: list[Pile]) -> list[Pile]:
        """This part of piles that are in the list's order."""
        return piles[-self.limit :] if self.backwards else piles[: self.limit]


@dataclass(frozen=True, slots=True)
class CachedItems:
    """A view's rows, apart from the piles that were touched since they were counted."""

    view: int
    group: Group
    touched: frozenset[str]
    snoozed: tuple[tuple[str, int], ...] = ()  # rows that are left out, each with its number of deliveries


def rank_of(place: Place) -> tuple[datetime, int, int, str]:
    """A place as the database sorts it: everything ascending."""
    return place[0], -place[1], -to_micros(place[2]), place[3]


VIEW = select(col(CachedView.id)).where(col(CachedView.name) == bindparam("name"), col(CachedView.ready))
MINE = and_(col(CachedItem.view) == bindparam("view"), col(CachedItem.grouped) == bindparam("grouped"))
LATE = select(col(CachedItem.pile)).where(MINE, col(CachedItem.time_limited_until) <= bindparam("now", type_=Instant))


def cached_view(session: Session, view: View, group: Group, now: datetime) -> CachedItems | None:
    """Returns the cached view; None where there is none (yet), or too much was touched since."""
    number = session.scalar(VIEW, {"name": view.name})
    rows = dirty_counts.since_folding(session)
    if number is None or rows is None:
        return None
    late = session.scalars(LATE, {"view": number, "grouped": group, "now": now}).all()
    return CachedItems(number, group, frozenset(late) | {pile_of(one, group) for one in rows})


VALID = and_(MINE, not_(OneOf(col(CachedItem.pile), "touched")))  # the cached rows that still hold
HOLDING = and_(VALID, not_(OneOf(col(CachedItem.key), "snoozed")))  # those of them that are not snoozed
AMONG = select(col(CachedItem.key), col(CachedItem.number)).where(VALID, OneOf(col(CachedItem.key), "keys"))
ORDERS: dict[RowOrder, tuple[tuple[int, Any], ...]] = {  # columns, each with which part of a place it is compared with
    "priority": tuple(enumerate((col(CachedItem.pressing), col(CachedItem.calm), col(CachedItem.age), col(CachedItem.key)))),
    "risk": ((1, col(CachedItem.mild)), (2, col(CachedItem.age)), (3, col(CachedItem.key))),
    "wait": ((0, col(CachedItem.oldest)), (3, col(CachedItem.key))),
    "sender": ((3, col(CachedItem.sender)),),
}
FILTERED = RowColumns(col(CachedItem.severity), col(CachedItem.verified), col(CachedItem.attachments), col(CachedItem.language))
MOST_QUESTIONS = 200  # that are kept made


def cached_key(found: CachedItems) -> dict[str, Any]:
    """Parameters of HOLDING."""
    return {"view": found.view, "grouped": found.group, "touched": found.touched, "snoozed": {key for key, _ in found.snoozed}}


def leave_out_snoozed(session: Session, found: CachedItems, numbers: dict[str, int]) -> CachedItems:
    """Leaves out the rows of which so many deliveries are snoozed as they have; the others are listed whole."""
    rows = session.execute(AMONG, cached_key(found) | {"keys": set(numbers)})
    return replace(found, snoozed=tuple((key, number) for key, number in rows if numbers[key] >= number))


def cached_page(session: Session, found: CachedItems, part: Part, *, skip: int = 0) -> list[Pile]:
    """Cached rows in their order."""
    places = {name: place for name, place in (("after", part.after), ("at", part.at), ("before", part.before)) if place is not None}
    words = cached_key(found) | {"limit": part.limit, "skip": skip}
    for name, place in places.items():
        words |= as_row(name, place)
    rows = session.scalars(page_of(frozenset(places), part.backwards, part.order, part.only), words)
    return part.in_order([as_pile(one) for one in rows])


@lru_cache(MOST_QUESTIONS)
def page_of(places: frozenset[str], backwards: bool, order: RowOrder, only: RowFilter) -> Select[CachedItem]:
    """The question of `cached_page`, made once."""
    columns = ORDERS[order]
    walked = Part(0, end=backwards).walked((column, False) for _, column in columns)
    rows = select(CachedItem).where(HOLDING).order_by(*walked).limit(bindparam("limit")).offset(bindparam("skip"))
    if only != EVERY_ROW:
        rows = rows.where(only.condition(FILTERED))
    here = tuple_(*(column for _, column in columns))
    ways = {"after": operator.gt, "at": operator.ge, "before": operator.lt}
    return rows.where(*(ways[name](here, row_of(name, order)) for name in sorted(places)))


def row_of(name: str, order: RowOrder) -> ColumnElement[Any]:
    """A place as the database compares it with rows in this order."""
    return tuple_(*(bindparam(f"{name}_{number}", type_=column.type) for number, column in ORDERS[order]))


def as_row(name: str, place: Place) -> dict[str, Any]:
    """The values of `row_of`."""
    return {f"{name}_{number}": value for number, value in enumerate(rank_of(place))}


def as_pile(one: CachedItem) -> Pile:
    """A row as a value."""
    return Pile(
        one.pressing,
        -one.calm,
        from_micros(-one.age),
        one.key,
        one.time_limited_until,
        one.weight,
        one.severity,
        one.pile,
        one.number,
        one.people,
        one.departments,
        one.lead,
        one.oldest,
        one.sender.removesuffix(f" {one.key}"),
    )


def count_cached(session: Session, found: CachedItems) -> tuple[int, int]:
    """Counts the cached rows that are still valid, and their deliveries."""
    total = session.get(CachedTotal, (found.view, found.group), populate_existing=True)
    if total is None:
        return 0, 0
    rows, messages = total.rows - len(found.snoozed), total.deliveries - sum(number for _, number in found.snoozed)
    if not found.touched:
        return rows, messages
    stale = (col(CachedItem.view) == found.view) & (col(CachedItem.grouped) == found.group) & col(CachedItem.pile).in_(found.touched)
    items, deliveries = session.execute(select(func.count(), func.coalesce(func.sum(col(CachedItem.number)), 0)).where(stale)).one()
    return rows - items, messages - int(deliveries)


SIZES = (
    select(col(CachedItem.pile), func.sum(col(CachedItem.number)))
    .where(VALID, OneOf(col(CachedItem.pile), "piles"))
    .group_by(col(CachedItem.pile))
)


def count_filtered(session: Session, found: CachedItems, only: RowFilter) -> tuple[int, int]:
    """Counts the cached rows that are still valid and that a filter shows, and their deliveries."""
    rows = select(func.count(), func.coalesce(func.sum(col(CachedItem.number)), 0)).where(HOLDING, only.condition(FILTERED))
    items, deliveries = session.execute(rows, cached_key(found)).one()
    return items, int(deliveries)


def pile_sizes(session: Session, found: CachedItems, piles: set[str]) -> dict[str, int]:
    """Counts the deliveries of each of these piles, on whatever row."""
    return {pile: int(number) for pile, number in session.execute(SIZES, cached_key(found) | {"piles": piles})}


def place_at(session: Session, found: CachedItems, position: int, order: RowOrder, only: RowFilter) -> Place | None:
    """Returns the place of the row at a position, counted on from the last anchor before it; None where there are fewer rows.

    Only all rows by priority have anchors; others are counted from the first one on, in an index.
    """
    plain = order == "priority" and only == EVERY_ROW and not found.snoozed
    begins, place = (anchor_before(session, found.view, found.group, position) if plain else None) or (0, None)
    piles = cached_page(session, found, Part(1, at=place, order=order, only=only), skip=position - begins)
    return standing_place(order, piles[0]) if piles else None


def anchor_before(session: Session, view: int, group: Group, position: int) -> tuple[int, Place] | None:
    """The last anchor before a position, as of some seconds ago."""
    rows = anchors_of(view, group).where(col(PageAnchor.position) <= position)
    one = session.scalars(rows.order_by(col(PageAnchor.position).desc()).limit(1)).first()
    return as_anchor(one) if one else None


def cached_anchors(session: Session, view: int, group: Group) -> list[tuple[int, Place]]:
    """Returns the places of anchors, at which every so many rows begin, as of some seconds ago."""
    return [as_anchor(one) for one in session.scalars(anchors_of(view, group).order_by(col(PageAnchor.position)))]


def anchors_of(view: int, group: Group) -> Any:
    """A view's anchors."""
    return select(PageAnchor).where(col(PageAnchor.view) == view, col(PageAnchor.grouped) == group)


def as_anchor(one: PageAnchor) -> tuple[int, Place]:
    """A row as values."""
    return one.position, (one.pressing, -one.calm, from_micros(-one.age), one.key)
