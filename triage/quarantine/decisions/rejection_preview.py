"""Preview of a rejection: which sender would get which notice."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import rejections
from triage.delivery.templates import REJECTION, fill_notice
from triage.quarantine.search import selection
from triage.quarantine.search.selection import Selection
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

SHOWN = 20  # notices


@dataclass(frozen=True, slots=True)
class NoticePreview:
    """Notice that one sender would get about one message."""

    message: int
    to: str
    text: str


@dataclass(frozen=True, slots=True)
class Preview:
    """Preview of notices: senders who would get one, and those who would not."""

    notices: tuple[NoticePreview, ...]  # the first ones
    messages: int  # whose sender would get a notice
    deliveries: int  # that would be rejected
    refused: tuple[tuple[str, int], ...]  # why others would not be, and how many


def preview_rejection(session: Session, selected: Selection, *, template: str, text: str, by: Actor, settings: Settings) -> Preview:
    """Previews notices for held messages of a selection that the actor may see. BadInput as for the decision itself."""
    said = rejections.text_of(settings, template=template, text=text)
    held = and_(selection.selection_condition(selected), access.visible_deliveries(by), col(Delivery.state) == State.HELD)
    ids = list(session.scalars(select(col(Delivery.id)).where(held)))
    barred = rejections.refuse_rejections(session, ids, settings)
    by_message: dict[int, list[Delivery]] = {}
    for delivery, message in rejections.held_among(session, (one for one in ids if one not in barred)):
        by_message.setdefault(message.id, []).append(delivery)
    return Preview(
        notices=tuple(preview_notices(session, list(by_message.items())[:SHOWN], said, settings)),
        messages=len(by_message),
        deliveries=sum(map(len, by_message.values())),
        refused=tuple(Counter(barred.values()).most_common()),
    )


def preview_notices(
    session: Session, chosen: Iterable[tuple[int, list[Delivery]]], said: str, settings: Settings
) -> Iterable[NoticePreview]:
    """The words that go to each sender."""
    for message_id, deliveries in chosen:
        filled = fill_notice(session.get_one(Message, message_id), deliveries, REJECTION, said, settings)
        if filled:
            yield NoticePreview(message_id, filled.to, filled.text)
