"""Read-only: each delivery as a card of its own, walked along an index: first what presses, then the others; from the end the other way."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, not_, or_, select, tuple_
from sqlmodel import Session, col

from triage import grouping
from triage.grouping import NEVER
from triage.kept_cards import Part, Pile, Place
from triage.models import Delivery, Instant
from triage.order import PRESSING

Order = tuple[tuple[Any, bool], ...]  # columns, each with whether it descends
BY_URGENCY: Order = ((col(Delivery.urgency), True), (col(Delivery.received_at), True), (grouping.key("none"), False))


def page(session: Session, where: ColumnElement[bool], now: datetime, part: Part) -> list[Pile]:
    """This part of the deliveries that `where` names, as cards."""
    piles: list[Pile] = []
    for rows, order in walks(where, now, part):
        for row in session.execute(rows.order_by(*part.walked(order)).limit(part.limit - len(piles))):
            piles.append(Pile(*row[:7], row[3], 1, 1, 1, row[7]))  # type: ignore[call-arg]
        if len(piles) == part.limit:
            break
    return part.in_order(piles)


def place_at(session: Session, where: ColumnElement[bool], now: datetime, nth: int, begin: Place | None = None) -> Place | None:
    """Where the nth of these deliveries stands, from 0 and from a place on; None where there are fewer."""
    part = Part(1, at=begin)
    for rows, order in walks(where, now, part):
        if found := session.execute(rows.order_by(*part.walked(order)).limit(1).offset(nth)).first():
            return found[0], found[1], found[2], found[3]
        nth -= session.scalar(select(func.count()).select_from(rows.subquery())) or 0
    return None


def walks(where: ColumnElement[bool], now: datetime, part: Part) -> Iterator[tuple[Select[Any], Order]]:
    """What is read one after the other for a part, and the order of each in the list."""
    until = col(Delivery.perishable_until)
    presses = and_(until > now, col(Delivery.urgency) >= PRESSING)
    waits = or_(until.is_(None), until <= now, col(Delivery.urgency) < PRESSING)
    both: Sequence[tuple[Any, Any, Order]] = (
        (presses, until, ((until, False), *BY_URGENCY)),
        (waits, literal(NEVER, Instant), BY_URGENCY),
    )
    for which, pressing, order in both[::-1] if part.backwards else both:
        columns = (pressing, col(Delivery.urgency), col(Delivery.received_at), grouping.key("none"), grouping.perishable(now))
        within = inside(part, pressed=which is presses)
        if within is not None:
            yield select(*columns, col(Delivery.weight), grouping.severity(), col(Delivery.id)).where(where, which, *within), order


def inside(part: Part, *, pressed: bool) -> list[ColumnElement[bool]] | None:
    """What of those that press, or of the others, lies in a part; None where nothing does."""
    found: list[ColumnElement[bool]] = []
    for place, behind, inclusive in ((part.after, True, False), (part.at, True, True), (part.before, False, False)):
        if place is None:
            continue
        if pressed != (place[0] < NEVER):  # the place lies among the other ones, which come all before or all after these
            if behind == pressed:
                return None
            continue
        found.append(beyond(place, pressed, inclusive) if behind else ahead(place, pressed))
    return found


def beyond(place: Place, pressed: bool, inclusive: bool) -> ColumnElement[bool]:
    """Of the deliveries among which a place lies, those that come after it. The first comparison is one for the index."""
    key = grouping.key("none")
    standing, there = tuple_(col(Delivery.urgency), col(Delivery.received_at)), stands(place)
    same = and_(standing == there, key >= place[3] if inclusive else key > place[3])
    later = and_(standing <= there, or_(standing < there, same))
    if not pressed:
        return later
    until = col(Delivery.perishable_until)
    return or_(until > place[0], and_(until == place[0], later))


def ahead(place: Place, pressed: bool) -> ColumnElement[bool]:
    """Those that come before it."""
    if pressed:
        return not_(beyond(place, pressed, inclusive=True))
    standing, there = tuple_(col(Delivery.urgency), col(Delivery.received_at)), stands(place)
    return and_(standing >= there, or_(standing > there, and_(standing == there, grouping.key("none") < place[3])))


def stands(place: Place) -> ColumnElement[Any]:
    """A place among what is sorted by urgency and age, as the database compares it with rows."""
    return tuple_(literal(place[1]), literal(place[2], Instant))
