"""Mark of deliveries whose next hop is away, so that they leave as soon as it is back."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("delivery", sa.Column("waits_for", sa.String(), nullable=False, server_default=""))
