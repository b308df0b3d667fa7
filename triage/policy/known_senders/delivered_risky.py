"""Messages that a rule delivered although they look suspicious or dangerous: for the alert, and by day for the reports."""

from collections import Counter
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, literal_column, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.policy.contacts.sender_history import ACCEPTED
from triage.policy.decide import LETTING_IN
from triage.store.models.deliveries import Delivery

# as constants, so that the partial index serves
RISKY = and_(col(Delivery.severity) >= literal_column("2"), col(Delivery.verdict) == literal_column("'relay'"))


def is_delivered_risky() -> ColumnElement[bool]:
    """SQL condition for messages that a rule delivered although they look suspicious or dangerous, and that were not removed since."""
    by_rule = col(Delivery.rule).in_([literal_column(f"'{one}'") for one in sorted(LETTING_IN)])
    return and_(RISKY, by_rule, ACCEPTED)


def count_by_day(session: Session, since: datetime, until: datetime, *, by: Actor, zone: ZoneInfo) -> Counter[date]:
    """Counts these messages for each day in this time zone, in the actor's scope."""
    received_at = col(Delivery.received_at)
    within = (is_delivered_risky(), received_at >= since, received_at < until, access.real_deliveries(by))
    return Counter(at.astimezone(zone).date() for at in session.scalars(select(received_at).where(*within)))
