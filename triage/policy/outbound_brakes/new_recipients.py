"""New recipients of an outgoing message, unknown to the company, and how many of them an employee has written to lately."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlmodel import Session, col

from triage.addressing.envelope import parse_or_none
from triage.policy.contacts.store import KNOWN
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.contacts import Contact
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule

NEW = "new-recipient"  # rule of a delivery to somebody whom the company did not know then
HOUR = timedelta(hours=1)
LEFT_OR_WAITS = (State.HELD, State.QUEUED, State.RELAYING, State.DELIVERED, State.BOUNCED, State.PURGED)
IMPORTED = ("seed", "api")  # ways by which an administrator says that an address is known


def find_new(session: Session, addresses: Collection[str], own_domains: Collection[str], now: datetime) -> frozenset[str]:
    """Returns the addresses (folded) outside the company that nobody here knew an hour ago and that no allow rule matches."""
    parsed = {one: address for one in addresses if (address := parse_or_none(one))}
    outside = {one: address.domain for one, address in parsed.items() if address.domain not in own_domains}
    if not outside:
        return frozenset()
    earlier = or_(col(Contact.first_sent_at) <= now - HOUR, col(Contact.heard) > 0, col(Contact.how).in_(IMPORTED))
    contacts = select(col(Contact.address)).where(
        is_among(session, col(Contact.address), sorted(outside)), col(Contact.state) == KNOWN, earlier
    )
    known = set(session.scalars(contacts))
    values = sorted({*outside, *outside.values()})
    in_force = and_(col(Rule.removed_at).is_(None), or_(col(Rule.until).is_(None), col(Rule.until) > now))
    allows = select(col(Rule.value)).where(is_among(session, col(Rule.value), values), col(Rule.effect) == "allow", in_force)
    allowed = set(session.scalars(allows))
    return frozenset(one for one, domain in outside.items() if one not in known and one not in allowed and domain not in allowed)


def written_lately(session: Session, uid: str, now: datetime) -> set[str]:
    """The new recipients to whom an employee has written within the last hour."""
    theirs = (col(Delivery.person) == uid, col(Delivery.state).in_(LEFT_OR_WAITS), col(Delivery.received_at) > now - HOUR)
    return set(session.scalars(select(col(Delivery.recipient)).where(*theirs, is_to_new())))


def is_to_new() -> ColumnElement[bool]:
    """SQL condition for outgoing deliveries to a recipient whom the company did not know then."""
    return and_(col(Delivery.direction) == "outbound", col(Delivery.rule) == NEW)
