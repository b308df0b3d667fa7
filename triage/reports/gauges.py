"""Numbers about the record that a monitor asks for every few seconds: read-only, of the whole company, without names."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlmodel import Session, col

from triage.notifications.webhooks import outbox
from triage.notifications.webhooks.outbox import Fared
from triage.policy import emergency
from triage.store import last_runs
from triage.store.delivery_state import FINAL, State
from triage.store.models.deliveries import Delivery
from triage.store.models.notifications import OpenAlert
from triage.store.models.staff import KnownMessage
from triage.store.queue.grouping import KNOWN

OPEN = tuple(state for state in State if state not in FINAL)


@dataclass(frozen=True, slots=True)
class Gauges:
    """Gauges as of one moment."""

    by_state: dict[State, int]  # deliveries in each state that is not final: those that are would take a walk through all of the record
    oldest_held: datetime | None  # when the message that has been held longest came in
    due: int  # deliveries that the relay should have taken by now
    longest_due: datetime | None  # since when the first of them waits
    emergency: bool  # does everything pass that is neither blocked nor forged?
    recalls_due: int = 0  # deliveries for whose mailboxes a recaller should have set out by now
    longest_recall_due: datetime | None = None  # since when the first of them waits
    directory_read: datetime | None = None  # when the directory was read last and believed; since when it is waited for, when never
    backup_made: datetime | None = None  # when the database was saved last; since when that is missed, when never; None: by others
    webhooks: tuple[Fared, ...] = ()
    alerts: dict[str, int] = field(default_factory=dict)  # folders with an alert, by cause


def read_gauges(session: Session, now: datetime) -> Gauges:
    """Read them, each from an index."""
    state, due_at = col(Delivery.state), col(Delivery.due_at)
    counted = {State(name): count for name, count in session.execute(select(state, func.count()).where(state.in_(OPEN)).group_by(state))}
    counted[State.HELD] = counted.get(State.HELD, 0) - count_known(session)
    held = select(col(Delivery.received_at)).where(state == State.HELD, col(Delivery.direction) != KNOWN)

    def waiting(*states: State) -> tuple[int, datetime | None]:
        count, longest = session.execute(select(func.count(), func.min(due_at)).where(state.in_(states), due_at <= now)).one()
        return count, longest

    due, longest_due = waiting(State.QUEUED)
    recalls_due, longest_recall_due = waiting(State.RECALLING, State.RESTORING)
    return Gauges(
        by_state={one: counted.get(one, 0) for one in OPEN},
        oldest_held=session.scalar(held.order_by(col(Delivery.received_at)).limit(1)),
        due=due,
        longest_due=longest_due,
        emergency=emergency.current_emergency(session, now) is not None,
        recalls_due=recalls_due,
        longest_recall_due=longest_recall_due,
        directory_read=last_runs.directory_read_at(session) or last_runs.begun_at(session),
        backup_made=last_runs.backup_due_since(session),
        webhooks=tuple(outbox.read_standings(session)),
        alerts=dict(session.execute(select(col(OpenAlert.cause), func.count()).group_by(col(OpenAlert.cause))).all()),
    )


def count_known(session: Session) -> int:
    """Counts known messages in the queue, which are no work that waits."""
    waits = and_(col(Delivery.id) == col(KnownMessage.delivery_id), col(Delivery.state) == State.HELD)
    return session.scalar(select(func.count()).select_from(KnownMessage).join(Delivery, waits)) or 0
