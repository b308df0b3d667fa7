"""Schemas of the audit log and its verification."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from triage_api.schemas.fields import Id, Order, Shape, Text, Word
from triage_api.schemas.language import Sentence
from triage_api.schemas.pagination import Cursor, Limit


class AuditQuery(Order):
    """Filter and page of the audit log."""

    limit: Limit = 50
    cursor: Cursor = None
    by: Annotated[Word, Field(description="only of this actor: `person:LOGIN`, `token:NAME`, `system:NAME`; a login alone is a person")] = (
        ""
    )
    act: Annotated[Word, Field(description="only acts of this kind, such as `purge` or `sign-in`")] = ""
    subject: Annotated[Word, Field(description="only about this, as `rule:ID`")] = ""
    since: Annotated[AwareDatetime | None, Field(description="only from then on")] = None
    until: Annotated[AwareDatetime | None, Field(description="only before then")] = None
    words: Annotated[Text, Field(description="only with this text in act or subject, or in details if you may see all")] = ""


class AuditEntry(Shape):
    """Entry of the audit log; `sequence` is null until it is chained."""

    id: Id
    at: datetime
    by: str
    act: str
    subject: str
    detail: dict[str, Any]
    items: int
    sequence: int | None


class AuditEntries(Shape):
    """Page of the audit log, newest first."""

    items: list[AuditEntry]
    next_cursor: str | None
    looked_back_to: Annotated[
        datetime | None,
        Field(description="A filter that ran out of time has looked at all entries since then; `next_cursor` looks further."),
    ]


class StateVerification(Shape):
    """Result of comparing the database with the audit log."""

    compared: Annotated[int, Field(description="Rows that are as their entries left them.")]
    differences: Annotated[list[Sentence], Field(description="The first 100 differences.")]
    different: Annotated[int, Field(description="All differences.")]
    unproven: Annotated[int, Field(description="Not provable: made before 0.1.0, by an entry without a digest.")]
    forgotten: Annotated[int, Field(description="Not provable: deliveries, decisions and their items that retention deleted.")]


class Verification(Shape):
    """Result of verifying the audit log."""

    records: Annotated[int, Field(description="Chained entries that are still there.")]
    unchained: int
    head: str
    fault: Annotated[Sentence, Field(description="Where the chain breaks; empty: nowhere.")]
    checkpoints: Annotated[int, Field(description="Checkpoints that the audit log was compared with.")]
    state: Annotated[StateVerification | None, Field(description="With `state`: the database compared with the audit log.")] = None
