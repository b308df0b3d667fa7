"""Checks of known senders, and rules that let a sender pass whatever a message says."""

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0074"


def upgrade() -> None:
    """Add the table and the flag. No rule of before lets pass whatever a message says."""
    op.create_table(
        "sender_check",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("fuse_at", sa.BigInteger(), nullable=True),
    )
    op.add_column("rule", sa.Column("unchecked", sa.Boolean(), nullable=False, server_default=sa.false()))
