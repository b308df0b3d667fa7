"""Tables of teamwork: presence, messages assigned to colleagues, escalations."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table


def define_tables(schema: MetaData) -> None:
    """Adds these tables to the schema."""
    Table(
        "presence",
        schema,
        Column("login", String, nullable=False),
        Column("name", String, nullable=False),
        Column("delivery_id", BigInteger),
        Column("until", BigInteger, nullable=False),
        PrimaryKeyConstraint("login", name="in_hand_pkey"),
    )
    Table(
        "assignment",
        schema,
        Column("delivery_id", BigInteger, ForeignKey("delivery.id", name="handed_delivery_id_fkey"), autoincrement=False, nullable=False),
        Column("to", String, nullable=False),
        Column("to_shown", String, nullable=False),
        Column("by", String, nullable=False),
        Column("by_shown", String, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("note", String, nullable=False),
        PrimaryKeyConstraint("delivery_id", name="handed_pkey"),
        Index("ix_assignment_to", "to"),
    )
    Table(
        "escalation",
        schema,
        Column("decision_id", BigInteger, autoincrement=False, nullable=False),
        Column("duty", String, nullable=False),
        Column("title", String, nullable=False),
        Column("reason", String, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("by", String, nullable=False),
        Column("by_shown", String, nullable=False),
        Column("hold_id", BigInteger, nullable=False),
        Column("notified", Integer, nullable=False),
        Column("confirmed_at", BigInteger),
        Column("confirmed_by", String, nullable=False),
        Column("confirmed_by_shown", String, nullable=False),
        Column("ended_at", BigInteger),
        PrimaryKeyConstraint("decision_id"),
    )
    Table(
        "escalated",
        schema,
        Column("delivery_id", BigInteger, ForeignKey("delivery.id"), autoincrement=False, nullable=False),
        Column("decision_id", BigInteger, nullable=False),
        PrimaryKeyConstraint("delivery_id"),
        Index("ix_escalated_decision_id", "decision_id"),
    )
    Table(
        "comment",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("delivery_id", BigInteger, ForeignKey("delivery.id"), nullable=False),
        Column("by", String, nullable=False),
        Column("by_shown", String, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("text", String, nullable=False),
        PrimaryKeyConstraint("id"),
        Index("ix_comment_delivery_id", "delivery_id"),
    )
    Table(
        "snooze",
        schema,
        Column("login", String, nullable=False),
        Column("delivery_id", BigInteger, ForeignKey("delivery.id"), nullable=False),
        Column("by_shown", String, nullable=False),
        Column("until", BigInteger, nullable=False),
        PrimaryKeyConstraint("login", "delivery_id"),
        Index("ix_snooze_delivery_id", "delivery_id"),
    )
    Table(
        "shift_note",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("by", String, nullable=False),
        Column("by_shown", String, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("scope", JSON, nullable=False),
        Column("text", String, nullable=False),
        Column("done_at", BigInteger),
        Column("done_by", String, nullable=False),
        Column("done_by_shown", String, nullable=False),
        PrimaryKeyConstraint("id"),
        Index("ix_shift_note_by", "by"),
    )
    Table(
        "dismissed_note",
        schema,
        Column("note_id", BigInteger, nullable=False),
        Column("login", String, nullable=False),
        PrimaryKeyConstraint("note_id", "login"),
    )
