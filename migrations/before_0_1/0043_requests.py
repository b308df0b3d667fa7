"""Requests: somebody here asked for a message that is held or was taken away."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "mail_request",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("delivery_id", sa.BigInteger(), sa.ForeignKey("delivery.id"), nullable=False, unique=True),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_by_shown", sa.String(), nullable=False),
        sa.Column("taken_by_shown", sa.String(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("declined_at", sa.BigInteger(), nullable=True),
        sa.Column("declined_by", sa.String(), nullable=False),
        sa.Column("declined_by_shown", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
    )
    op.create_index("mail_request_open", "mail_request", ["declined_at", "id"])
