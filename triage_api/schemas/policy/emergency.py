"""The emergency."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from triage_api.schemas.fields import Order, Shape, Text
from triage_api.schemas.language import Sentence


class Emergency(Shape):
    """Emergency, in which everything passes that is neither blocked nor forged."""

    until: datetime
    reason: str
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    at: datetime
    sentence: Sentence


class EmergencyNow(Shape):
    """The emergency; null in ordinary times."""

    emergency: Emergency | None


class EmergencyOrder(Order):
    """An emergency to open: its end, and the reason."""

    until: AwareDatetime
    reason: Text
