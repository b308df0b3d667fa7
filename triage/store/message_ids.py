"""Has a message been entered already, and under which id: a second call for the same one changes nothing."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import BigInteger, select
from sqlmodel import Session, col

from triage.addressing.envelope import Envelope
from triage.ids import sibling_id
from triage.store.db import OneOf
from triage.store.models.messages import Message

BY_SPOOL_ID = select(col(Message.spool_id), col(Message.id), col(Message.envelope)).where(
    OneOf(col(Message.spool_id), "spool_ids", BigInteger)
)


def identify_envelope(session: Session, envelope: Envelope) -> tuple[Envelope, int | None]:
    """The envelope under an id that no other message has, and the message's own id when it was entered already.

    Doors make ids apart from each other: that two of them make the same one is rare, and must not lose the second mail.
    Its other id follows from its envelope, so it is found again.
    """
    return identified_all(session, [envelope])[0]


def identified_all(session: Session, envelopes: Sequence[Envelope]) -> list[tuple[Envelope, int | None]]:
    """The same for many, asked for together."""
    rows = session.execute(BY_SPOOL_ID, {"spool_ids": [envelope.spool_id for envelope in envelopes]})
    entered = {spool_id: (message_id, Envelope.from_json(kept)) for spool_id, message_id, kept in rows}
    found: list[tuple[Envelope, int | None]] = []
    for envelope in envelopes:
        message_id, kept = entered.get(envelope.spool_id, (None, envelope))
        if kept == envelope:
            found.append((envelope, message_id))
        else:
            found.append(identify_envelope(session, replace(envelope, spool_id=sibling_id(envelope.spool_id, envelope.as_json()))))
    return found
