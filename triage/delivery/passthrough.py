"""Mail that nobody triages: its deliveries are queued at once, and little of what it says is kept beside its bytes."""

from dataclasses import replace
from datetime import datetime

from triage.addressing.envelope import Envelope
from triage.ids import new_id
from triage.message.authentication import Authentication
from triage.message.summary import Summary
from triage.store.delivery_state import State
from triage.store.message_record.record_codec import MessageRecord
from triage.store.models.messages import Message
from triage.store.new_rows import NewDelivery


def message_of(envelope: Envelope, content_id: int, summary: Summary, text: str = "") -> Message:
    """The message, about which nothing is judged."""
    return Message(
        id=envelope.spool_id,
        spool_id=envelope.spool_id,
        content_id=content_id,
        received_at=envelope.received_at,
        record=MessageRecord(envelope.as_json(), Authentication("").as_json(), summary.as_json(), []),
        text=text,
    )


def message_of_ours(
    number: int, content_id: int, to: str, author: str, *, hostname: str, now: datetime, subject: str = "", text: str = ""
) -> Message:
    """Builds the record of a message that Mailroom wrote itself. Null reverse-path: no answer ever comes of it."""
    envelope = Envelope(number, now, "", (to,), "", hostname, protocol="local")
    summary = replace(Summary(), parsed=True, author=author, authors=(author,), subject=subject, automatic="auto-submitted")
    return message_of(envelope, content_id, summary, text)


def unread_delivery(
    message_id: int,
    mailbox: str,
    *,
    received_at: datetime,
    recipient: str,
    author: str,
    folder: tuple[str, str],
    direction: str,
    rule: str,
    reason: str,
    now: datetime,
) -> NewDelivery:
    """Delivery of an unread message to a recipient; `folder`: the owner's department and uid."""
    return NewDelivery(
        id=new_id(),
        message_id=message_id,
        state=State.QUEUED,
        received_at=received_at,
        recipient=recipient,
        department=folder[0],
        person=folder[1],
        mailbox=mailbox,
        author=author,
        author_domain=author.rpartition("@")[2],
        author_name="",
        subject="",
        search="",
        proof="",
        verdict="relay",
        rule=rule,
        reason=reason,
        direction=direction,
        due_at=now,
        queued_at=now,
    )
