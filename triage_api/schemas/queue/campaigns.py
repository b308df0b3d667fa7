"""Campaigns: the same message sent many times."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, model_validator

from triage.quarantine.removal import notify_opened as notices
from triage.quarantine.search.selection import ANY_PROOF, Selection
from triage.store.delivery_state import State
from triage_api.schemas.fields import GivenId, Id, Order, Shape, Text, Word
from triage_api.schemas.language import Sentence
from triage_api.schemas.pagination import Cursor, Limit
from triage_api.schemas.queue.deliveries import Delivery
from triage_api.schemas.queue.selections import SenderCount, SubjectCount


class Campaign(Shape):
    """A campaign, as far as it is in your scope."""

    id: Id
    messages: Annotated[int, Field(description="each however many people it was for")]
    deliveries: int
    held: int
    people: int
    departments: int
    senders: int
    first_at: datetime
    newest_at: datetime
    lead: Annotated[Delivery, Field(description="the newest of it")]


class Campaigns(Shape):
    """Page of campaigns, those with the most messages first."""

    items: list[Campaign]
    next_cursor: str | None


class StateCount(Shape):
    """Number of deliveries in a state."""

    state: State
    count: int


class ProofCount(Shape):
    """Number of deliveries with a proof."""

    proof: Annotated[str, Field(description="a domain, at a free-mail provider an address, or `none`: for `select.proof`")]
    count: int


class CampaignDetail(Campaign):
    """A campaign with what it is made of; the ten most frequent of each."""

    made_by: Annotated[str, Field(description="system:judge, or who split it off")]
    representatives: Annotated[int, Field(description="messages that new ones are compared with")]
    copies: Annotated[int, Field(description="deliveries that are decided about together: `select.proof` is `copies`")]
    by_state: list[StateCount]
    by_proof: list[ProofCount]
    by_sender: list[SenderCount]
    by_subject: list[SubjectCount]
    examples: Annotated[list[Delivery], Field(description="the newest five")]


class CampaignMoment(Shape):
    """Event in the life of a campaign."""

    at: datetime
    until: Annotated[datetime | None, Field(description="of several copies: when the last one came, or left its mailbox")]
    kind: Annotated[
        Literal["first", "copies", "report", "decision", "undo", "mailboxes", "notified", "late", "missed"],
        Field(
            description="`late`: removed on arrival after the first removal; `missed`: came after it, and no block removed it on arrival"
        ),
    ]
    sentence: Sentence
    count: Annotated[int, Field(description="copies that it is about")]
    decision: Id | None


class Timeline(Shape):
    """Timeline of a campaign, without messages outside your scope."""

    items: Annotated[list[CampaignMoment], Field(description="oldest first; the newest 200 decisions and reports")]


class OpenedNotice(Shape):
    """Notice to an employee who had opened a copy, as they get it."""

    delivery: Annotated[Id, Field(description="their newest copy")]
    mailbox: str
    name: Annotated[str, Field(description="empty for a shared folder")]
    subject: str
    text: str
    notified_at: Annotated[datetime | None, Field(description="when they were notified before")]
    notified_by: str

    @model_validator(mode="before")
    @classmethod
    def of(cls, one: Any) -> Any:
        """The core has the notice of before as one value."""
        if not isinstance(one, notices.OpenedNotice):
            return one
        notified = {"notified_at": one.notified.at if one.notified else None, "notified_by": one.notified.by if one.notified else ""}
        return {name: getattr(one, name) for name in ("delivery", "mailbox", "name", "subject", "text")} | notified


class Opened(Shape):
    """Employees who had opened a copy that was removed. Opened: the mailbox had marked it as read or answered."""

    items: Annotated[list[OpenedNotice], Field(description="by mailbox; none of confidential folders or outside the company")]
    may_notify: Annotated[bool, Field(description="whether you may send them")]
    fence: str


class NotifyOrder(Order):
    """Sends the notices of `GET /campaigns/{campaign_id}/opened`."""

    fence: Annotated[Word, Field(description="of that answer; 412 when the notices would be others by now")]
    again: Annotated[bool, Field(description="also to those who were notified before")] = False


class NoticesSent(Shape):
    """Number of notices that were queued."""

    notified: int


class CampaignQuery(Order):
    """Filter and page of the list of campaigns."""

    state: Annotated[list[State], Field(description="State of the messages that count; empty: any.")] = [State.HELD]
    department: Word | None = None
    q: Text = ""
    since: Annotated[AwareDatetime | None, Field(description="Only messages that arrived then or later.")] = None
    min_messages: Annotated[int, Field(ge=1, le=1000, description="Campaigns with at least so many messages.")] = 2
    limit: Limit = 50
    cursor: Cursor = None

    def selection(self) -> Selection:
        """Converts it to the core's value. BadInput for a field that does not exist."""
        wanted = Selection(department=self.department, q=self.q, since=self.since, states=tuple(self.state), proof=ANY_PROOF)
        return wanted.with_known_fields()


class JoinOrder(Order):
    """Campaign into which another one is merged."""

    into: Annotated[GivenId, Field(description="the other campaign")]
    reason: Text = ""


class SplitOrder(Order):
    """Messages that do not belong to the campaign."""

    ids: Annotated[list[GivenId], Field(min_length=1, max_length=5000, description="deliveries; their messages are meant")]
    reason: Text = ""
