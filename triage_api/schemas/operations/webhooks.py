"""Webhooks."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from triage_api.schemas.fields import Shape


class Webhook(Shape):
    """State of a webhook."""

    name: str
    state: Annotated[
        Literal["new", "works", "failing", "gone"],
        Field(
            description="new: nothing was taken yet; failing: three calls in a row failed; gone: it answered 410 and is not called any more"
        ),
    ]
    waiting: Annotated[int, Field(description="calls not delivered yet")]
    oldest: Annotated[datetime | None, Field(description="since when the first of them waits")]
    succeeded_at: Annotated[datetime | None, Field(description="last accepted call")]
    failures: Annotated[int, Field(description="in a row")]
    retry_at: Annotated[datetime | None, Field(validation_alias="rests_until", description="paused after failures until then")]
    dropped: Annotated[int, Field(description="calls given up")]
    last_reply: str


class Webhooks(Shape):
    """All of the settings."""

    items: list[Webhook]
    next_cursor: None = None


class WebhookTried(Shape):
    """The test call that will be sent."""

    event: Annotated[str, Field(description="the id of the call, as the receiver gets it")]
