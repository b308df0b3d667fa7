"""Escalations to duties, with their confirmations."""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"


def upgrade() -> None:
    """Add it."""
    op.create_table(
        "escalation",
        sa.Column("decision_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("duty", "title", "reason")),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("by", "by_shown")),
        sa.Column("hold_id", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("confirmed_by", "confirmed_by_shown")),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "escalated",
        sa.Column("delivery_id", sa.BigInteger(), sa.ForeignKey("delivery.id"), primary_key=True, autoincrement=False),
        sa.Column("decision_id", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_escalated_decision_id", "escalated", ["decision_id"])
