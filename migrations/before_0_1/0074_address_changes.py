"""Addresses that the directory gives to another owner, until somebody approves or declines."""

import sqlalchemy as sa
from alembic import op

revision = "0074"
down_revision = "0073"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "address_change",
        sa.Column("address", sa.String(), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("owner", "owner_shown", "claimant", "claimant_shown")),
        sa.Column("confidential", sa.Boolean(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("state", "settled_by")),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
    )
