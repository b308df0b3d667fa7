"""The lane of known senders' messages that are held for their recipients' assistants, as SQL: without those that look suspicious."""

from sqlalchemy import ColumnElement, and_, literal, literal_column, select
from sqlmodel import Session, col

from triage.message.signals.severity import Severity
from triage.store.delivery_state import FOR_ASSISTANT, State
from triage.store.models.deliveries import Delivery
from triage.store.queue import grouping

IS_FOR_ASSISTANT = col(Delivery.rule) == literal_column(f"'{FOR_ASSISTANT}'")  # a constant, so that the index of these few is used
HELD_FOR_ASSISTANT = and_(IS_FOR_ASSISTANT, col(Delivery.state) == literal_column(f"'{State.HELD}'"))
ANY = select(literal(1)).where(HELD_FOR_ASSISTANT).limit(1)


def is_in_lane() -> ColumnElement[bool]:
    """Condition: deliveries that a rule would have delivered and that are held for an assistant only. Suspicious ones need a decision."""
    return and_(IS_FOR_ASSISTANT, grouping.severity_column() < int(Severity.SUSPICIOUS))


def holds(rule: str, severity: int) -> bool:
    """Whether a held delivery with this rule and severity is in the lane."""
    return rule == FOR_ASSISTANT and severity < Severity.SUSPICIOUS


def has_lane(session: Session) -> bool:
    """Whether anything is held for an assistant."""
    return session.scalar(ANY) is not None
