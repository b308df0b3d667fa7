"""A sender: one address, or a whole domain."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage_api.schemas.fields import Shape
from triage_api.schemas.queue.campaigns import ProofCount, StateCount
from triage_api.schemas.queue.deliveries import Delivery
from triage_api.schemas.queue.selections import SenderCount


class NameCount(Shape):
    """Number of messages in which a sender uses a display name."""

    name: str
    count: int


class FolderCount(Shape):
    """Number of messages to a folder."""

    department: str
    person: Annotated[str, Field(description="uid; empty: the department's shared folder")]
    count: int


class Sender(Shape):
    """A sender, as far as its mail is in your scope; the ten most frequent of each list."""

    name: Annotated[str, Field(description="the address, or the domain")]
    messages: Annotated[int, Field(description="each however many people it was for")]
    deliveries: int
    held: int
    people: int
    departments: int
    first_at: datetime
    newest_at: datetime
    lead: Annotated[Delivery, Field(description="the newest")]
    by_state: list[StateCount]
    by_proof: list[ProofCount]
    by_name: Annotated[list[NameCount], Field(description="what it calls itself")]
    by_folder: list[FolderCount]
    by_address: Annotated[list[SenderCount], Field(description="who writes from its domain; empty for a free-mail provider")]
