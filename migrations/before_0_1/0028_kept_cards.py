"""Kept counts: the cards of the views that somebody has, what was touched since they were counted, and anchors."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Add the tables. Upkeep fills them; until then everything is counted when it is asked for."""
    op.create_index("delivery_by_urgency", "delivery", ["state", "urgency", "received_at", "id"], unique=False)
    op.create_index("delivery_by_end", "delivery", ["state", "perishable_until"], unique=False)
    op.create_table(
        "touched",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=True),
        sa.Column("alone", sa.BigInteger(), nullable=False),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "kept_view",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "kept_total",
        sa.Column("view", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("grouped", sa.String(), nullable=False),
        sa.Column("cards", sa.Integer(), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("view", "grouped"),
    )
    op.create_table(
        "kept_card",
        sa.Column("view", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("grouped", sa.String(), nullable=False),
        sa.Column("pile", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("pressing", sa.BigInteger(), nullable=False),
        sa.Column("calm", sa.Integer(), nullable=False),
        sa.Column("age", sa.BigInteger(), nullable=False),
        sa.Column("perishable", sa.BigInteger(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("departments", sa.Integer(), nullable=False),
        sa.Column("lead", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("view", "grouped", "pile", "key"),
    )
    op.create_index("kept_card_by_order", "kept_card", ["view", "grouped", "pressing", "calm", "age", "key"], unique=False)
    op.create_index("kept_card_by_end", "kept_card", ["perishable"], unique=False)
    op.create_table(
        "card_anchor",
        sa.Column("view", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("grouped", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pressing", sa.BigInteger(), nullable=False),
        sa.Column("calm", sa.Integer(), nullable=False),
        sa.Column("age", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("view", "grouped", "position"),
    )
    op.create_table(
        "kept_folder",
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("department", "person"),
    )
