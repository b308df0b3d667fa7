"""Messages and their stored bytes, and messages that the SMTP server refused."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from triage.store.message_record.record_codec import MessageRecord
from triage.store.message_record.record_column import OLD_COLUMNS, RecordColumn
from triage.store.models.columns import bytewise_column, id_column, instant_column, integer_column, reference_column, text_column

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
    """Message of an SMTP transaction: its content and the findings about it; immutable. The columns beside `record` serve SQL; NULL
    until a row from before is packed."""

    __tablename__ = "message"
    id: int = id_column()
    spool_id: int = integer_column(unique=True)
    content_id: int = reference_column("content.id", index=True)
    received_at: datetime = instant_column()
    record: MessageRecord = Field(sa_column=Column(RecordColumn, nullable=True))
    client: str | None = text_column()  # IP address that handed it to the company
    dmarc: str | None = text_column()  # the result's word
    dmarc_policy: str | None = text_column()
    signal_names: str | None = text_column()  # each in quotation marks
    named_id: str | None = text_column()  # its Message-ID field
    list_id: str | None = text_column()
    reply_to: str | None = text_column()  # addresses, a line each
    links: int | None = None  # how many
    attachments: int | None = None
    text: str = Field(default="", sa_column=Column(Text, nullable=False))
    __table_args__ = tuple(Column(name, JSON(none_as_null=True), nullable=True) for name in OLD_COLUMNS)
    __mapper_args__ = {"exclude_properties": OLD_COLUMNS}

    @property
    def envelope(self) -> dict[str, Any]:
        """`Envelope` as JSON."""
        return self.record.envelope

    @property
    def authentication(self) -> dict[str, Any]:
        """`Authentication` as JSON."""
        return self.record.authentication

    @property
    def summary(self) -> dict[str, Any]:
        """`Summary` as JSON, without its text."""
        return self.record.summary

    @property
    def signals(self) -> list[dict[str, Any]]:
        """The signals as JSON."""
        return self.record.signals


OLD = tuple(SQLModel.metadata.tables["message"].c[name] for name in OLD_COLUMNS)  # NULL in every row that is packed


class MessageLink(SQLModel, table=True):
    """A host that a message links to."""

    __tablename__ = "message_link"
    message_id: int = integer_column(primary_key=True)
    number: int = Field(primary_key=True)
    domain: str = bytewise_column()  # its labels in reverse order; "" where a link opens no host
    said: str = Field(sa_column=Column(Text, nullable=False))  # texts and targets of the links to it, a line each
    __table_args__ = (Index("message_link_domain", "domain", "message_id"), {"sqlite_with_rowid": False})


class MessageFile(SQLModel, table=True):
    """An attachment of a message."""

    __tablename__ = "message_file"
    message_id: int = integer_column(primary_key=True)
    number: int = Field(primary_key=True)
    sha256: str = bytewise_column()
    names: str = Field(sa_column=Column(Text, nullable=False))  # its names and those of files in an archive, a line each
    __table_args__ = (Index("message_file_sha256", "sha256", "message_id"), {"sqlite_with_rowid": False})


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
