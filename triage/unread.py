"""A delivery that nobody triages: queued at once, and what it is about is not kept beside its bytes."""

from datetime import datetime

from triage.entering import NewDelivery
from triage.ids import new_id
from triage.states import State


def unread(
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
    """One recipient's copy; `folder`: department and uid of whose mail it is."""
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
