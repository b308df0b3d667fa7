"""Traits of wanted messages, and more kinds of traits than two bits hold."""

import sqlalchemy as sa
from alembic import op

revision = "0087"
down_revision = "0086"


def upgrade() -> None:
    """Add the table; the kind of a trait takes its last four bits."""
    op.create_table(
        "wanted_trait",
        sa.Column("trait", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
    )
    op.create_index("ix_wanted_trait_day", "wanted_trait", ["day"])
    op.execute("UPDATE message_trait SET trait = ((trait >> 4) << 4) | (trait & 3)")
