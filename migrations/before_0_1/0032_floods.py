"""Floods: mail bombs that lie on one card, beside the campaign that each of their messages is of."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Add what floods need. A campaign's subject is that of its mail."""
    op.drop_column("campaign", "subject")
    op.add_column("campaign", sa.Column("about", sa.String(), nullable=True))
    op.create_index("campaign_about", "campaign", ["about"], unique=True)
    op.add_column("delivery", sa.Column("wave_id", sa.BigInteger(), nullable=True))
    op.add_column("delivery", sa.Column("flood", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_delivery_wave_id", "delivery", ["wave_id"])
