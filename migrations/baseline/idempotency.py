"""Answers kept for requests with an idempotency key."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table, Text


def define_tables(schema: MetaData) -> None:
    """Adds these tables to the schema."""
    Table(
        "kept_answer",
        schema,
        Column("actor", String, nullable=False),
        Column("key", String, nullable=False),
        Column("asked", String, nullable=False),
        Column("status", Integer, nullable=False),
        Column("body", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        PrimaryKeyConstraint("actor", "key"),
        Index("kept_answer_by_time", "at"),
    )
