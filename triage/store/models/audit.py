"""The audit log and what was viewed."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from triage.store.models.columns import id_column, instant_column, integer_column, json_column, json_list_column


class AuditRecord(SQLModel, table=True):
    """Entry of the audit log. Committed with the act, chained by the sealer within a second."""

    __tablename__ = "audit_record"
    id: int = id_column()
    at: datetime = instant_column()
    by: str
    act: str
    subject: str = Field(index=True)  # what it was about: decision:ID, rule:ID, delivery:ID, session …
    detail: dict[str, Any] = json_column()
    items: int = 0
    digest: str = ""  # sha256 over the sorted ids of the items and the state they got; or the digest of a row (row_digests)
    sequence: int | None = integer_column(nullable=True, unique=True)
    previous: str = ""
    sealed: str = ""  # sha256 over previous and this record


class Viewing(SQLModel, table=True):
    """Message that an actor's console fetched ahead and has not shown, or when they viewed it last; a row lives for minutes."""

    __tablename__ = "viewing"
    by: str = Field(primary_key=True)
    message_id: int = integer_column(primary_key=True)
    ahead: int = 0  # requests that read ahead since the message was viewed, or since they were put in the audit log
    ahead_since: datetime | None = instant_column(nullable=True)  # when the first of them was
    ahead_until: datetime | None = instant_column(nullable=True)  # and the last one
    place: str = ""  # where the first of them came from
    stands_in_for: list[str] = json_list_column()  # for whom its actor stood in
    viewed_at: datetime | None = instant_column(nullable=True)
