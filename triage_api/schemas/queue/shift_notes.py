"""Notes to the next shift, what they may be about, and what is changed of one."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from triage.quarantine.teamwork.shift_notes import LONGEST
from triage_api.schemas.fields import Id, Order, Shape, Word, check_storable
from triage_api.schemas.language import Sentence

Folders = Annotated[list[Word], Field(description="company, department:CODE or person:UID; a confidential folder only where it is named")]


class NoteScope(Shape):
    """Folders that a note may be about."""

    scope: Folders
    name: Sentence
    readers: Annotated[list[str], Field(description="names of the colleagues who would read it")]


class NoteScopes(Shape):
    """Folders that you may write notes about, all that you see first."""

    items: list[NoteScope]


class NoteOrder(Order):
    """A note to the next shift."""

    text: Annotated[str, Field(max_length=LONGEST), AfterValidator(check_storable)]
    scope: Annotated[list[Word], Field(max_length=1000, description="one of those in `/shift-notes/scopes`")]


class NoteChange(Order):
    """A change of a note; what is missing stays."""

    done: Annotated[bool | None, Field(description="for all; false: open again")] = None
    dismissed: Annotated[bool | None, Field(description="for you; false: shown above your queue again")] = None


class Note(Shape):
    """Note to the next shift."""

    id: Id
    at: datetime
    by: Annotated[str, Field(description="the actor")]
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    scope: Folders
    scope_name: Sentence
    text: Annotated[str, Field(description="plain text, as it was written")]
    done_at: datetime | None
    done_by_name: Annotated[str, Field(validation_alias="done_by_shown", description="who marked it as done; empty: nobody yet")]
    dismissed: Annotated[bool, Field(description="You dismissed it.")]


class Notes(Shape):
    """Notes to the next shift, newest first."""

    items: list[Note]
