"""Large removals that administrators are told of at once, so that a wrong one is undone before it does harm."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, not_, select
from sqlmodel import Session, col

from triage.access import confidential_folders
from triage.actor import Actor, Role
from triage.config.alert_types import REMOVAL, Wait
from triage.config.settings import Settings
from triage.ids import format_id, parse_id
from triage.say import say
from triage.store import confidential_rows
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.notifications import OpenAlert

VERBS = ("purge", "sweep", "take")
RECENT = timedelta(days=1)
CHANGED = ("done", "recalling", "in flight")  # outcomes of items that a removal took, or is taking


@dataclass(frozen=True, slots=True)
class Removal:
    """A large removal that can be undone."""

    decision: int
    at: datetime
    by_shown: str
    count: int  # messages, without those of confidential folders
    is_mine: bool


def find_large_removals(session: Session, settings: Settings, now: datetime) -> Iterator[Wait]:
    """The large removals of the last day that nobody has undone, each as an alert of the company."""
    least = settings.notices.removal_messages
    if not least:
        return
    recent = (col(Decision.at) > now - RECENT, col(Decision.undone_by).is_(None), col(Decision.undoes).is_(None))
    large = select(Decision).where(*recent, col(Decision.verb).in_(VERBS), col(Decision.count) > least).order_by(col(Decision.id))
    for one in session.scalars(large):
        if (number := number_of(session, one)) > least:
            yield Wait(REMOVAL, "", format_id(one.id), number, one.at, one.id, large_removal_sentence(one, number, settings))


def number_of(session: Session, one: Decision) -> int:
    """Counts the messages that a removal took, without those of confidential folders: their number is shown to nobody else."""
    if not confidential_folders.list_confidential(session):
        return one.count
    items = select(func.count()).select_from(DecisionItem).join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
    taken = (col(DecisionItem.decision_id) == one.id, col(DecisionItem.outcome).in_(CHANGED), not_(confidential_rows.is_confidential()))
    return session.scalar(items.where(*taken)) or 0


def large_removal_sentence(one: Decision, number: int, settings: Settings) -> str:
    """Says who removed how many messages, and how to undo it."""
    url = settings.api.public_url.rstrip("/")
    where = f"{url}/decisions/{format_id(one.id)}" if url else f"mailroom decisions undo {format_id(one.id)}"
    return say("{name} removed {number} messages. Undo: {where}", name=one.by_shown, number=number, where=where)


def shown_to(session: Session, *, by: Actor, settings: Settings) -> list[Removal]:
    """The large removals that the actor is told of, the newest first: administrators of the whole company, and whom the settings name."""
    if not gets_removal_notices(by, settings):
        return []
    rows = session.scalars(select(OpenAlert).where(col(OpenAlert.cause) == REMOVAL)).all()
    numbers = {parse_id(row.person): row.number for row in rows}
    made = session.scalars(select(Decision).where(col(Decision.id).in_(list(numbers)), col(Decision.undone_by).is_(None)))
    found = [Removal(one.id, one.at, one.by_shown, numbers[one.id], one.by == str(by)) for one in made]
    return sorted(found, key=lambda one: one.decision, reverse=True)


def gets_removal_notices(by: Actor, settings: Settings) -> bool:
    """Whether the actor gets notices of large removals."""
    head = by.role is Role.ADMIN and by.scope.company
    return by.kind in ("person", "shell") and (head or by.name in (who.casefold() for who in settings.notices.removal_recipients))
