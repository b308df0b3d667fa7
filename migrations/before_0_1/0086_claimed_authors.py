"""Deliveries without a clear author say so."""

import sqlalchemy as sa
from alembic import op

revision = "0086"
down_revision = "0085"


def upgrade() -> None:
    """Add the column. What came before is not gone through: it is shown and found as until now."""
    op.add_column("delivery", sa.Column("claimed", sa.Boolean(), nullable=False, server_default=sa.false()))
