"""Schemas of substitutes."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from triage_api.schemas.fields import Id, Order, Shape, Text, Word


class SubstitutionOrder(Order):
    """A substitute to arrange."""

    absent: Annotated[Word, Field(description="Login; left out: you.")] = ""
    substitute: Word
    starts_at: Annotated[AwareDatetime | None, Field(description="Left out: now.")] = None
    ends_at: AwareDatetime
    reason: Text = ""


class Substitution(Shape):
    """A substitution: who is the substitute of whom, and until when."""

    id: Id
    absent: str
    substitute: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    made_by: str


class Substitutions(Shape):
    """Substitutions in force or to come."""

    items: list[Substitution]
    next_cursor: str | None = None
