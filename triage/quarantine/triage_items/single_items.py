"""Read-only: each delivery as a row of its own, walked along an index, section by section; from the end the other way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, not_, or_, select, true, tuple_
from sqlmodel import Session, col

from triage.quarantine.triage_items.cached_items import Part, Pile
from triage.quarantine.triage_items.row_order import DESCENDS, Place, RowOrder, beyond, standing
from triage.store.models.columns import Instant
from triage.store.models.deliveries import Delivery
from triage.store.queue import grouping, sections, waiting_targets
from triage.store.queue.assistant_lane import has_lane, is_in_lane
from triage.store.queue.grouping import NEVER
from triage.store.queue.sections import ACT_NOW, ASSUMED, BEGINNINGS, KNOWN, OVER_TARGET, Section

Order = tuple[tuple[Any, bool], ...]  # columns, each with whether it descends
BY_URGENCY: Order = ((col(Delivery.urgency), True), (col(Delivery.received_at), True), (grouping.item_key("none"), False))
SORTED: Order = ((col(Delivery.urgency) + 0, True), *BY_URGENCY[1:])  # the same, which no index has

MOST_FOUND = 2000  # deliveries to act on, or over their target, that are sorted; where there are more, they are met soon enough


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Deliveries that are listed. `beside`: the same as a filter, where something else than their states finds them."""

    where: ColumnElement[bool]
    beside: ColumnElement[bool]
    order: RowOrder = "priority"


@dataclass(frozen=True, slots=True)
class Band:
    """Deliveries that stand together in the order: those for which `which` holds, sorted by `pressing` first."""

    since: datetime  # what they are sorted by first is this or later
    where: ColumnElement[bool]
    pressing: Any
    order: Order
    timed: bool = False  # each has its own end


def single_page(session: Session, query: ListQuery, now: datetime, part: Part) -> list[Pile]:
    """This part of the deliveries of a query, as rows."""
    piles: list[Pile] = []
    for rows, order in plan_walks(session, query, now, part):
        for row in session.execute(rows.order_by(*part.walked(order)).limit(part.limit - len(piles))):
            piles.append(Pile(*row[4:11], row[7], 1, 1, 1, row[11], row[6], row[12]))  # type: ignore[call-arg]
        if len(piles) == part.limit:
            break
    return part.in_order(piles)


def place_at(session: Session, query: ListQuery, now: datetime, nth: int, begin: Place | None = None) -> Place | None:
    """Returns the place of the nth of these deliveries, from 0 and from a place on; None where there are fewer."""
    part = Part(1, at=begin)
    for rows, order in plan_walks(session, query, now, part):
        if found := session.execute(rows.order_by(*part.walked(order)).limit(1).offset(nth)).first():  # first its place
            return found[0], found[1], found[2], found[3]
        nth -= session.scalar(select(func.count()).select_from(rows.subquery())) or 0
    return None


def plan_walks(session: Session, query: ListQuery, now: datetime, part: Part) -> Iterator[tuple[Select[Any], Order]]:
    """Yields the queries that are read one after the other for a part, each with its order in the list."""
    if query.order != "priority":
        yield walk_in_order(query, now, part, waiting_targets.is_over(session, now))
        return
    bands = bands_of(session, query, now)
    for number in range(len(bands))[:: -1 if part.backwards else 1]:
        band, until = bands[number], bands[number + 1].since if number + 1 < len(bands) else None
        within = band_part(part, band, until)
        if within is not None:
            place = (band.pressing, col(Delivery.urgency), col(Delivery.received_at), grouping.item_key("none"))
            yield select(*place, *columns_of(band.pressing, now)).where(band.where, *within), band.order


def columns_of(pressing: Any, now: datetime) -> tuple[Any, ...]:
    """The columns of a row, behind those of its place."""
    stands = (pressing, col(Delivery.urgency), col(Delivery.received_at), grouping.item_key("none"))
    rated = (grouping.time_limit_at(now), col(Delivery.weight), grouping.severity_column())
    return tuple(one.label(f"item_{number}") for number, one in enumerate((*stands, *rated, col(Delivery.id), col(Delivery.author))))


class Standing:
    """The columns of a delivery by which `row_order.standing` sorts it as a row."""

    oldest = newest = col(Delivery.received_at)
    sender, weight = col(Delivery.author), col(Delivery.weight)
    severity, key = grouping.severity_column(), grouping.item_key("none")


def walk_in_order(query: ListQuery, now: datetime, part: Part, is_over: ColumnElement[bool] | None) -> tuple[Select[Any], Order]:
    """Returns the query for a part of the deliveries in another order than that of the queue, whatever section they are in."""
    stands = standing(query.order, Standing)
    within = [beyond(stands, place, also=also) for place, also in ((part.after, False), (part.at, True)) if place]
    within += [not_(beyond(stands, part.before, also=True))] if part.before else []
    rows = select(*stands, *columns_of(sections.section_order(now, is_over), now)).where(query.where, *within)
    return rows, tuple(zip(stands, DESCENDS, strict=True))


