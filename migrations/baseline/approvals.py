"""Tables of approvals: by a second person, or by the keepers of a confidential folder."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, MetaData, PrimaryKeyConstraint, String, Table, UniqueConstraint


def define_tables(schema: MetaData) -> None:
    """Adds these tables to the schema."""
    Table(
        "pending_act",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("kind", String, nullable=False),
        Column("order", JSON, nullable=False),
        Column("needs", JSON, nullable=False),
        Column("items", JSON, nullable=False),
        Column("fence", String, nullable=False),
        Column("reason", String, nullable=False),
        Column("asked_by", String, nullable=False),
        Column("asked_by_shown", String, nullable=False),
        Column("asked_at", BigInteger, nullable=False),
        Column("lapses_at", BigInteger, nullable=False),
        Column("state", String, nullable=False),
        Column("settled_by", String, nullable=False),
        Column("settled_by_shown", String, nullable=False),
        Column("settled_at", BigInteger),
        Column("settled_reason", String, nullable=False),
        Column("result_id", BigInteger),
        Column("idempotency_key", String),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("idempotency_key"),
        Index("ix_pending_act_state", "state"),
    )
    Table(
        "keepers_request",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("folder", String, nullable=False),
        Column("selection", JSON, nullable=False),
        Column("decision_id", BigInteger, nullable=False),
        Column("reason", String, nullable=False),
        Column("asked_by", String, nullable=False),
        Column("asked_by_shown", String, nullable=False),
        Column("asked_at", BigInteger, nullable=False),
        Column("lapses_at", BigInteger, nullable=False),
        Column("state", String, nullable=False),
        Column("settled_by", String, nullable=False),
        Column("settled_by_shown", String, nullable=False),
        Column("settled_at", BigInteger),
        Column("results", JSON, nullable=False),
        Column("is_over", Boolean, nullable=False),
        PrimaryKeyConstraint("id"),
        Index("ix_keepers_request_decision_id", "decision_id"),
        Index("ix_keepers_request_is_over", "is_over"),
    )
