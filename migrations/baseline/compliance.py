"""Legal holds and erasures of a person's data."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table


def define_tables(schema: MetaData) -> None:
    """Adds these tables to the schema."""
    Table(
        "legal_hold",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("person", String, nullable=False),
        Column("selection", JSON, nullable=False),
        Column("reason", String, nullable=False),
        Column("made_at", BigInteger, nullable=False),
        Column("made_by", String, nullable=False),
        Column("made_by_shown", String, nullable=False),
        Column("reached", BigInteger, nullable=False),
        Column("lifted_at", BigInteger),
        Column("lifted_by", String, nullable=False),
        Column("lifted_by_shown", String, nullable=False),
        Column("lifted_reason", String, nullable=False),
        PrimaryKeyConstraint("id"),
    )
    Table(
        "legally_held",
        schema,
        Column("hold_id", BigInteger, nullable=False),
        Column("delivery_id", BigInteger, nullable=False),
        PrimaryKeyConstraint("hold_id", "delivery_id"),
        Index("legally_held_by_delivery", "delivery_id"),
    )
    Table(
        "person_erasure",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("address", String, nullable=False),
        Column("uid", String, nullable=False),
        Column("pseudonym", String, nullable=False),
        Column("with_rules", Boolean, nullable=False),
        Column("reason", String, nullable=False),
        Column("asked_at", BigInteger, nullable=False),
        Column("asked_by", String, nullable=False),
        Column("asked_by_shown", String, nullable=False),
        Column("second_by", String, nullable=False),
        Column("second_by_shown", String, nullable=False),
        Column("deliveries", Integer, nullable=False),
        Column("contents", Integer, nullable=False),
        Column("kept", Integer, nullable=False),
        Column("rules_left", Integer, nullable=False),
        Column("done_at", BigInteger),
        PrimaryKeyConstraint("id"),
        Index("ix_person_erasure_done_at", "done_at"),
    )
