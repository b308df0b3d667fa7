"""Alerts about hunts in mailboxes, for auditors and company-wide administrators."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from triage.config.alert_types import HUNT, Wait
from triage.delivery.recall.hunt_criteria import HUNT as VERB
from triage.ids import format_id
from triage.say import say
from triage.store.models.decisions import Decision

RECENT = timedelta(days=1)


def find_hunts(session: Session, now: datetime) -> Iterator[Wait]:
    """The hunts begun within the last day, each as an alert of the company. What they look for is in the audit log."""
    begun = select(Decision).where(col(Decision.at) > now - RECENT, col(Decision.verb) == VERB)
    for one in session.scalars(begun.order_by(col(Decision.id))):
        words = say("{name} is searching all mailboxes. Reason: {reason}", name=one.by_shown, reason=one.reason)
        yield Wait(HUNT, "", format_id(one.id), 1, one.at, one.id, words)
