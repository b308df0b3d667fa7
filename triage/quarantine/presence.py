"""Presence: who looks at which message now, by a lease that the console renews. Locks nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.errors import NotAllowed
from triage.say import say
from triage.store import db
from triage.store.models.assignments import Presence
from triage.store.models.deliveries import Delivery

LEASE = timedelta(seconds=15)  # for who looks at a message: a console renews it every five
LEASE_AT_NOTHING = timedelta(seconds=90)  # for others: a console where nobody sits renews it every sixty


@dataclass(frozen=True, slots=True)
class Colleague:
    """Colleague who has the console open."""

    login: str
    name: str
    delivery_id: int | None  # what they look at; None when it is none of the asker's business


def look_at(session: Session, delivery_id: int | None, *, by: Actor, now: datetime) -> None:
    """Be there, and look at this delivery; at nothing when it is None or not in the actor's scope."""
    if by.kind != "person":
        raise NotAllowed(say("presence is for people at a console: a token has none"))
    if delivery_id is not None:
        delivery_id = session.scalar(select(col(Delivery.id)).where(col(Delivery.id) == delivery_id, access.visible_deliveries(by)))
    lease = LEASE_AT_NOTHING if delivery_id is None else LEASE
    values = {"name": by.shown, "delivery_id": delivery_id, "until": now + lease}
    if not db.insert_if_missing(session, Presence, login=by.name, **values):
        session.execute(update(Presence).where(col(Presence.login) == by.name).values(**values))


def leave_console(session: Session, *, by: Actor) -> None:
    """Be there no more."""
    session.execute(delete(Presence).where(col(Presence.login) == by.name))


def list_others(session: Session, *, by: Actor, now: datetime) -> tuple[Colleague, ...]:
    """Lists the colleagues at a console by name, each with the message they have open if the actor may see it."""
    there = (
        select(Presence).where(col(Presence.until) > now, col(Presence.login) != by.name).order_by(col(Presence.name), col(Presence.login))
    )
    rows = session.scalars(there).all()
    looked_at = [row.delivery_id for row in rows if row.delivery_id is not None]
    visible = set(session.scalars(select(col(Delivery.id)).where(col(Delivery.id).in_(looked_at), access.visible_deliveries(by))))
    return tuple(Colleague(row.login, row.name, row.delivery_id if row.delivery_id in visible else None) for row in rows)
