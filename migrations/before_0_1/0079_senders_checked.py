"""Number of senders whose messages a check of known senders held today."""

import sqlalchemy as sa
from alembic import op

revision = "0079"
down_revision = "0077"


def upgrade() -> None:
    """Add the table. What was held today before counts for nothing."""
    op.create_table("sender_checked", *(sa.Column(name, sa.String(), primary_key=True) for name in ("name", "day", "sender")))
