"""What is to be sent on, and for which next hop."""

from datetime import datetime

from triage_api.shapes.deliveries import Delivery
from triage_api.shapes.texts import Order, Shape, Text


class Waiting(Delivery):
    """A delivery that is to be sent on, and where it goes next."""

    next_hop: str


class NextHop(Shape):
    """How it stands with the mail for one next hop."""

    next_hop: str
    waiting: int
    under_way: int
    refused: int
    unreachable: int
    last_reply: str
    next_try: datetime | None


class Queue(Shape):
    """What is to be sent on, is under way or was refused by the next hop."""

    items: list[Waiting]
    next_cursor: str | None = None
    next_hops: list[NextHop]


class NextHopOrder(Order):
    """Everything that waits for one next hop."""

    next_hop: Text


class Count(Shape):
    """To how many it was done."""

    count: int
