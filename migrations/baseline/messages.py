"""Messages and their stored bytes, and messages that the SMTP server refused."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")


def define_tables(schema: MetaData) -> None:
    """Adds these tables to the schema."""
    Table(
        "content",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("sha256", String, nullable=False),
        Column("size", Integer, nullable=False),
        Column("zstd", LargeBinary),
        Column("erased_at", BigInteger),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("sha256"),
    )
    Table(
        "message",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("spool_id", BigInteger, nullable=False),
        Column("content_id", BigInteger, ForeignKey("content.id"), nullable=False),
        Column("received_at", BigInteger, nullable=False),
        Column("envelope", JSON),
        Column("authentication", JSON),
        Column("summary", JSON),
        Column("signals", JSON),
        Column("text", Text, nullable=False),
        Column("record", LargeBinary),
        Column("client", Text),
        Column("dmarc", Text),
        Column("dmarc_policy", Text),
        Column("signal_names", Text),
        Column("named_id", Text),
        Column("list_id", Text),
        Column("reply_to", Text),
        Column("links", Integer),
        Column("attachments", Integer),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("spool_id"),
        Index("ix_message_content_id", "content_id"),
    )
    Table(
        "refused_message",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("until", BigInteger, nullable=False),
        Column("recipient", String, nullable=False),
        Column("listed", String, nullable=False),
        Column("reverse_path", String, nullable=False),
        Column("client", String, nullable=False),
        Column("reply", String, nullable=False),
        Column("times", Integer, nullable=False),
        PrimaryKeyConstraint("id"),
        Index("refused_message_to", "recipient", "at"),
        Index("refused_message_at", "at"),
    )
    Table(
        "message_words",
        schema,
        Column("message_id", BigInteger, autoincrement=False, nullable=False),
        Column("words", Text, nullable=False),
        PrimaryKeyConstraint("message_id"),
    )
    Table(
        "message_link",
        schema,
        Column("message_id", BigInteger, nullable=False),
        Column("number", Integer, nullable=False),
        Column("domain", BYTEWISE, nullable=False),
        Column("said", Text, nullable=False),
        PrimaryKeyConstraint("message_id", "number"),
        Index("message_link_domain", "domain", "message_id"),
        sqlite_with_rowid=False,
    )
    Table(
        "message_file",
        schema,
        Column("message_id", BigInteger, nullable=False),
        Column("number", Integer, nullable=False),
        Column("sha256", BYTEWISE, nullable=False),
        Column("names", Text, nullable=False),
        PrimaryKeyConstraint("message_id", "number"),
        Index("message_file_sha256", "sha256", "message_id"),
        sqlite_with_rowid=False,
    )
