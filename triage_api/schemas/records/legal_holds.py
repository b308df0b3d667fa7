"""Legal holds."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from triage_api.schemas.fields import Id, Order, Shape, Text, Word
from triage_api.schemas.queue.selections import Select

Lifted = Annotated[bool, Query(description="Also those that were lifted.")]


class LegalHold(Shape):
    """Mail that must be kept. It is about a person or about a selection."""

    id: Id
    person: Annotated[str, Field(description="uid; empty: it is about `select`")]
    select: Annotated[dict[str, Any], Field(validation_alias="selection")]
    reason: str
    made_at: datetime
    made_by_name: Annotated[str, Field(validation_alias="made_by_shown")]
    lifted_at: datetime | None
    lifted_by_name: Annotated[str, Field(validation_alias="lifted_by_shown")]
    lifted_reason: str
    deliveries: Annotated[int, Field(description="that it keeps, or has kept")]


class LegalHolds(Shape):
    """Page of legal holds."""

    items: list[LegalHold]
    next_cursor: str | None


class LegalHoldOrder(Order):
    """A legal hold to add, with its reason: `person` or `select`. A selection may not name states."""

    person: Annotated[Word, Field(description="uid")] = ""
    select: Select | None = None
    reason: Text


class LiftOrder(Order):
    """Reason for lifting a hold."""

    reason: Text
