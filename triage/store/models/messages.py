"""Messages and their stored bytes, and messages that the SMTP server refused."""

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


class MessageWords(SQLModel, table=True):
    """The words of a message that was held, each once, for the full-text index; gone with its content."""

    __tablename__ = "message_words"
    message_id: int = integer_column(primary_key=True)
    words: str = Field(sa_column=Column(Text, nullable=False))


class RefusedMessage(SQLModel, table=True):
    """Attempts by one client to send from one sender to one recipient that got the same reply, close together."""

    __tablename__ = "refused_message"
    id: int = id_column()
    at: datetime = instant_column()  # the first of them
    until: datetime = instant_column()  # the last of them
    recipient: str  # folded; "" where it was refused before a recipient was named
    listed: str  # the address of ours that it is, or has a detail of; "" where it is nobody's
    reverse_path: str  # folded; "" is the null reverse-path
    client: str  # IP address, "" where an edge does not tell
    reply: str
    times: int
    __table_args__ = (Index("refused_message_to", "recipient", "at"), Index("refused_message_at", "at"))
