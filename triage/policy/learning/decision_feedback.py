"""Decisions about held messages that other programs may learn from: an hour old, not taken back, nothing confidential."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import Session, col

from triage.errors import NotFound, Unreadable
from triage.store import bodies, confidential_rows, versions
from triage.store.delivery_state import FOR_ASSISTANT, State
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content, Message

SECOND_THOUGHTS = timedelta(hours=1)  # in which most decisions are undone that are
GIVEN_UP = timedelta(days=3)  # after which nobody is told any more
LARGEST = 1024 * 1024  # bytes of a message: what is told apart by its words is shorter
EACH = 20  # messages of one decision; of a campaign it is one
REVERSED = (State.HELD, State.RESTORING)
RELEASED, REMOVED = ("release", "redirect"), ("purge",)


class Example(NamedTuple):
    """A message that staff decided about, as it was received."""

    junk: bool
    raw: bytes
    received_at: datetime
    client: str = ""  # the address that it came from
    reverse_path: str = ""
    folder: tuple[str, str] = ("", "")  # department and uid of whose message it was
    message_id: int = 0


class Lesson(NamedTuple):
    """Decision and examples of its messages; without examples where nothing is to be learned."""

    decision_id: int
    examples: tuple[Example, ...]


def begin_feedback(session: Session, marker: str) -> None:
    """Starts feedback for a new marker at the last decision, so that no past decisions are sent."""
    if not versions.read_version(session, marker):
        versions.put_version(session, marker, session.scalar(select(func.max(col(Decision.id)))) or 1)


def end_feedback(session: Session, marker: str) -> None:
    """Ends feedback where nobody is to be told any more: what is decided until it begins again is never sent."""
    versions.remove_version(session, marker)


def next_lesson(session: Session, marker: str, *, verbs: tuple[str, ...] = (*RELEASED, *REMOVED), now: datetime) -> Lesson | None:
    """The next decision to tell, of these verbs; None when there is none, or where feedback has not begun."""
    begun = versions.read_version(session, marker)
    if not begun:
        return None
    decision = session.scalars(
        select(Decision)
        .where(
            col(Decision.id) > begun,
            col(Decision.at) > now - GIVEN_UP,
            col(Decision.at) <= now - SECOND_THOUGHTS,
            col(Decision.verb).in_(verbs),
            col(Decision.by).startswith("person:"),
            col(Decision.undone_by).is_(None),
        )
        .order_by(col(Decision.id))
        .limit(1)
    ).first()
    return Lesson(decision.id, tuple(list_examples(session, decision))) if decision else None


def list_examples(session: Session, decision: Decision) -> Iterator[Example]:
    """Messages of a decision: of a campaign one, and only once, since a wave is one lesson; none with a copy in a confidential folder."""
    told = func.coalesce(col(Delivery.campaign_id), col(Delivery.message_id))
    first = (
        select(func.min(col(Delivery.id)))
        .join(DecisionItem, col(DecisionItem.delivery_id) == col(Delivery.id))
        .where(
            col(DecisionItem.decision_id) == decision.id,
            col(DecisionItem.before) == State.HELD,
            col(DecisionItem.outcome) == "done",
            is_final_decision(decision.id),
            col(Delivery.direction) == "in",
            col(Delivery.rule) != FOR_ASSISTANT,
            not_(has_confidential_copy(Delivery)),
            or_(col(Delivery.campaign_id).is_(None), col(Delivery.campaign_id).not_in(find_taught_campaigns(decision))),
        )
        .group_by(told)
        .limit(EACH)
    )
    wanted = col(Delivery.id).in_(list(session.scalars(first)))
    contents = (
        select(Message, col(Delivery.department), col(Delivery.person), col(Content.zstd), col(Content.size))
        .join(Delivery, col(Delivery.message_id) == col(Message.id))
        .join(Content, col(Message.content_id) == col(Content.id))
        .where(wanted, col(Content.size) <= LARGEST)
    )
    for message, *folder, zstd, size in session.execute(contents.order_by(col(Message.id))):
        with contextlib.suppress(NotFound, Unreadable):  # erased, or damaged
            envelope, raw = message.envelope, bodies.unpack_body(zstd, size)
            client, reverse_path = envelope.get("client", ""), envelope.get("reverse_path", "")
            yield Example(decision.verb in REMOVED, raw, message.received_at, client, reverse_path, (folder[0], folder[1]), message.id)


def has_confidential_copy(delivery: type[Delivery]) -> ColumnElement[bool]:
    """Whether the message has a copy in a confidential folder."""
    sibling = aliased(Delivery)
    return exists().where(col(sibling.message_id) == col(delivery.message_id), confidential_rows.is_confidential(sibling))


def find_taught_campaigns(decision: Decision) -> Select[int | None]:
    """Campaigns about which a person decided the same in the days before: that was the lesson."""
    earlier, item, other = aliased(Decision), aliased(DecisionItem), aliased(Delivery)
    verbs = REMOVED if decision.verb in REMOVED else RELEASED
    return (
        select(col(other.campaign_id))
        .join(item, col(item.delivery_id) == col(other.id))
        .join(earlier, col(earlier.id) == col(item.decision_id))
        .where(
            col(other.campaign_id).is_not(None),
            col(other.direction) == "in",
            col(other.decision_id) == col(earlier.id),
            col(other.state).not_in(REVERSED),
            col(item.before) == State.HELD,
            col(item.outcome) == "done",
            col(earlier.id) < decision.id,
            col(earlier.at) > decision.at - GIVEN_UP,
            col(earlier.verb).in_(verbs),
            col(earlier.by).startswith("person:"),
            col(earlier.undone_by).is_(None),
            not_(has_confidential_copy(other)),
        )
    )


def is_final_decision(decision: int | Mapped[int]) -> ColumnElement[bool]:
    """Deliveries that nobody decided about again: what the decision removed was not restored, what it released was not removed."""
    return and_(col(Delivery.decision_id) == decision, col(Delivery.state).not_in(REVERSED))


def save_lesson_sent(session: Session, marker: str, lesson: Lesson) -> None:
    """Records that a decision was sent as feedback, or that there was nothing to send."""
    versions.raise_version(session, marker, lesson.decision_id)
