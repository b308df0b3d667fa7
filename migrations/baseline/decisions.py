"""Decisions of staff and what each did to a delivery."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table, UniqueConstraint, text


def define_tables(schema: MetaData) -> None:
    """Adds these tables to the schema."""
    Table(
        "decision",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("by", String, nullable=False),
        Column("by_shown", String, nullable=False),
        Column("verb", String, nullable=False),
        Column("selection", JSON, nullable=False),
        Column("reason", String, nullable=False),
        Column("count", Integer, nullable=False),
        Column("done", Integer, nullable=False),
        Column("target", String, nullable=False),
        Column("undone_by", BigInteger),
        Column("undoes", BigInteger),
        Column("idempotency_key", String),
        Column("outside", Integer, nullable=False, server_default="0"),
        Column("second_by", String, nullable=False, server_default=""),
        Column("second_by_shown", String, nullable=False, server_default=""),
        Column("last", BigInteger),
        Column("reached", BigInteger, nullable=False, server_default="0"),
        Column("order", JSON, nullable=False, server_default="{}"),
        Column("keys", Integer),
        Column("milliseconds", Integer),
        Column("confidential", String, nullable=False, server_default=""),
        Column("confirmed", JSON, nullable=False, server_default="[]"),
        Column("agreed", JSON, nullable=False, server_default="{}"),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("idempotency_key"),
        Index("ix_decision_by", "by"),
        Index("ix_decision_last", "last"),
        Index("decision_by_time", "at"),
    )
    Table(
        "decision_item",
        schema,
        Column("decision_id", BigInteger, nullable=False),
        Column("delivery_id", BigInteger, nullable=False),
        Column("before", String, nullable=False),
        Column("outcome", String, nullable=False),
        Column("why", String, nullable=False),
        Column("why_form", JSON),
        PrimaryKeyConstraint("decision_id", "delivery_id"),
        Index("decision_item_by_delivery", "delivery_id"),
        Index("decision_item_of_left", "decision_id", sqlite_where=text("before <> 'held'"), postgresql_where=text("before <> 'held'")),
    )
