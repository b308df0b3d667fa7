"""A message's ids: whether it was entered already and under which id, and which message an id of a reply, a log or a delivery names."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import BigInteger, ColumnElement, select, union
from sqlmodel import Session, col

from triage.addressing.envelope import Envelope
from triage.ids import format_id, sibling_id
from triage.store.db import OneOf
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

BY_SPOOL_ID = select(col(Message.spool_id), col(Message.id), col(Message.record)).where(
    OneOf(col(Message.spool_id), "spool_ids", BigInteger)
)


def identify_envelope(session: Session, envelope: Envelope) -> tuple[Envelope, int | None]:
    """The envelope under an id that no other message has, and the message's own id when it was entered already.

    Doors make ids apart from each other: that two of them make the same one is rare, and must not lose the second mail.
    Its other id follows from its envelope, so it is found again.
    """
    return identified_all(session, [envelope])[0]


def identified_all(session: Session, envelopes: Sequence[Envelope]) -> list[tuple[Envelope, int | None]]:
    """The same for many, asked for together. One whose record cannot be read counts as another: better twice than lost."""
    rows = session.execute(BY_SPOOL_ID, {"spool_ids": [envelope.spool_id for envelope in envelopes]})
    entered = {
        spool_id: (message_id, None if record.fault else Envelope.from_json(record.envelope)) for spool_id, message_id, record in rows
    }
    found: list[tuple[Envelope, int | None]] = []
    for envelope in envelopes:
        message_id, kept = entered.get(envelope.spool_id, (None, envelope))
        if kept == envelope:
            found.append((envelope, message_id))
        else:
            found.append(identify_envelope(session, replace(envelope, spool_id=sibling_id(envelope.spool_id, envelope.as_json()))))
    return found


def named_message(number: int) -> ColumnElement[bool]:
    """The deliveries of the message that this id names: its own, or the one in the 250 reply. Old messages have both."""
    own = select(col(Message.id)).where(col(Message.id) == number)
    return col(Delivery.message_id).in_(union(own, select(col(Message.id)).where(col(Message.spool_id) == number)))


def audit_subjects(session: Session, number: int) -> list[str]:
    """Returns the subjects of audit entries about a message, for any of its ids: the message, its deliveries, its place in the spool."""
    theirs = select(col(Delivery.id), col(Delivery.message_id)).where(named_message(number) | (col(Delivery.id) == number))
    rows = session.execute(theirs).all()
    messages = {number, *(message for _, message in rows)}
    spooled = session.scalars(select(col(Message.spool_id)).where(col(Message.id).in_(messages)))
    deliveries = {number, *(delivery for delivery, _ in rows)}
    return sorted(
        [f"message:{format_id(one)}" for one in messages]
        + [f"delivery:{format_id(one)}" for one in deliveries]
        + [f"spool:{format_id(one)}" for one in {number, *spooled}]
    )
