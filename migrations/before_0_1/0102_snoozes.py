"""Rows of the queue that staff snooze until a time."""

import sqlalchemy as sa
from alembic import op

revision = "0102"
down_revision = "0101"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "snooze",
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("by_shown", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"]),
        sa.PrimaryKeyConstraint("login", "delivery_id"),
    )
    op.create_index("ix_snooze_delivery_id", "snooze", ["delivery_id"], unique=False)
