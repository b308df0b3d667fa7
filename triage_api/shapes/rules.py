"""Sender rules."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from triage.rules import RuleOrder
from triage_api.shapes.texts import Id, Order, Shape, Text, Word


class SenderRule(Order):
    """A rule that somebody asks for. In a decision the selected mail gives the value when it is left out."""

    effect: Literal["allow", "block"]
    match: Annotated[
        Literal["address", "domain", "subdomains", "list"],
        Field(description="domain: in an allow that domain alone, in a block everything below it too; subdomains: with all below it"),
    ]
    value: Word = ""
    scope: Word
    proof: Word = ""
    until: AwareDatetime | None = None
    note: Text = ""
    risky: bool = False
    lapse_days: Annotated[int, Field(ge=0, description="runs out so many days after the last mail either way; 0: never")] = 0

    def order(self) -> RuleOrder:
        """As the house knows it."""
        return RuleOrder(**self.model_dump())


class Rule(Shape):
    """A sender rule."""

    id: Id
    effect: str
    match: str
    value: str
    scope: str
    proof: str
    unproven_only: bool
    risky: bool
    author: str
    origin: str
    note: str
    created_at: datetime
    until: datetime | None
    lapse_days: int
    used: Annotated[int | None, Field(description="null where that would tell of mail beyond your scope")]
    first_used_at: datetime | None
    last_used_at: datetime | None


class Rules(Shape):
    """One page of rules, newest first."""

    items: list[Rule]
    next_cursor: str | None
