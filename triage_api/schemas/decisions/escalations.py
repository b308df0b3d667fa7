"""Escalations: messages that were handed to a duty."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from triage_api.schemas.fields import Id, Order, Shape, Text, Word
from triage_api.schemas.language import Sentence
from triage_api.schemas.queue.selections import Select

Confirmed = Annotated[bool, Query(description="Also those that were confirmed or undone.")]


class DutyShown(Shape):
    """A duty to which messages are escalated."""

    name: str
    title: Sentence
    phone: Annotated[str, Field(description="empty: the settings name none")]
    staff: Annotated[list[str], Field(description="logins of those who confirm; empty: whoever decides")]


class Duties(Shape):
    """All duties."""

    items: list[DutyShown]


class Escalation(Shape):
    """A decision that escalated messages to a duty."""

    id: Annotated[Id, Field(description="of the decision; `POST /decisions/{id}/undo` ends the escalation and its legal hold")]
    duty: str
    title: Sentence
    phone: str
    reason: str
    at: datetime
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    count: Annotated[int, Field(description="messages")]
    deliveries: Annotated[list[Id], Field(description="of them those in your scope")]
    hold: Annotated[Id, Field(description="the legal hold that keeps the evidence")]
    notified: Annotated[int, Field(description="people and addresses that got a notice")]
    confirmed_at: datetime | None
    confirmed_by_name: Annotated[str, Field(validation_alias="confirmed_by_shown")]
    ended_at: Annotated[datetime | None, Field(description="when it was undone")]
    may_confirm: Annotated[bool, Field(description="you are of the duty, and nobody has confirmed it")]


class Escalations(Shape):
    """Page of escalations, newest first."""

    items: list[Escalation]
    next_cursor: str | None


class EscalationOrder(Order):
    """Escalation of messages to a duty, with the reason."""

    select: Select
    to: Annotated[Word, Field(description="security, management, legal or data-protection, as the settings name them")]
    reason: Text
    expect: Annotated[int | None, Field(ge=0, description="refuse when another number is selected")] = None
