"""Checks of known senders."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage_api.schemas.fields import Order, Shape, Text
from triage_api.schemas.vocabulary import CheckMode, CheckName


class SenderCheck(Shape):
    """Check of known senders, and its effect on the messages that it finds."""

    name: CheckName
    mode: Annotated[
        CheckMode, Field(description="trial: it only reports; fuse: the same, as it held messages of too many senders on one day")
    ]
    trial_until: Annotated[datetime | None, Field(description="on trial: when it begins to hold")]
    held_today: Annotated[int, Field(description="messages, by the UTC day")]
    senders_today: Annotated[int, Field(description="whose messages it held today, by domain")]
    fuse_at: Annotated[datetime | None, Field(description="when it held messages of too many senders")]


class SenderChecks(Shape):
    """The checks of known senders."""

    items: list[SenderCheck]


class ResumeOrder(Order):
    """Reason for switching a check back on."""

    reason: Text = ""
