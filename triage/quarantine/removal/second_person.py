"""Removals of delivered messages that one person may not make alone: wide ones, of messages that are not dangerous, by domain or search."""

from sqlalchemy import ColumnElement, and_, func, select
from sqlmodel import Session, col

from triage.access.confidential_folders import PEOPLE
from triage.access.dual_control import REMOVE_DELIVERED
from triage.actor import Actor, Right
from triage.config.settings import Settings
from triage.message.signals.severity import Severity
from triage.quarantine.search.selection import Selection
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.queue import grouping


def second_person_needs(session: Session, selected: Selection, where: ColumnElement[bool], *, by: Actor, settings: Settings) -> list[str]:
    """[REMOVE_DELIVERED] where a removal of these deliveries needs a second person; `where`: the deliveries that are meant.

    Who has the right needs nobody, nor does a part of Mailroom.
    """
    if not settings.reaches_mailboxes or may_alone(by, settings):
        return []
    counted = select(func.count(col(Delivery.mailbox).distinct()), func.min(grouping.severity_column()))
    mailboxes, least = session.execute(counted.where(and_(where, col(Delivery.state) == State.DELIVERED))).one()
    wide = mailboxes > settings.policy.approval_mailboxes
    return [REMOVE_DELIVERED] if mailboxes and (wide or least < Severity.DANGEROUS or is_loose(selected)) else []


def may_alone(by: Actor, settings: Settings) -> bool:
    """Whether this actor may take any delivered message out of mailboxes without a second person."""
    asked_for = REMOVE_DELIVERED in settings.policy.approvals
    return not asked_for or by.kind not in PEOPLE or Right.REMOVE_DELIVERED in by.rights


def is_loose(selected: Selection) -> bool:
    """Whether it is selected by domain or by what messages say or carry. Nobody has seen all that this may be."""
    return bool(selected.domain or selected.reads_content)
