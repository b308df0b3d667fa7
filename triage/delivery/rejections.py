"""Telling a proven sender no: what is said, to whom it may be said, and until when it can be taken back."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from triage.config.settings import Settings
from triage.delivery import sender_notices
from triage.delivery.templates import LONGEST_TEXT, REJECTION, as_written
from triage.errors import BadInput
from triage.say import quote_text, say
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery, Notice
from triage.store.models.messages import Message

MOST_MESSAGES = 100  # at once: each sends a message
UNRESTORABLE = say("The sender already got the rejection: ask them to send the message again.")


def text_of(settings: Settings, *, template: str = "", text: str = "") -> str:
    """Returns the text of a rejection, with its placeholders: a template of the settings, or staff's own words. BadInput unless exactly one
    of the two is given.
    """
    if bool(template) == bool(text.strip()):
        raise BadInput(say("give either a template or a text"), field="reject")
    if len(text) > LONGEST_TEXT:
        raise BadInput(say("the text is longer than {longest_text} characters", longest_text=LONGEST_TEXT), field="reject")
    known = dict(settings.reject.templates)
    if template and template not in known:
        raise BadInput(
            say("there is no template {template}; there are {names}", template=quote_text(template), names=", ".join(known)), field="reject"
        )
    return known[template] if template else text


def refuse_rejections(session: Session, ids: Iterable[int], settings: Settings) -> dict[int, str]:
    """Returns those held deliveries whose sender must not get a notice, and why. BadInput when it would be too many messages."""
    given = list(ids)
    at_once(session, given)
    found = held_among(session, given)
    messages = {message.id: message for _, message in found}
    waiting = sender_notices.waiting_notices(session, messages)
    reasons = {
        one: sender_notices.why_not(session, message, settings) for one, message in messages.items() if not joins_notice(waiting.get(one))
    }
    why = {delivery.id: reasons.get(message.id) or is_unnamed(delivery, message) for delivery, message in found}
    return {delivery_id: say("No notice was sent: {reason}.", reason=reason) for delivery_id, reason in why.items() if reason}


def at_once(session: Session, ids: Iterable[int]) -> None:
    """BadInput when rejecting these would send too many messages."""
    number = session.scalar(select(func.count(func.distinct(col(Delivery.message_id)))).where(*held_deliveries(session, ids))) or 0
    if number > MOST_MESSAGES:
        raise BadInput(
            say(
                "that would send {number} notices; reject at most {most_messages} messages at once, or purge them",
                number=number,
                most_messages=MOST_MESSAGES,
            ),
            field="reject",
        )


def held_among(session: Session, ids: Iterable[int]) -> list[tuple[Delivery, Message]]:
    """Returns those of the deliveries that are held, with their messages."""
    rows = select(Delivery, Message).join(Message, col(Message.id) == col(Delivery.message_id)).where(*held_deliveries(session, ids))
    return [(delivery, message) for delivery, message in session.execute(rows.order_by(col(Delivery.id)))]


def held_deliveries(session: Session, ids: Iterable[int]) -> tuple[ColumnElement[bool], ...]:
    """The conditions on those that are held."""
    return is_among(session, col(Delivery.id), ids), col(Delivery.state) == State.HELD


def is_unnamed(delivery: Delivery, message: Message) -> str:
    """Whether it is for somebody whom the sender never named."""
    return "" if as_written(delivery, message) else say("the sender never wrote to this address")


def joins_notice(notice: Notice | None) -> bool:
    """Whether a further copy of the message goes into this notice."""
    return notice is not None and notice.kind == REJECTION


def queue_rejections(session: Session, ids: Iterable[int], text: str, *, settings: Settings, now: datetime) -> None:
    """Queues notices to the senders of rejected deliveries for after the undo time, one a message however many copies."""
    messages = sender_notices.messages_of(session, ids)
    waiting = sender_notices.waiting_notices(session, [message.id for message in messages])
    due = now + timedelta(seconds=settings.policy.undo_seconds)
    for message in messages:
        if joins_notice(waiting.get(message.id)):
            sender_notices.follow_changes(session, [message.id], settings=settings, now=now)
        else:
            sender_notices.make_notice(session, message, REJECTION, text, settings=settings, due=due, now=now)


def refuse_rejected(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """Returns those rejected deliveries that cannot be restored, and why."""
    return dict.fromkeys(sender_notices.notified_deliveries(session, ids), UNRESTORABLE)
