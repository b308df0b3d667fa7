"""Read-only: which copies of a campaign their recipients were notified of, when and by whom: as the audit log has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.ids import format_id, parse_id
from triage.quarantine import viewings
from triage.store.models.audit import AuditRecord

TELL = "tell-opened"  # the act: staff notified those who had opened a copy


@dataclass(frozen=True, slots=True)
class Notified:
    """When the recipient of a copy was notified that it was removed, and by whom."""

    at: datetime
    by: str


def campaign_subject(campaign_id: int) -> str:
    """Subject of the audit entries about a campaign."""
    return f"campaign:{format_id(campaign_id)}"


def list_notified(session: Session, campaign_id: int) -> Mapping[int, Notified]:
    """Returns the last notice about each copy of the campaign, by delivery."""
    about = (col(AuditRecord.subject) == campaign_subject(campaign_id), col(AuditRecord.act) == TELL)
    records = session.scalars(select(AuditRecord).where(*about).order_by(col(AuditRecord.id))).all()
    names = viewings.shown_names(session, {one.by for one in records})
    return {
        parse_id(one): Notified(record.at, names.get(record.by, record.by)) for record in records for one in record.detail["deliveries"]
    }
