"""Incident record of a campaign: copies, removals, reports, who opened one, hashes, out of reach."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from triage_api.schemas.fields import Id, Shape
from triage_api.schemas.language import Sentence
from triage_api.schemas.queue.selections import PassedOn


class IncidentCopy(Shape):
    """Copy: for whom it was, and what became of it."""

    delivery: Id
    received_at: datetime
    author: str
    subject: str
    recipient: str
    person: Annotated[str, Field(description="name; empty for a shared folder")]
    department: str
    sha256: Annotated[str, Field(description="of the message as received")]
    state: str
    opened: Annotated[Literal["", "read", "answered"], Field(description="by the recipient, as far as the mailbox server tells")]
    removed_at: datetime | None
    removed_by: str
    outcome: Annotated[str, Field(description="of the removal; `on arrival`: a block stopped it")]
    why: Annotated[Sentence, Field(description="what was in the way of the removal")]
    notified_at: Annotated[datetime | None, Field(description="when staff notified the recipient that it was removed")]
    out_of_reach: bool


class IncidentAct(Shape):
    """Removal of copies."""

    decision: Id
    at: datetime
    by: str
    second_by: str
    verb: Literal["purge", "reject", "sweep", "take"]
    reason: str
    copies: int
    undone_at: datetime | None


class IncidentReport(Shape):
    """An employee who reported a copy."""

    at: datetime
    by: str
    verdict: Literal["", "good", "bad"]


class IncidentFile(Shape):
    """An attachment."""

    name: str
    sha256: str
    size: int


class Incident(Shape):
    """Incident record of a campaign, without messages that are confidential to you."""

    campaign: Id
    subject: str
    made_at: datetime
    made_by: str
    first_at: datetime
    newest_at: datetime
    first_removed_at: datetime | None
    copies: Annotated[list[IncidentCopy], Field(description="oldest first")]
    opened: list[IncidentCopy]
    out_of_reach: list[IncidentCopy]
    late: Annotated[list[IncidentCopy], Field(description="came after the first removal, and a block stopped them")]
    removals: list[IncidentAct]
    reports: list[IncidentReport]
    passed_on: Annotated[list[PassedOn], Field(description="what took copies on to where no removal reaches")]
    files: Annotated[list[IncidentFile], Field(description="attachments of the newest 200 messages")]
