"""Messages and their stored bytes."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from triage.store.models.columns import id_column, instant_column, integer_column, json_column, json_list_column, reference_column

KEPT = "zstd IS NOT NULL"


class Content(SQLModel, table=True):
    """The bytes of a message as received, compressed, stored once per content."""

    __tablename__ = "content"
    id: int = id_column()
    sha256: str = Field(unique=True)
    size: int  # bytes as received
    zstd: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))  # None when erased
    erased_at: datetime | None = instant_column(nullable=True)
    __table_args__ = (Index("content_kept", "id", sqlite_where=text(KEPT), postgresql_where=text(KEPT)),)


class Message(SQLModel, table=True):
    """One SMTP transaction's content and what was found out about it; immutable."""

    __tablename__ = "message"
    id: int = id_column()
    spool_id: int = integer_column(unique=True)
    content_id: int = reference_column("content.id", index=True)
    received_at: datetime = instant_column()
    envelope: dict[str, Any] = json_column()
    authentication: dict[str, Any] = json_column()
    summary: dict[str, Any] = json_column()  # summary.Summary without its text
    signals: list[dict[str, Any]] = json_list_column()
    text: str = Field(default="", sa_column=Column(Text, nullable=False))
