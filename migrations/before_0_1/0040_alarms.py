"""Alarms: what is so that staff is told of, and when somebody was told last. And what people sign in with, where it is not their uid."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    """Logins come with the next sync."""
    op.add_column("person", sa.Column("login", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "alarm",
        sa.Column("cause", sa.String(), primary_key=True),
        sa.Column("department", sa.String(), primary_key=True),
        sa.Column("person", sa.String(), primary_key=True),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
    )
    op.create_table(
        "told",
        sa.Column("who", sa.String(), primary_key=True),
        sa.Column("cause", sa.String(), primary_key=True),
        sa.Column("department", sa.String(), primary_key=True),
        sa.Column("person", sa.String(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
