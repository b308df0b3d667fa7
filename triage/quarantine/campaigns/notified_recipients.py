"""Read-only: which copies of a campaign their recipients were notified of, when and by whom: as the audit log has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.ids import format_id, parse_id
from triage.quarantine import viewings
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery

TELL = "tell-opened"  # the act: staff notified those who had opened a copy
REGROUPING = ("join", "split")  # verbs of decisions that move copies to another campaign


@dataclass(frozen=True, slots=True)
class Notified:
    """When the recipient of a copy was notified that it was removed, and by whom."""

    at: datetime
    by: str


def campaign_subject(campaign_id: int) -> str:
    """Subject of the audit entries about a campaign."""
    return f"campaign:{format_id(campaign_id)}"


def list_notified(session: Session, campaign_id: int) -> Mapping[int, Notified]:
    """Returns the last notice about each copy of the campaign, by delivery; also from a campaign that the copy was in before."""
    subjects = [campaign_subject(one) for one in sorted(find_earlier(session, campaign_id))]
    about = (col(AuditRecord.subject).in_(subjects), col(AuditRecord.act) == TELL)
    records = session.scalars(select(AuditRecord).where(*about).order_by(col(AuditRecord.id))).all()
    names = viewings.shown_names(session, {one.by for one in records})
    return {
        parse_id(one): Notified(record.at, names.get(record.by, record.by)) for record in records for one in record.detail["deliveries"]
    }


def find_earlier(session: Session, campaign_id: int) -> set[int]:
    """Returns the campaign and those that copies of it were in before: merged, split off, or gathered in a mail bomb."""
    mine = col(Delivery.campaign_id) == campaign_id
    moves = select(col(DecisionItem.decision_id)).join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id)).where(mine)
    regrouped = select(col(Decision.selection)).where(col(Decision.id).in_(moves), col(Decision.verb).in_(REGROUPING))
    selections = session.scalars(regrouped).all()
    waves = session.scalars(select(col(Delivery.wave_id)).where(mine, col(Delivery.wave_id).is_not(None)).distinct())
    return {campaign_id, *filter(None, waves), *(parse_id(one[name]) for one in selections for name in ("campaign", "into"))}
