"""Copies of held messages in departments' accounts: which there should be, where each lies, and which one a message there is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.message.authentication import Authentication
from triage.message.signals.severity import of_row
from triage.message.trace.mailroom_fields import Evidence, explain_to_staff
from triage.store import bodies, db
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import MirrorCopy
from triage.store.models.messages import Message

KEPT = timedelta(days=90)  # how long a copy that is over is known again: a mail program may have been off for long


@dataclass(frozen=True, slots=True)
class Held:
    """A held message as it is to be shown."""

    message_id: int
    raw: bytes
    authentication: Authentication
    evidence: Evidence
    received_at: datetime
    is_time_limited: bool


def wanted_copies(session: Session, department: str, *, by: Actor) -> dict[int, str]:
    """The held messages of a department that the actor may see: whose folder it lies in (uid, "" for the shared one), by delivery."""
    return dict(iter(session.execute(select(col(Delivery.id), col(Delivery.person)).where(is_shown(department, by)))))


def is_shown(department: str, by: Actor) -> ColumnElement[bool]:
    """Condition: held messages that lie in the account of a department in which this actor acts."""
    return and_(
        access.visible_deliveries(by),
        col(Delivery.department) == department,
        col(Delivery.state) == State.HELD,
        col(Delivery.erased_at).is_(None),
    )


def find_department(account: str, settings: Settings) -> str:
    """Finds the department whose account this is; "" for somebody's own."""
    pairs = (entry.partition("=") for entry in settings.mirror.departments)
    return next((code.strip().casefold() for code, _, address in pairs if address.strip().casefold() == account.casefold()), "")


def find_held(session: Session, delivery_id: int, now: datetime) -> Held | None:
    """Returns a held delivery for its copy; None when it is no longer held."""
    delivery = session.get(Delivery, delivery_id)
    if delivery is None or delivery.state != State.HELD:
        return None
    message = session.get_one(Message, delivery.message_id)
    signals = [*(() if message.record.fault else message.signals), *delivery.signals]
    raw = bodies.find_body(session, message.content_id)
    if raw is None:
        return None
    bad = of_row(delivery.severity, delivery.weight, (one["name"] for one in signals))
    is_time_limited = delivery.time_limited_until is not None and delivery.time_limited_until > now
    evidence = Evidence(bad, explain_to_staff(delivery.reason, signals), delivery.campaign_id)
    proven = Authentication("") if message.record.fault else Authentication.from_json(message.authentication)
    return Held(message.id, raw, proven, evidence, delivery.received_at, is_time_limited)


def live_copies(session: Session, account: str) -> list[MirrorCopy]:
    """The copies in an account that are not over."""
    rows = select(MirrorCopy).where(col(MirrorCopy.account) == account, col(MirrorCopy.ended_at).is_(None))
    return list(session.scalars(rows.order_by(col(MirrorCopy.id))))


def begin_copy(session: Session, row: MirrorCopy) -> None:
    """A copy is about to be put there: what it is known by is in the audit log before it is sent."""
    session.add(row)
    session.flush()


def is_known_by(session: Session, copy_id: int, digest: str) -> bool:
    """Whether a copy has these bytes still: what is said on top of it may have changed."""
    return session.scalar(select(col(MirrorCopy.digest)).where(col(MirrorCopy.id) == copy_id)) == digest


def place_copy(session: Session, copy_id: int, folder: str, validity: int, uid: int) -> None:
    """Saves the place of a copy; uid 0: it is to be looked for."""
    where = col(MirrorCopy.id) == copy_id
    session.execute(update(MirrorCopy).where(where).values(folder=folder, uid_validity=validity, uid=uid))


def end_copies(session: Session, copies: Iterable[int], now: datetime) -> None:
    """Ends copies of messages that are no longer held."""
    mine = (db.is_among(session, col(MirrorCopy.id), sorted(copies)), col(MirrorCopy.ended_at).is_(None))
    session.execute(update(MirrorCopy).where(*mine).values(ended_at=now))


def folders_of(session: Session, copies: Iterable[int]) -> dict[int, str]:
    """The folders that copies belong in."""
    rows = session.execute(
        select(col(MirrorCopy.id), col(MirrorCopy.folder)).where(db.is_among(session, col(MirrorCopy.id), sorted(copies)))
    )
    return dict(iter(rows))


def by_digest(session: Session, digest: str) -> MirrorCopy | None:
    """Finds the copy with exactly these bytes, over or not."""
    return session.scalars(select(MirrorCopy).where(col(MirrorCopy.digest) == digest)).first()


def by_likeness(session: Session, alike: str, named: int = 0) -> MirrorCopy | None:
    """Finds the copy of a message whose header was written again: the one that it names; where it names none (0), the only one.

    None where it could be several, also where it may be the copy of another recipient's mail that is over.
    """
    if not alike:
        return None
    mine = col(MirrorCopy.alike) == alike
    if named:
        return session.scalars(select(MirrorCopy).where(mine, col(MirrorCopy.id) == named)).first()
    deliveries = session.scalars(select(col(MirrorCopy.delivery_id)).where(mine).distinct().limit(2)).all()
    found = session.scalars(select(MirrorCopy).where(mine, col(MirrorCopy.ended_at).is_(None)).limit(2)).all()
    return found[0] if len(found) == len(deliveries) == 1 else None


def forget_copies(session: Session, account: str, now: datetime) -> None:
    """Copies that have been over for long."""
    session.execute(delete(MirrorCopy).where(col(MirrorCopy.account) == account, col(MirrorCopy.ended_at) < now - KEPT))
