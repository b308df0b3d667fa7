"""Employees sign in to see their own mail and ask for it, and may want no daily letter."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    """Add their sessions, and who wants no letter."""
    op.create_table(
        "employee_session",
        sa.Column("key_sha256", sa.String(), primary_key=True),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
    )
    op.create_table(
        "digest_refusal",
        sa.Column("person", sa.String(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
