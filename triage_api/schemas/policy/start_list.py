"""The start list: senders offered by category, what allows them, and what was allowed."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from triage_api.schemas.fields import Id, Order, Shape, check_storable
from triage_api.schemas.language import Sentence

Category = Literal["accounts", "banks", "parcels", "travel", "shops", "providers", "work", "authorities", "networks"]
Standing = Literal["offered", "allowed", "unseen", "platform", "stopped", "removed", "suspicious", "second-look", "shared"]


class StartListText(Order):
    """A start list as a file has it."""

    text: Annotated[str, Field(max_length=1_000_000, description="the file"), AfterValidator(check_storable)]
    dry_run: Annotated[bool, Field(description="only check every line and say what changes")] = False


class CategoryOrder(Order):
    """Preview of a category that is carried out."""

    fence: Annotated[str, Field(min_length=1, max_length=64, description="of the preview: what it shows is what is allowed")]


class StartListImport(Shape):
    """Effect of an import."""

    version: date
    senders: int
    added: Annotated[list[str], Field(description="domains")]
    removed: Annotated[list[str], Field(description="domains; their rules stay")]
    changed: Annotated[list[str], Field(description="domains")]
    is_same: Annotated[bool, Field(description="this list is in force already")]
    sentence: Sentence


class StartListOffer(Shape):
    """A domain of a listed sender, with what the company's messages of the last 90 days say of it. Counts are of DMARC-proven ones."""

    domain: Annotated[str, Field(description="of its authors' addresses; where none was seen, as the list names it")]
    listed: Annotated[str, Field(description="as the list names it")]
    sends: Annotated[list[Sentence], Field(description="what it sends")]
    dkim: Annotated[list[str], Field(description="domains that sign its messages")]
    sources: Annotated[list[str], Field(description="public lists that name it")]
    standing: Annotated[Standing, Field(description="offered: the act allows it; else why it does not")]
    why: Sentence
    messages: int
    time_limited: Annotated[int, Field(description="sign-in codes, links that expire")]
    would_pass: Annotated[int, Field(description="messages that were held, or would have been, and that the rule releases")]
    people: Annotated[int, Field(description="people and departments who got them")]


class StartListCategory(Shape):
    """A category of the start list, and what its act does now."""

    name: Category
    title: Sentence
    version: date
    sentence: Annotated[Sentence, Field(description="what the act does")]
    fence: str
    offered: Annotated[int, Field(description="domains that the act allows")]
    allowed: Annotated[int, Field(description="domains that are allowed already")]
    unseen: Annotated[int, Field(description="senders of whom no proven message was seen here in 90 days")]
    platforms: Annotated[int, Field(description="services through which anybody can send: never allowed together")]
    refused: Annotated[int, Field(description="domains that cannot be allowed now")]


class StartListPlan(StartListCategory):
    """A category with each of its senders."""

    items: Annotated[list[StartListOffer], Field(description="the offered ones first")]


class StartListAct(Shape):
    """Senders of a category that somebody allowed together."""

    id: Id
    category: Category
    version: date
    domains: Annotated[list[str], Field(description="that were allowed; without those that a rule had allowed already")]
    at: datetime
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    undone_at: datetime | None
    undone_by_name: Annotated[str, Field(validation_alias="undone_by_shown")]


class StartList(Shape):
    """The start list in force, its categories and the latest acts."""

    version: date
    senders: int
    imported_at: Annotated[datetime | None, Field(description="empty: it was shipped")]
    imported_by_name: str
    categories: list[StartListCategory]
    acts: Annotated[list[StartListAct], Field(description="the newest first, 20 at most")]
