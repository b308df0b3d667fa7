"""Searches that staff keep by a name."""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "saved_search",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("by_shown", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("q", sa.String(), nullable=False),
        sa.Column("tab", sa.String(), nullable=False),
        sa.Column("department", sa.String(), nullable=True),
        sa.Column("person", sa.String(), nullable=True),
        sa.Column("shared_with", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("owner", "name"),
    )
