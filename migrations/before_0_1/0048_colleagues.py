"""Open messages of staff, and assignments."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "in_hand",
        sa.Column("login", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "handed",
        sa.Column("delivery_id", sa.BigInteger(), sa.ForeignKey("delivery.id"), primary_key=True, autoincrement=False),
        sa.Column("to", sa.String(), nullable=False),
        sa.Column("to_shown", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("by_shown", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
    )
    op.create_index("ix_handed_to", "handed", ["to"])
