"""Tokens: keys for programs."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from triage.access.api_tokens import TokenOrder
from triage.actor import Grant
from triage_api.schemas.fields import Id, Order, Shape, Word


class NewToken(Order):
    """A token that somebody asks for."""

    name: Annotated[Word, Field(description="What it is for.")]
    grants: Annotated[list[Grant], Field(description="What it may do.")]
    scope: Annotated[list[Word], Field(max_length=200, description="company, department:CODE or person:UID")] = ["company"]
    until: Annotated[AwareDatetime | None, Field(description="Left out: 90 days from now. At most 366.")] = None

    def order(self) -> TokenOrder:
        """Converts it to the core's value."""
        return TokenOrder(self.name, tuple(self.grants), tuple(self.scope), self.until)


class Token(Shape):
    """A token without its key."""

    id: Id
    name: str
    grants: list[Grant]
    scope: list[str]
    made_by: str
    made_at: datetime
    expires_at: datetime
    used_at: Annotated[datetime | None, Field(description="last use, to half a minute; null: never")]
    client: Annotated[str, Field(description="network address of the last use")]
    revoked_at: datetime | None
    revoked_by: str
    in_force: Annotated[bool, Field(description="false when it is over or revoked, or its maker may no longer do so")]


class MadeToken(Token):
    """A token with its key, which is shown this once."""

    key: str


class Tokens(Shape):
    """Page of tokens, the youngest first."""

    items: list[Token]
    next_cursor: str | None
