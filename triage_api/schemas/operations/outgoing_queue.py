"""Schemas of the outgoing queue, with its next hops."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from triage.quarantine.search.selection import MOST_IDS
from triage.say import say
from triage_api.schemas.fields import GivenId, Id, Order, Shape, Text
from triage_api.schemas.language import Sentence
from triage_api.schemas.queue.deliveries import Delivery

Hop = Annotated[str, Field(description="its address for administrators; `server-1` and so on for everybody else")]


class OutgoingDelivery(Delivery):
    """A delivery that is to be sent on, and where it goes next."""

    next_hop: Hop


class NextHop(Shape):
    """State of the messages for one next hop."""

    next_hop: Hop
    waiting: int
    under_way: int
    refused: int
    unreachable: int
    last_reply: Sentence
    next_try: datetime | None


class Outgoing(Shape):
    """A delivery that waits, is under way or was refused by the next hop."""

    items: list[OutgoingDelivery]
    next_cursor: str | None = None
    next_hops: list[NextHop]


class Unsent(Shape):
    """A delivery of any kind that a next hop or a mailbox has not taken yet, as who runs the queue sees it."""

    id: Id
    kind: Annotated[str, Field(description="in, simulation, out, bounce, notice", validation_alias="direction")]
    state: str
    mailbox: str
    next_hop: Hop
    attempts: int
    due_at: Annotated[datetime | None, Field(description="next attempt; null: none")]
    last_reply: Sentence


class UnsentPage(Shape):
    """Page of unsent deliveries, those due first."""

    items: list[Unsent]
    next_cursor: str | None


class NextHopOrder(Order):
    """Some deliveries by id, or everything that waits for one next hop."""

    next_hop: Text = ""
    ids: Annotated[list[GivenId], Field(max_length=MOST_IDS)] = []

    @model_validator(mode="after")
    def either(self) -> Self:
        """Requires either ids or a next hop, not both."""
        if bool(self.next_hop) == bool(self.ids):
            raise ValueError(say("name ids, or a next hop to mean all deliveries that wait for it"))
        return self


class HoldOrder(NextHopOrder):
    """The same, and why."""

    reason: Text = ""


class Count(Shape):
    """To how many it was done."""

    count: int
