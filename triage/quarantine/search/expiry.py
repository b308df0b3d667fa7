"""Expiry of held messages, as a condition and as a moment: `retention.held_days` after a message was entered, or decided about by
somebody.

A message whose recipient never saw it in a daily digest does not expire, unless the company says so. What is held for an assistant only
never expires: it is delivered then (`quarantine.teamwork.held_for_assistant`).
"""

from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, exists, or_, select, true, type_coerce
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage.config.settings import Settings
from triage.ids import EPOCH_MS, SEQUENCE_BITS, first_id_at, made_at
from triage.store.delivery_state import State
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import DigestEntry
from triage.store.models.markers import Marker
from triage.store.queue.assistant_lane import is_in_lane

SOON = timedelta(days=1)  # so long before it is said
DAYS = "held-days"  # the marker: how long held messages last, as the process that lets it expire has it from its settings
UNSEEN = "expire-unseen"  # the marker: 1 where it lets expire what no digest named


class Terms(NamedTuple):
    """Terms of expiry for held messages: after so many days, and `unseen_condition` also where the recipient never saw a message in a
    digest.
    """

    days: int
    unseen: bool


def expiry_terms(settings: Settings) -> Terms:
    """Returns the terms of expiry in the settings."""
    return Terms(settings.retention.held_days, settings.retention.expire_unseen)


def expired_condition(now: datetime, terms: Terms) -> ColumnElement[bool]:
    """Condition: held messages that may expire by then, legal holds aside."""
    return and_(is_overdue(now, terms.days), ~is_in_lane(), true() if terms.unseen else was_in_digest())


def unseen_condition(now: datetime, terms: Terms) -> ColumnElement[bool]:
    """Condition: held messages that would have expired by then if their recipients had seen them in a digest."""
    return and_(is_overdue(now, terms.days), ~is_in_lane(), ~was_in_digest())


def is_overdue(now: datetime, days: int) -> ColumnElement[bool]:
    """Condition: messages that will have been held for so many days by then."""
    old = now - timedelta(days=days)
    last = aliased(Decision)
    decided_lately = select(col(last.id)).where(col(last.id) == col(Delivery.decision_id), col(last.at) >= old)
    entered = col(Delivery.id) < first_id_at(old)
    ours = col(Delivery.direction) == "outbound"  # waits until staff decides: nobody else would tell its author that it never left
    return and_(col(Delivery.state) == State.HELD, ~ours, col(Delivery.received_at) < old, entered, ~decided_lately.exists())


@cache
def was_in_digest() -> ColumnElement[bool]:
    """Condition: messages listed in a digest that reached the recipient's mailbox; messages to outside addresses need no digest."""
    named = (col(DigestEntry.delivery_id) == col(Delivery.id), col(DigestEntry.person) == col(Delivery.person))
    return or_(col(Delivery.direction) != "in", exists().where(*named, ~is_undelivered()).correlate(Delivery))


@cache
def is_undelivered() -> ColumnElement[bool]:
    """Condition: entries of a digest that is not delivered yet, or that came back."""
    letter = aliased(Delivery)
    on_the_way = (col(letter.message_id) == col(DigestEntry.letter_id), col(letter.state) != State.DELIVERED)
    return exists().where(*on_the_way).correlate(DigestEntry)


@cache
def may_expire() -> ColumnElement[bool]:
    """Condition: messages that may expire when their time is over, by the terms that the expiring process noted last."""
    lets_expire = select(col(Marker.number)).where(col(Marker.name) == UNSEEN).scalar_subquery() == 1
    return and_(~is_in_lane(), or_(lets_expire, was_in_digest()))


def note_terms(session: Session, terms: Terms) -> None:
    """Saves for every process how long messages are held, and what may expire."""
    session.merge(Marker(name=DAYS, number=terms.days))
    session.merge(Marker(name=UNSEEN, number=int(terms.unseen)))


def known_days() -> ScalarSelect[int]:
    """Returns for how many days messages are held, as a column; NULL where no process has let any expire yet."""
    return select(col(Marker.number)).where(col(Marker.name) == DAYS).scalar_subquery()


def known_terms(session: Session) -> Terms | None:
    """Returns when held messages may expire; None where no process has let any expire yet."""
    rows = select(col(Marker.name), col(Marker.number)).where(col(Marker.name).in_((DAYS, UNSEEN)))
    known: dict[str, int] = dict(session.execute(rows).all())
    return Terms(known[DAYS], bool(known.get(UNSEEN))) if DAYS in known else None


def time_start() -> ColumnElement[datetime]:
    """Returns the start of the expiry period, where Decision is (outer) joined to Delivery: the last decision restarts it."""
    came, decided = col(Delivery.received_at), col(Decision.at)
    entered = type_coerce((col(Delivery.id) // 2**SEQUENCE_BITS + EPOCH_MS) * 1000, Instant)  # ids.made_at
    there = case((entered > came, entered), else_=came)
    return case((decided > there, decided), else_=there)


def expiry_moment(state: str, delivery_id: int, received_at: datetime, decided_at: datetime | None, days: int | None) -> datetime | None:
    """Returns when a message expires; None when it does not. It may have been in the spool for days, while nobody could see it."""
    if state != State.HELD or days is None:
        return None
    return max(received_at, made_at(delivery_id), decided_at or received_at) + timedelta(days=days)
