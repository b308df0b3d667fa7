"""The life of a message: its steps, oldest first."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage_api.schemas.fields import Id, Shape
from triage_api.schemas.language import Sentence


class Step(Shape):
    """Event in the life of a message, or of one of its deliveries."""

    at: datetime
    by: Annotated[str, Field(description="person:LOGIN, rule:NAME, system:PART")]
    act: Annotated[str, Field(description="received, authenticated, receive (the verdict), viewed, release, deliver, …")]
    sentence: Sentence
    delivery: Annotated[Id | None, Field(description="Null: it concerns the whole message.")]
    recipient: str
    next_hop: Annotated[str, Field(description="Of an attempt to send it; else empty.")]
    attempt: Annotated[int | None, Field(description="Number of the attempt; null for other steps.")]


class Trace(Shape):
    """The life of a message."""

    id: Annotated[Id, Field(description="Its id, whichever id was asked for.")]
    steps: list[Step]
    left_out: Annotated[int, Field(description="How many of its deliveries are not followed; 50 are.")]
