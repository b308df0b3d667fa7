"""Searches kept by a name."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from triage_api.schemas.fields import Id, Order, Shape, Text, Word, check_storable

Tab = Literal["held", "decided", "all"]


class SavedSearchOrder(Order):
    """A search to keep: words, a folder or both."""

    name: Annotated[str, Field(max_length=60), AfterValidator(check_storable)]
    q: Text = ""
    tab: Annotated[Tab, Field(description="what waits, what is decided, or all of it")] = "held"
    department: Word | None = None
    person: Annotated[Word | None, Field(description="uid; empty: the department's shared folder")] = None
    shared_with: Annotated[Word, Field(description="company, department:CODE or person:UID in your scope; empty: nobody")] = ""


class SavedSearch(Shape):
    """A search that is kept."""

    id: Id
    name: str
    q: str
    tab: Tab
    department: str | None
    person: str | None
    shared_with: str
    by_name: Annotated[str, Field(validation_alias="by_shown", description="who keeps it")]
    mine: bool
    held: Annotated[int | None, Field(description="messages of it that wait, up to 1,000; null: not asked, or not readable")] = None


class SavedSearches(Shape):
    """The searches that you know."""

    items: list[SavedSearch]
