"""Groups: a delivery for each member beside the group's own."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("delivery", sa.Column("parent_id", sa.BigInteger(), nullable=True))
    op.add_column("delivery", sa.Column("expanded", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_delivery_parent_id", "delivery", ["parent_id"], unique=False)
