"""The queue as cards."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from triage.selection import Selection
from triage.states import State
from triage_api.pages import Cursor, Limit
from triage_api.shapes.deliveries import Delivery
from triage_api.shapes.texts import Id, Order, Shape, Text, Word


class Card(Shape):
    """Deliveries that are decided together."""

    key: str
    count: int
    people: int
    departments: int
    newest_at: datetime
    weight: int
    perishable_until: datetime | None
    lead: Delivery
    ids: list[Id]


class Cards(Shape):
    """One page of the queue's cards."""

    items: list[Card]
    next_cursor: str | None
    total_deliveries: int
    total_cards: int


class CardQuery(Order):
    """Which cards to list, and which page of them."""

    group: Literal["sender", "none"] = "sender"
    state: list[State] = [State.HELD]
    department: Word | None = None
    person: Annotated[Word | None, Field(description="uid; empty: the department's shared folder")] = None
    q: Text = ""
    limit: Limit = 50
    cursor: Cursor = None

    def selection(self) -> Selection:
        """As the house knows it."""
        return Selection(department=self.department, person=self.person, q=self.q, states=tuple(self.state))
