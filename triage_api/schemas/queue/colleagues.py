"""Several people at one queue: who is there, who looks at what, and what is assigned to whom."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from triage.quarantine.assignment import Candidate
from triage.quarantine.search.selection import ANY_PROOF, Selection
from triage.store.delivery_state import State
from triage_api.schemas.fields import GivenId, Id, Order, Shape, Text, Word, check_storable
from triage_api.schemas.queue.selections import Select, SelectItem
from triage_api.schemas.queue.triage_items import RowChoice, TriageItem

Note = Annotated[str, Field(max_length=500), AfterValidator(check_storable)]


class PresenceOrder(Order):
    """The message that you look at."""

    delivery: Annotated[GivenId | None, Field(description="null: at nothing")] = None


class OtherHere(Shape):
    """Colleague who has the console open."""

    login: str
    name: str
    delivery: Annotated[Id | None, Field(validation_alias="delivery_id", description="what they look at, if it is in your scope")]


class Presence(Shape):
    """Colleagues who are here, and the number of messages assigned to you."""

    colleagues: list[OtherHere]
    assigned: int


class NextOrder(RowChoice):
    """Rows from which to reserve the next free one."""

    department: Word | None = None
    person: Annotated[Word | None, Field(description="uid; empty: the department's shared folder")] = None
    q: Text = ""
    skip: Annotated[list[Word], Field(max_length=1000, description="keys of rows that you have left for others")] = []

    def selection(self) -> Selection:
        """Converts it to the core's value. BadInput for a field that does not exist."""
        wanted = Selection(department=self.department, person=self.person, q=self.q, proof=ANY_PROOF, states=(State.HELD,))
        return wanted.with_known_fields()


class NextItem(Shape):
    """The row that is yours now; null: nobody else left one."""

    item: TriageItem | None


class Candidates(Shape):
    """Staff who can be assigned a message, by name."""

    items: list[Candidate]


class CommentOrder(Order):
    """A comment about a message."""

    text: Annotated[str, Field(max_length=2000), AfterValidator(check_storable)]


class Comment(Shape):
    """Comment of staff about a message."""

    id: Id
    at: datetime
    by: Annotated[str, Field(description="the actor")]
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    text: str


class Remark(Comment):
    """Comment with whose copy of the message it is about."""

    delivery: Annotated[Id, Field(validation_alias="delivery_id")]
    recipient: str
    department_name: str
    person_name: str
    withheld: Annotated[bool, Field(description="The copy is confidential: its text needs a reason.")]


class CommentQuery(SelectItem):
    """Messages whose comments are listed, as `select` of a row of the queue names them."""


class Comments(Shape):
    """Comments about a message, oldest first."""

    items: list[Remark]


class AssignOrder(Order):
    """A colleague to assign the message to."""

    select: Select
    to: Annotated[Word, Field(description="login; empty: no longer assigned")]
    note: Note = ""


class AssignedCount(Shape):
    """Number of assigned messages."""

    count: int


class SnoozeOrder(Order):
    """Held messages to put out of your way until a time."""

    select: Select
    until: Annotated[AwareDatetime | None, Field(description="null: bring them back now")] = None


class SnoozedCount(Shape):
    """Number of snoozed messages."""

    count: int
