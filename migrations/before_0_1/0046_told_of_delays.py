"""Time of the delay notice that the author of a late message gets once."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """Adds the time of the delay notice; deliveries that wait now get one if they are late."""
    op.add_column("delivery", sa.Column("delay_told_at", sa.BigInteger(), nullable=True))
