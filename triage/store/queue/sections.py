"""Sections of the queue: act now, time-limited, over target, the rest, known senders; as SQL and as words."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, case, exists, func, literal, not_, or_, select, type_coerce
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage.store import confidential_rows
from triage.store.delivery_state import State
from triage.store.models.columns import Instant
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.store.queue import grouping, open_reports
from triage.store.queue.assistant_lane import is_in_lane
from triage.store.queue.grouping import NEVER

ACT_NOW = datetime(1970, 1, 1, tzinfo=UTC)  # in the place of an end: before every other one
OVER_TARGET = NEVER - timedelta(days=365)  # in the place of an end: waited longer than the target
KNOWN = NEVER + timedelta(days=1)  # in the place of an end: held for an assistant only, behind all that needs a decision
ASSUMED = timedelta(days=365_000)  # so much later than it ends stands what only usually lasts so long: behind every stated end
WAITS = func.coalesce(col(Delivery.state), "") == State.HELD  # whatever else finds the deliveries: no index of states leads to them


class Section(StrEnum):
    """Section of the queue that a row is in, in the order of the queue."""

    ACT_NOW = "act-now"
    TIME_LIMITED = "time-limited"
    OVER_TARGET = "over-target"
    REST = "rest"
    KNOWN = "known"


BEGINNINGS = {
    Section.ACT_NOW: ACT_NOW,
    Section.TIME_LIMITED: ACT_NOW + timedelta(microseconds=1),
    Section.OVER_TARGET: OVER_TARGET,
    Section.REST: NEVER,
    Section.KNOWN: KNOWN,
}


def section_of(pressing: datetime) -> Section:
    """The section of a row by what it is sorted by first."""
    return next(section for section in reversed(BEGINNINGS) if pressing >= BEGINNINGS[section])


def deadline_of(pressing: datetime) -> tuple[datetime, bool]:
    """Until when a time-limited row is of use, and whether that is only usual."""
    assumed = pressing > ACT_NOW + ASSUMED
    return pressing - ASSUMED if assumed else pressing, assumed


def section_order(now: datetime, is_over: ColumnElement[bool] | None = None) -> ColumnElement[datetime]:
    """SQL sort key of sections: what must be acted on now, then time-limited messages by their end, those over their target (`is_over`;
    None: there are none), NEVER for the rest, and last what is held for an assistant only."""
    until = col(Delivery.time_limited_until)
    over = [] if is_over is None else [(is_over, literal(OVER_TARGET, Instant))]
    known = (is_in_lane(), literal(KNOWN, Instant))
    return case((is_to_act_on(), literal(ACT_NOW, Instant)), (until > now, sorting_end()), *over, known, else_=literal(NEVER, Instant))


def sorting_end() -> ColumnElement[datetime]:
    """SQL expression for when a time-limited delivery is of no use any more, for sorting: a usual lifetime comes after a stated one."""
    until = col(Delivery.time_limited_until)
    later = type_coerce(until, BigInteger) + ASSUMED // timedelta(microseconds=1)
    return case((col(Delivery.lifetime_assumed), type_coerce(later, Instant)), else_=until)


@cache
def is_to_act_on() -> ColumnElement[bool]:
    """Held deliveries that are reported, or of which copies have been delivered, each with risk suspicious or worse."""
    return and_(WAITS, or_(is_reported(), has_delivered_copies()))


def has_delivered_copies() -> ColumnElement[bool]:
    """Copies of a campaign of which others are in mailboxes; asked of each delivery."""
    copy = aliased(Delivery)
    return and_(col(Delivery.is_copy), exists().where(col(copy.campaign_id) == col(Delivery.campaign_id), is_out(copy)).correlate(Delivery))


def is_out(copy: type[Delivery]) -> ColumnElement[bool]:
    """Copies that were delivered, outside confidential folders: nobody is told of those. As `delivery_copies_out` has them."""
    delivered = col(copy.state) == bindparam("delivered", State.DELIVERED, literal_execute=True, unique=True)
    return and_(col(copy.is_copy), delivered, col(copy.direction) == "in", not_(confidential_rows.is_confidential(copy)))


def is_reported() -> ColumnElement[bool]:
    """Deliveries that somebody here reported, or that belong on one row with a reported one; few reports are open at a time."""
    of_row = and_(col(Delivery.campaign_id).in_(reported_campaigns()), grouping.item_key("campaign").in_(reported_rows()))
    return or_(col(Delivery.id).in_(reported_column(Delivery.id)), of_row)


def reported_column(column: object) -> Select[int]:
    """A column of the deliveries that open reports name."""
    named = select(column).select_from(MailReport).join(Delivery, col(Delivery.id) == col(MailReport.delivery_id))  # type: ignore[call-overload]
    found: Select[int] = named.where(col(MailReport.answered_at).is_(None), open_reports.is_open()).correlate(None)
    return found


def reported_campaigns() -> Select[int]:
    """The campaigns of reported messages, outside confidential folders."""
    return reported_column(Delivery.campaign_id).where(col(Delivery.campaign_id).is_not(None), not_(confidential_rows.is_confidential()))


def reported_rows() -> Select[int]:
    """The keys of their rows."""
    return reported_column(grouping.item_key("campaign")).where(
        col(Delivery.campaign_id).is_not(None), not_(confidential_rows.is_confidential())
    )


@cache
def among_few() -> ColumnElement[bool]:
    """The deliveries of `is_to_act_on`, looked for from the few reports and delivered copies there are, not among all that is held."""
    copy = aliased(Delivery)
    out = select(col(copy.campaign_id)).where(is_out(copy)).distinct()
    copies = and_(col(Delivery.is_copy), col(Delivery.campaign_id).in_(out))
    return and_(WAITS, or_(is_reported(), copies))


def number_to_act_on(session: Session, where: ColumnElement[bool], most: int) -> int:
    """Counts deliveries of `where` that must be acted on now, up to `most`."""
    some = select(literal(1)).select_from(Delivery).where(where, among_few()).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0