def bands_of(session: Session, query: ListQuery, now: datetime) -> list[Band]:
    """Returns the sections of the list in order: to act on, with a stated end, with an assumed one, over the target, the rest."""
    number = sections.number_to_act_on(session, query.beside, MOST_FOUND + 1)
    to_act_on = and_(query.where, sections.is_to_act_on()) if number > MOST_FOUND else and_(query.beside, sections.among_few())
    calm = not_(sections.is_to_act_on()) if number else true()
    until, assumed = col(Delivery.time_limited_until), col(Delivery.lifetime_assumed)
    timeless = and_(calm, or_(until.is_(None), until <= now))
    by_end: Order = ((until, False), *BY_URGENCY)
    first, others = literal(ACT_NOW, Instant), and_(query.where, calm)
    return [
        *([Band(ACT_NOW, to_act_on, first, BY_URGENCY)] if number else []),
        Band(BEGINNINGS[Section.TIME_LIMITED], and_(others, until > now, not_(assumed)), until, by_end, timed=True),
        Band(ACT_NOW + ASSUMED, and_(others, until > now, assumed), sections.sorting_end(), by_end, timed=True),
        *by_target(session, query, timeless, now),
    ]


def by_target(session: Session, query: ListQuery, timeless: ColumnElement[bool], now: datetime) -> list[Band]:
    """Returns the sections of what is not time-limited: over the target, the rest, and what is held for an assistant only."""
    targets = waiting_targets.known_targets(session)
    number = waiting_targets.count_over(session, targets, query.beside, now, MOST_FOUND + 1)
    rest = and_(query.where, timeless)
    if not number:
        return rest_and_known(session, rest)
    is_over = targets.over_condition(now)
    over = Band(OVER_TARGET, and_(rest, is_over), literal(OVER_TARGET, Instant), BY_URGENCY)
    if number <= MOST_FOUND:
        over = replace(over, where=and_(query.beside, timeless, targets.among_oldest(now)), order=SORTED)
    return [over, *rest_and_known(session, and_(rest, not_(is_over)))]


def rest_and_known(session: Session, where: ColumnElement[bool]) -> list[Band]:
    """Returns the last two sections of these deliveries."""
    if not has_lane(session):
        return [Band(NEVER, where, literal(NEVER, Instant), BY_URGENCY)]
    known = is_in_lane()
    return [
        Band(NEVER, and_(where, not_(known)), literal(NEVER, Instant), BY_URGENCY),
        Band(KNOWN, and_(where, known), literal(KNOWN, Instant), BY_URGENCY),
    ]


def band_part(part: Part, band: Band, until: datetime | None) -> list[ColumnElement[bool]] | None:
    """Returns the conditions for the deliveries of a band within a part; None where there are none. `until`: where the next band begins."""
    found: list[ColumnElement[bool]] = []
    for place, behind, inclusive in ((part.after, True, False), (part.at, True, True), (part.before, False, False)):
        if place is None:
            continue
        if until is not None and place[0] >= until:  # the place lies behind all of these
            if behind:
                return None
        elif place[0] < band.since:  # or before them
            if not behind:
                return None
        else:
            found.append(after_place(place, band, inclusive) if behind else before_place(place, band))
    return found


def after_place(place: Place, band: Band, inclusive: bool) -> ColumnElement[bool]:
    """Condition: deliveries of a place's band that come after the place. The first comparison is one for the index."""
    key = grouping.item_key("none")
    standing, there = tuple_(col(Delivery.urgency), col(Delivery.received_at)), sort_place(place)
    same = and_(standing == there, key >= place[3] if inclusive else key > place[3])
    later = and_(standing <= there, or_(standing < there, same))
    if not band.timed:
        return later
    end = literal(place[0], Instant)
    return or_(band.pressing > end, and_(band.pressing == end, later))


def before_place(place: Place, band: Band) -> ColumnElement[bool]:
    """Condition: deliveries of a place's band that come before the place."""
    if band.timed:
        return not_(after_place(place, band, inclusive=True))
    standing, there = tuple_(col(Delivery.urgency), col(Delivery.received_at)), sort_place(place)
    return and_(standing >= there, or_(standing > there, and_(standing == there, grouping.item_key("none") < place[3])))


def sort_place(place: Place) -> ColumnElement[Any]:
    """A place among what is sorted by urgency and age, as the database compares it with rows."""
    return tuple_(literal(place[1]), literal(place[2], Instant))
