"""Preferences of staff for their own console."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    """Add it."""
    op.create_table(
        "preference",
        sa.Column("login", sa.String(), primary_key=True),
        sa.Column("chosen", sa.JSON(), nullable=False),
    )
