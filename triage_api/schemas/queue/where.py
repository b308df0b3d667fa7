"""Search for a message that somebody is missing."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from triage_api.schemas.fields import Id, Order, Shape, Word
from triage_api.schemas.language import Sentence


class WhereQuery(Order):
    """Message to search for."""

    to: Annotated[Word, Field(description="The recipient: an address, a name, a uid, or a part of one.")]
    q: Annotated[Word, Field(description="Part of the sender's address or name, or of the subject; empty: any.")] = ""
    since: Annotated[AwareDatetime | None, Field(description="Default: 7 days before `until`.")] = None
    until: Annotated[AwareDatetime | None, Field(description="Default: now.")] = None


class Place(Shape):
    """Place of a message, or of refused attempts to send it."""

    at: datetime
    sender: str
    subject: Annotated[str, Field(description="Empty for a refused message: Mailroom never saw it.")]
    recipient: str
    sentence: Sentence
    delivery: Annotated[Id | None, Field(description="Null: it was refused at SMTP.")]
    state: Annotated[str, Field(description="State of the delivery, or `refused`.")]


class Where(Shape):
    """Messages that fit, newest first."""

    sentence: Sentence
    places: list[Place]
    since: datetime
    until: datetime
