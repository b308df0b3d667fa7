"""Known sender with the most messages held by the checks: an account that may be stolen."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, desc, func, not_, select
from sqlmodel import Session, col

from triage.policy.decide import UNLIKE
from triage.store import confidential_rows
from triage.store.models.columns import Instant
from triage.store.models.deliveries import Delivery
from triage.store.queue.grouping import HELD_MAIL


class HeldSender(NamedTuple):
    """Held messages of one sender."""

    messages: int
    first: datetime
    newest: int  # id of a delivery


def most_held(session: Session, freemail: Collection[str], since: datetime) -> HeldSender | None:
    """The sender (a domain, at a free-mail provider an address) of whom most messages that came since then are held."""
    domain = col(Delivery.author_domain)
    sender = case((domain.in_(sorted(freemail)), col(Delivery.author)), else_=domain)
    messages = func.count(col(Delivery.message_id).distinct())
    row = session.execute(
        select(messages, func.min(col(Delivery.received_at), type_=Instant), func.max(col(Delivery.id)))
        .where(HELD_MAIL, col(Delivery.rule) == UNLIKE, col(Delivery.received_at) > since, not_(confidential_rows.is_confidential()))
        .group_by(sender)
        .order_by(desc(messages), sender)
        .limit(1)
    ).first()
    return HeldSender(*row) if row else None
