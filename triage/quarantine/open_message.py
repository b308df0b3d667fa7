"""Read-only: a message as it is opened, its bytes, and whether opening it needs a reason."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, literal, not_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.errors import Erased, NotFound, ReasonNeeded
from triage.ids import format_id
from triage.message.authentication import Authentication
from triage.message.summary import Summary
from triage.quarantine.search.listing import Listed, delivery_of_row, listing_statement
from triage.say import error_sentence, say
from triage.store import bodies, confidential_rows, message_ids
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content, Message


@dataclass(frozen=True, slots=True)
class Opened:
    """A message with those of its deliveries that the actor may see."""

    id: int
    received_at: datetime
    size: int  # bytes as received
    erased: bool
    envelope: Envelope
    authentication: Authentication
    summary: Summary  # without its text
    signals: tuple[dict[str, Any], ...]
    deliveries: tuple[Listed, ...]

    @property
    def sealed(self) -> bool:
        """Whether opening it needs a reason. Not where a copy is in a folder that is open to them."""
        return all(one.sealed for one in self.deliveries)


def open_message(session: Session, message_id: int, *, by: Actor) -> Opened:
    """A message, by its id or the one in the 250 reply. NotFound unless one of its deliveries is in the actor's scope."""
    where = and_(message_ids.named_message(message_id), access.readable_deliveries(by))
    own = tuple(delivery_of_row(row) for row in session.execute(listing_statement(where).order_by(col(Delivery.id))))
    if not own:
        raise NotFound(say("there is no message {message_id}", message_id=format_id(message_id)))
    found = session.get_one(Message, own[0].message_id)
    content = session.get_one(Content, found.content_id)
    return Opened(
        id=found.id,
        received_at=found.received_at,
        size=content.size,
        erased=content.zstd is None,
        envelope=Envelope.from_json(found.envelope),
        authentication=Authentication.from_json(found.authentication),
        summary=Summary.from_json(found.summary),
        signals=tuple(found.signals),
        deliveries=own,
    )


def read_raw(session: Session, message_id: int, *, by: Actor, reason: str = "") -> bytes:
    """The bytes of a message as received. NotFound as for `open_message`, Erased when its retention time is over.

    ReasonNeeded when it is confidential and no reason is given; the reason belongs in the audit log (`breaks_seal`).
    """
    content_id = content_of(session, message_id, by=by)
    breaks_seal(session, message_id, by=by, reason=reason)
    try:
        return bodies.load_body(session, content_id)
    except NotFound as gone:
        raise Erased(error_sentence(gone)) from gone


def content_of(session: Session, message_id: int, *, by: Actor) -> int:
    """The content of a message that the actor may read. NotFound as for `open_message`."""
    where = and_(col(Delivery.message_id) == message_id, access.readable_deliveries(by))
    found = session.scalar(
        select(col(Message.content_id)).join(Delivery, col(Delivery.message_id) == col(Message.id)).where(where).limit(1)
    )
    if found is None:
        raise NotFound(say("there is no message {message_id}", message_id=format_id(message_id)))
    return found


def require_content(session: Session, message_id: int, *, by: Actor) -> None:
    """NotFound as for `open_message`, Erased when there is nothing left of it to show."""
    content_id = content_of(session, message_id, by=by)
    if session.scalar(select(col(Content.zstd).is_(None)).where(col(Content.id) == content_id)):
        raise Erased(bodies.ERASED)


def read_text(session: Session, message_id: int, *, by: Actor, reason: str = "") -> str:
    """Returns the text of a message. NotFound and ReasonNeeded as for `read_raw`."""
    opened = open_message(session, message_id, by=by)
    breaks_seal(session, message_id, by=by, reason=reason)
    return session.get_one(Message, opened.id).text


def breaks_seal(session: Session, message_id: int, *, by: Actor, reason: str) -> bool:
    """Whether opening this message enters the audit log, because every copy in the actor's scope is confidential.

    ReasonNeeded without a reason.
    """
    mine = and_(col(Delivery.message_id) == message_id, access.within_scope(by))
    if session.scalar(select(literal(1)).where(mine, not_(confidential_rows.is_confidential())).limit(1)):
        return False
    if not reason.strip():
        raise ReasonNeeded(say("this message is in a confidential folder: say why you open it; the audit log keeps the reason"))
    return True
