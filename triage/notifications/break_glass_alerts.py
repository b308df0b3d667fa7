"""Alerts about break-glass accounts that were opened with their printed code."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access.accounts import BREAK_GLASS as ACT
from triage.config.alert_types import BREAK_GLASS, Wait
from triage.ids import format_id
from triage.say import say
from triage.store.models.audit import AuditRecord

RECENT = timedelta(days=1)


def find_opened_accounts(session: Session, now: datetime) -> Iterator[Wait]:
    """The break-glass accounts that were opened within the last day, each as an alert of the company."""
    opened = select(AuditRecord).where(col(AuditRecord.subject) == ACT, col(AuditRecord.at) > now - RECENT)
    for one in session.scalars(opened.order_by(col(AuditRecord.id))):
        words = say(
            "Somebody opened the break-glass account {login} with its printed code, from {client}.",
            login=one.detail["login"],
            client=one.detail["client"],
        )
        yield Wait(BREAK_GLASS, "", format_id(one.id), 1, one.at, one.id, words)
