"""Rules: when DNS was asked what their sender's domain publishes."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Add the column. What was made before is not asked about."""
    op.add_column("rule", sa.Column("looked_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE rule SET looked_at = created_at")
