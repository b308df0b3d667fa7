"""Cover: until when a member of staff is away."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the column."""
    op.add_column("staff_member", sa.Column("away_until", sa.BigInteger(), nullable=True))
