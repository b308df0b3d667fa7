"""Rules that are proposed."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from triage.message.signals.severity import Severity as Rank
from triage_api.schemas.fields import Id, Order, Shape
from triage_api.schemas.language import Sentence
from triage_api.schemas.second_looks import Confirm, Fence
from triage_api.schemas.vocabulary import RuleMatch, Severity

ProposalState = Literal["open", "accepted", "refused"]


class ProposalAnswer(Order):
    """Answer to a suggested rule."""

    answer: Literal["accept", "refuse", "open"]
    confirm: Confirm = []
    fence: Fence = None


def word_of_number(kept: Any) -> Any:
    """A severity as evidence keeps it, as the API writes it."""
    return Rank(kept).word if isinstance(kept, int) else kept


Worst = Annotated[Severity, BeforeValidator(word_of_number)]


class Speaking(Shape):
    """Evidence of the last 90 days. Counts cover proven messages."""

    people: Annotated[int, Field(description="employees who wrote to it, or to whom staff released its messages")]
    wrote: int
    messages: int
    dmarc: int
    unproven: Annotated[int, Field(description="unproven messages in its name; the rule would not release them")]
    time_limited: Annotated[int, Field(description="sign-in codes, password messages, links that expire")]
    recipients: int
    removed: int
    would_pass: Annotated[
        int, Field(description="messages that were held, or would have been in record-only mode, and that the rule releases")
    ]
    risk: Annotated[int, Field(validation_alias="weight", description="of the worst of them")]
    severity: Annotated[Worst, Field(description="severity of the worst of them")] = "none"
    posts: Annotated[int, Field(description="messages of ours to a list")]
    subjects: list[str]


class Proposal(Shape):
    """A rule for the company that messages and decisions speak for."""

    id: Id
    kind: Literal["correspondence", "sign-in", "list"]
    match: RuleMatch
    value: str
    proof: str
    sentence: Sentence
    evidence: Speaking
    state: ProposalState
    found_at: datetime
    reserved_by_name: Annotated[str, Field(validation_alias="lane_shown", description="who has it in hand")]
    answered_by_name: Annotated[str, Field(validation_alias="answered_by_shown")]
    answered_at: datetime | None
    rule_id: Id | None
    pending_id: Annotated[Id | None, Field(description="it waits for a second person's key")]


class Proposals(Shape):
    """Page of proposals."""

    items: list[Proposal]
    next_cursor: str | None
    total_estimate: int


class ProposalBatch(Shape):
    """Your batch of proposals, and how many remain for everybody."""

    items: list[Proposal]
    open: int
    answered: int
