"""Schemas of messages as webmail shows them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage_api.schemas.fields import GivenId, Id, Order, Shape
from triage_api.schemas.language import Sentence
from triage_api.schemas.queue.deliveries import Delivery
from triage_api.schemas.vocabulary import Severity

SAME = "Message-ID without brackets: webmail compares it, because a field of a message that never came through us proves nothing"


class WebmailMessage(Shape):
    """Findings about a message, and the deliveries that an act is about."""

    message_id_field: Annotated[str, Field(description=SAME)]
    proof: str
    proof_sentence: Sentence
    group: Annotated[int, Field(description="messages of its campaign; 0: it is like no other")]
    deliveries: Annotated[list[Delivery], Field(description="of a mirrored copy only the one that it shows")]


class OwnCopy(Shape):
    """A message that came to you."""

    id: Id
    message_id_field: Annotated[str, Field(description=SAME)]
    author: str
    subject: str
    severity: Severity
    proven_as: Annotated[str, Field(description="Who proves to have sent it; empty: nobody.")]
    reported_at: datetime | None


class OwnReportOrder(Order):
    """Report a message that came to you as suspicious."""

    message: Annotated[GivenId, Field(description="the value of its field X-Mailroom-Message")]


class OwnReportMade(Shape):
    """The report."""

    id: Id
    at: datetime
