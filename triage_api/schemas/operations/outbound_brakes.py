"""Brakes on employees' outgoing messages, and announced runs."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from triage_api.schemas.fields import Id, Order, Shape, Text, Word
from triage_api.schemas.vocabulary import BrakeState


class BrakedMessage(Shape):
    """A message that an employee's account sent."""

    id: Id
    subject: Annotated[str, Field(description="as its author wrote it; empty where its content is erased")]
    at: datetime
    recipients: Annotated[int, Field(description="new ones")]


class OutboundBrake(Shape):
    """An employee's account that wrote to many new recipients within an hour, and what waits."""

    id: Id
    person: Annotated[str, Field(description="uid")]
    name: str
    state: Annotated[BrakeState, Field(description="open: messages wait; reported: they were sent, the brake only reports so far")]
    at: datetime
    recipients: Annotated[int, Field(description="new ones within an hour")]
    waiting: Annotated[int, Field(description="deliveries that wait for a decision")]
    messages: Annotated[list[BrakedMessage], Field(description="at most 20, those to most recipients first")]
    decided_at: datetime | None
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    reason: str


class OutboundBrakes(Shape):
    """The brakes that wait, and those of the last seven days, the newest first."""

    items: list[OutboundBrake]


class BrakeOrder(Order):
    """Reason of a decision about an outbound brake."""

    reason: Text = ""


class OutboundRun(Shape):
    """An announced run: an employee may write to so many new recipients until then."""

    id: Id
    person: Annotated[str, Field(description="uid")]
    recipients: Annotated[int, Field(description="new ones, at most")]
    used: Annotated[int, Field(description="of these, so far")]
    until: datetime
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    reason: str


class OutboundRuns(Shape):
    """The announced runs in force, those that end first come first."""

    items: list[OutboundRun]


class RunOrder(Order):
    """An announced run: who will write to how many new recipients, until when, and why."""

    employee: Annotated[Word, Field(description="uid, or an address of theirs")]
    recipients: Annotated[int, Field(ge=1, le=1_000_000)]
    until: Annotated[AwareDatetime, Field(description="within the next seven days")]
    reason: Text = ""
