"""Schemas of approvals by a second person."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from triage_api.schemas.fields import Id, Shape
from triage_api.schemas.language import Sentence
from triage_api.schemas.vocabulary import ApprovalState, AskedMatch, ConditionName, RuleEffect


class RequestedContentRule(Shape):
    """A rule on content as it would be made."""

    effect: RuleEffect
    match: AskedMatch
    value: Annotated[str, Field(description="its name")]
    scope: str
    conditions: dict[ConditionName, list[str]]
    to: Annotated[str, Field(description="redirect: where such messages go")]
    until: datetime | None
    note: str
    trial: Annotated[Sentence, Field(description="what it would have done in the days before it was asked for")]


class PendingApproval(Shape):
    """A decision that needs approval by a second person, or its outcome."""

    id: Id
    kind: Annotated[Literal["decision", "rule"], Field(description="whatever is no rule is a decision: `needs` says more")]
    needs: Annotated[
        list[str],
        Field(
            description="domain-allow, large-purge, risky-release, person-erasure, remove-delivered, content-rule, platform-allow, hunt; "
            "mail-program: a move in a mail program asks for it"
        ),
    ]
    items: Annotated[list[str], Field(description="ids of the deliveries")]
    confirmed: Annotated[list[str], Field(description="what of a second look the one who asked has confirmed; you confirm it too")]
    reason: str
    asked_by: str
    asked_by_name: Annotated[str, Field(validation_alias="asked_by_shown")]
    asked_at: datetime
    expires_at: Annotated[datetime, Field(validation_alias="lapses_at")]
    state: ApprovalState
    settled_by_name: Annotated[str, Field(validation_alias="settled_by_shown")]
    result_id: Annotated[Id | None, Field(description="of the decision, the rule or the erasure, once it is confirmed")]
    sentence: Sentence
    rule: Annotated[RequestedContentRule | None, Field(description="a rule on content; null: everything else")]
    mine: Annotated[bool, Field(description="You asked for it.")]
    may_confirm: Annotated[bool, Field(description="false: you asked, and somebody else has to confirm it")]


class PendingApprovals(Shape):
    """Pending approvals that concern you, the newest first."""

    items: list[PendingApproval]
    next_cursor: str | None = None
