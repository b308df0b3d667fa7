"""Requests to keepers of confidential folders, rules that spare those folders, and rights of staff besides role and scope."""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"


def upgrade() -> None:
    """Add them. Nobody has a right yet, and the rules of before reach as far as they did."""
    op.create_table(
        "keepers_request",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("decision_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_by_shown", sa.String(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("lapses_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("settled_by", sa.String(), nullable=False),
        sa.Column("settled_by_shown", sa.String(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("is_over", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_keepers_request_decision_id", "keepers_request", ["decision_id"])
    op.create_index("ix_keepers_request_is_over", "keepers_request", ["is_over"])
    op.add_column("decision", sa.Column("confidential", sa.String(), nullable=False, server_default=""))
    op.add_column("rule", sa.Column("kept_out", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("staff_member", sa.Column("rights", sa.JSON(), nullable=False, server_default="[]"))
