"""Usual content of a sender's earlier messages, read from the messages still kept, so that it is forgotten with them."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, not_, or_, select
from sqlmodel import Session, col

from triage.message.mime.links import registered_organisation
from triage.message.mime.rewritten_links import real_destination
from triage.message.signals.deviations import Deviation
from triage.policy.contacts.sender_history import ACCEPTED, LOOKED_AT
from triage.policy.contacts.wanted_senders import was_released
from triage.store import confidential_rows
from triage.store.message_record.damaged_records import skip_damaged
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

SETTLED = timedelta(days=7)  # nobody removed or reported it in this time
USUAL = 2  # messages that had it; a released one is enough


def drop_usual(
    session: Session, found: Iterable[Deviation], author: str, *, freemail: Collection[str], now: datetime
) -> tuple[Deviation, ...]:
    """Returns the deviations that the sender's earlier messages do not show to be usual. Reads those only where there are deviations."""
    found = tuple(found)
    usual = find_usual(session, author, freemail=freemail, now=now) if found and author else frozenset()
    return tuple(one for one in found if one.evidence not in usual)


def find_usual(session: Session, author: str, *, freemail: Collection[str], now: datetime) -> frozenset[str]:
    """Link organisations, Reply-To addresses and signals of the proven messages that were accepted from the author's domain, at a free-mail
    provider from the author. What lies in confidential folders says nothing: it would show elsewhere."""
    domain = author.rpartition("@")[2]
    theirs = col(Delivery.author) == author if domain in freemail else col(Delivery.author_domain) == domain
    released = was_released()
    settled = or_(released, col(Delivery.received_at) < now - SETTLED)
    rows = session.execute(
        select(col(Message.id), col(Message.record), released)
        .join(Delivery, col(Delivery.message_id) == col(Message.id))
        .where(and_(theirs, col(Delivery.proof) != "", ACCEPTED, settled, not_(confidential_rows.is_confidential())))
        .order_by(col(Delivery.received_at).desc())
        .limit(LOOKED_AT)
    )
    times: Counter[str] = Counter()
    counted: set[tuple[int, str]] = set()
    for message, record, by_somebody in skip_damaged(rows):
        for one in evidence_of(record.summary, record.signals):
            if by_somebody:
                times[one] += USUAL
            elif (message, one) not in counted:
                counted.add((message, one))
                times[one] += 1
    return frozenset(one for one, number in times.items() if number >= USUAL)


def evidence_of(summary: dict[str, Any], signals: list[dict[str, Any]]) -> Iterator[str]:
    """Yields evidence in a message that could make the same in a later one usual: link organisations, Reply-To addresses, names of
    signals."""
    yield from dict.fromkeys(registered_organisation(real_destination(link["target"]).host) for link in summary.get("links", ()))
    yield from dict.fromkeys(summary.get("reply_to", ()))
    yield from dict.fromkeys(one["name"] for one in signals)
