"""Counts messages that came in, by day and by the rule that decided: how many the lists remove, how many staff gets to see."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import BigInteger, func, select, type_coerce
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.errors import BadInput
from triage.say import say
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.times import from_micros, in_reach

DAY = timedelta(days=1) // timedelta(microseconds=1)
LONGEST = timedelta(days=366)  # that are counted at once


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The deliveries of one day about which one rule decided the same."""

    day: date  # UTC
    rule: str
    disposition: str
    withheld: str  # in record-only mode: the rule that would have held them
    count: int


def list_arrivals(session: Session, *, by: Actor, since: datetime, until: datetime) -> tuple[Arrivals, ...]:
    """Lists arrivals in the actor's scope, the newest day first; from `since` on, before `until`, at most the last 366 days of it.

    BadInput when one of them is far from any year that messages have.
    """
    if not in_reach(since, until):
        raise BadInput(say("messages are counted from 1970 on"), field="since, until")
    received_at = col(Delivery.received_at)
    day = (type_coerce(received_at, BigInteger) // DAY).label("day")
    kinds = (day, col(Delivery.rule), col(Delivery.verdict), col(Delivery.withheld))
    arrived = db.correlate_condition(session, col(Delivery.parent_id).is_(None))  # the copies of a group's members came in as one
    within = (arrived, received_at >= max(since, until - LONGEST), received_at < until, access.real_deliveries(by))
    rows = session.execute(select(*kinds, func.count()).where(*within).group_by(*kinds).order_by(day.desc(), *kinds[1:]))
    return tuple(Arrivals(from_micros(number * DAY).date(), *rest) for number, *rest in rows)
