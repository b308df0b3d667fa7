"""Alerts, who was told of them, and webhooks."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)


def define_tables(schema: MetaData) -> None:
    """Adds these tables to the schema."""
    Table(
        "webhook",
        schema,
        Column("name", String, nullable=False),
        Column("failures", Integer, nullable=False),
        Column("rests_until", BigInteger),
        Column("gone", Boolean, nullable=False),
        Column("last_reply", String, nullable=False),
        Column("failed_at", BigInteger),
        Column("succeeded_at", BigInteger),
        Column("dropped", Integer, nullable=False),
        PrimaryKeyConstraint("name"),
    )
    Table(
        "webhook_call",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("hook", String, nullable=False),
        Column("event", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("body", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("due_at", BigInteger, nullable=False),
        Column("attempts", Integer, nullable=False),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("hook", "event"),
        Index("webhook_call_due", "hook", "due_at", "id"),
    )
    Table(
        "open_alert",
        schema,
        Column("cause", String, nullable=False),
        Column("department", String, nullable=False),
        Column("person", String, nullable=False),
        Column("raised_at", BigInteger, nullable=False),
        Column("number", Integer, nullable=False),
        Column("since", BigInteger),
        Column("newest", BigInteger, nullable=False),
        Column("words", Text, nullable=False),
        Column("words_form", JSON),
        PrimaryKeyConstraint("cause", "department", "person", name="alarm_pkey"),
    )
    Table(
        "sent_alert",
        schema,
        Column("who", String, nullable=False),
        Column("cause", String, nullable=False),
        Column("department", String, nullable=False),
        Column("person", String, nullable=False),
        Column("at", BigInteger, nullable=False),
        PrimaryKeyConstraint("who", "cause", "department", "person", name="told_pkey"),
    )
    Table(
        "push_subscription",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("login", String, nullable=False),
        Column("session_sha256", String, nullable=False),
        Column("endpoint", String, nullable=False),
        Column("p256dh", String, nullable=False),
        Column("auth", String, nullable=False),
        Column("language", String, nullable=False),
        Column("made_at", BigInteger, nullable=False),
        Column("kind", String, nullable=False),
        Column("asked_at", BigInteger),
        Column("due_at", BigInteger),
        Column("sent_at", BigInteger),
        Column("failures", BigInteger, nullable=False),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("endpoint"),
        Index("ix_push_subscription_login", "login"),
        Index("ix_push_subscription_session_sha256", "session_sha256"),
    )
