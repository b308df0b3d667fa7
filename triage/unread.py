"""A delivery that nobody triages: queued at once, and what it is about is not kept beside its bytes."""

from datetime import datetime

from triage.models import Delivery, Message
from triage.states import State


def unread(
    message: Message,
    mailbox: str,
    *,
    recipient: str,
    author: str,
    folder: tuple[str, str],
    direction: str,
    rule: str,
    reason: str,
    now: datetime,
) -> Delivery:
    """The row of one recipient's copy; `folder`: department and uid of whose mail it is."""
    return Delivery(
        message_id=message.id,
        state=State.QUEUED,
        received_at=message.received_at,
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
        weight=0,
        verdict="relay",
        rule=rule,
        reason=reason,
        direction=direction,
        due_at=now,
        queued_at=now,
    )
