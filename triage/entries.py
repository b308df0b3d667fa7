"""Has a message been entered already, and under which id: a second call for the same one changes nothing."""

from dataclasses import replace

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from triage.envelope import Envelope
from triage.ids import sibling
from triage.models import Message

BY_SPOOL_ID = select(col(Message.id), col(Message.envelope)).where(col(Message.spool_id) == bindparam("spool_id"))


def identified(session: Session, envelope: Envelope) -> tuple[Envelope, int | None]:
    """The envelope under an id that no other message has, and the message's own id when it was entered already.

    Doors make ids apart from each other: that two of them make the same one is rare, and must not lose the second mail.
    Its other id follows from its envelope, so it is found again.
    """
    while True:
        found = session.execute(BY_SPOOL_ID, {"spool_id": envelope.spool_id}).one_or_none()
        if found is None:
            return envelope, None
        if Envelope.from_json(found.envelope) == envelope:
            return envelope, found.id
        envelope = replace(envelope, spool_id=sibling(envelope.spool_id, envelope.as_json()))
