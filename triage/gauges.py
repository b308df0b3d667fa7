"""Numbers about the record that a monitor asks for every few seconds: read-only, of the whole company, without names."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage import chores, emergency, outbox
from triage.models import Alarm, Delivery
from triage.outbox import Fared
from triage.states import State


@dataclass(frozen=True, slots=True)
class Gauges:
    """As of one moment."""

    by_state: dict[State, int]  # deliveries in each state, all states named
    oldest_held: datetime | None  # when the mail that has been held longest came in
    due: int  # deliveries that the relay should have taken by now
    longest_due: datetime | None  # since when the first of them waits
    emergency: bool  # does everything pass that is neither blocked nor forged?
    directory_read: datetime | None = None  # when the directory was read last and believed; since when it is waited for, when never
    backup_made: datetime | None = None  # when the database was saved last; since when that is missed, when never; None: by others
    webhooks: tuple[Fared, ...] = ()
    alarms: dict[str, int] = field(default_factory=dict)  # folders in which something is so that staff is told of, by cause


def gauges(session: Session, now: datetime) -> Gauges:
    """Read them, each from an index."""
    state, due_at = col(Delivery.state), col(Delivery.due_at)
    counted = {State(name): count for name, count in session.execute(select(state, func.count()).group_by(state))}
    waiting = (state == State.QUEUED) & (due_at <= now)
    due, longest_due = session.execute(select(func.count(), func.min(due_at)).where(waiting)).one()
    return Gauges(
        by_state={one: counted.get(one, 0) for one in State},
        oldest_held=session.scalar(select(func.min(col(Delivery.received_at))).where(state == State.HELD)),
        due=due,
        longest_due=longest_due,
        emergency=emergency.alarm(session, now) is not None,
        directory_read=chores.directory_read_at(session) or chores.begun_at(session),
        backup_made=chores.backup_due_since(session),
        webhooks=tuple(outbox.fared(session)),
        alarms=dict(session.execute(select(col(Alarm.cause), func.count()).group_by(col(Alarm.cause))).all()),
    )
