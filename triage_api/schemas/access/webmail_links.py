"""Schemas of webmail links."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage_api.schemas.fields import Id, Order, Shape, Word


class NewWebmailLink(Order):
    """A link that somebody asks for."""

    name: Annotated[Word, Field(description="Which webmail it is.")]


class WebmailLink(Shape):
    """A link without its key."""

    id: Id
    name: str
    made_at: datetime
    expires_at: datetime
    used_at: Annotated[datetime | None, Field(description="last use, to half a minute; null: never")]
    client: Annotated[str, Field(description="network address of the last use: that of the webmail server")]


class MadeWebmailLink(WebmailLink):
    """A link with its key, which is shown this once."""

    key: str


class WebmailLinks(Shape):
    """Your links that work, the newest first."""

    items: list[WebmailLink]
