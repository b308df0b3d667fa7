"""Schemas of requests to the keepers of a confidential folder, made by a removal."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from triage_api.schemas.fields import Id, Order, Shape, Text
from triage_api.schemas.language import Sentence


class ConfidentialRemoval(Shape):
    """A removal of a campaign asks to remove its copies in a confidential folder too, as a keeper of the folder sees it."""

    id: Id
    folder: Annotated[str, Field(description="department:CODE or person:UID")]
    asked_by_name: Annotated[str, Field(validation_alias="asked_by_shown")]
    asked_at: datetime
    expires_at: Annotated[datetime, Field(validation_alias="lapses_at")]
    reason: Annotated[str, Field(description="of the removal, as they said it")]
    count: Annotated[int, Field(description="copies in the folder now")]
    delivered: Annotated[int, Field(description="of them in mailboxes")]
    items: Annotated[list[Id], Field(description="ids of the newest deliveries, at most 20")]
    state: Literal["waiting", "confirmed", "declined", "joined", "undone"]
    result_id: Annotated[Id | None, Field(description="of the keeper's own decision, once it is confirmed")]
    sentence: Sentence


class ConfidentialRemovals(Shape):
    """Requests to the keepers, the newest first."""

    items: list[ConfidentialRemoval]
    next_cursor: str | None = None


class ConfidentialRemovalAnswer(Order):
    """A keeper's answer."""

    reason: Text = ""
    expect: Annotated[int | None, Field(ge=0, description="the count that the keeper saw; 412 when it is another one by now")] = None
