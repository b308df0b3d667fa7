"""Messages and their stored bytes."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from triage.store.models.columns import document, documents, identity, instant, reference, whole

KEPT = "zstd IS NOT NULL"


class Content(SQLModel, table=True):
    """The bytes of a message as received, compressed, stored once per content."""

    __tablename__ = "content"
    id: int = identity()
    sha256: str = Field(unique=True)
    size: int  # bytes as received
    zstd: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))  # None when erased
    erased_at: datetime | None = instant(nullable=True)
    __table_args__ = (Index("content_kept", "id", sqlite_where=text(KEPT), postgresql_where=text(KEPT)),)


class Message(SQLModel, table=True):
    """One SMTP transaction's content and what was found out about it; immutable."""

    __tablename__ = "message"
    id: int = identity()
    spool_id: int = whole(unique=True)
    content_id: int = reference("content.id", index=True)
    received_at: datetime = instant()
    envelope: dict[str, Any] = document()
    authentication: dict[str, Any] = document()
    summary: dict[str, Any] = document()  # summary.Summary without its text
    signals: list[dict[str, Any]] = documents()
    text: str = Field(default="", sa_column=Column(Text, nullable=False))
