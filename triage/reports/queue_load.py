"""Read-only: the load of the queue, by age of what is held now and by department."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, not_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.store.models.deliveries import Delivery
from triage.store.queue.assistant_lane import HELD_FOR_ASSISTANT, is_in_lane
from triage.store.queue.grouping import HELD_MAIL

AGES = tuple(timedelta(minutes=minutes) for minutes in (15, 60, 240))  # upper limits; the last age has none
LONGEST_LISTED = 5
WAITS = and_(HELD_MAIL, not_(is_in_lane()))  # for a decision: the lane of known senders' messages for an assistant is told apart


def count_ages(session: Session, *, by: Actor, now: datetime) -> tuple[int, ...]:
    """Counts held messages in the actor's scope by how long they have waited: less than each of AGES, and at least the last of them."""
    came = col(Delivery.received_at)
    steps = case(*((came > now - age, place) for place, age in enumerate(AGES)), else_=len(AGES))
    rows = session.execute(select(steps, func.count()).where(WAITS, access.real_deliveries(by)).group_by(steps))
    found = Counter({int(place): number for place, number in rows})
    return tuple(found[place] for place in range(len(AGES) + 1))


def list_longest(session: Session, *, by: Actor) -> Sequence[tuple[int, str, datetime, str]]:
    """Lists the held messages in the actor's scope that have waited longest: id, subject, arrival and department of each."""
    columns = (col(Delivery.id), col(Delivery.subject), col(Delivery.received_at), col(Delivery.department))
    waits = select(*columns).where(WAITS, access.real_deliveries(by))
    rows = session.execute(waits.order_by(col(Delivery.received_at), col(Delivery.id)).limit(LONGEST_LISTED))
    return [(one, subject, came, department) for one, subject, came, department in rows]


def count_waiting(session: Session, *, by: Actor) -> Counter[str]:
    """Counts held messages in the actor's scope by department."""
    department = col(Delivery.department)
    rows = session.execute(select(department, func.count()).where(and_(WAITS, access.real_deliveries(by))).group_by(department))
    return Counter(dict(rows.all()))


def count_lane(session: Session, *, by: Actor) -> int:
    """Counts messages of known senders in the actor's scope that are held for an assistant only."""
    lane = and_(HELD_FOR_ASSISTANT, is_in_lane(), access.real_deliveries(by))
    return session.scalar(select(func.count()).select_from(Delivery).where(lane)) or 0
