"""Consent of the person who released messages and allowed their senders."""

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"


def upgrade() -> None:
    """Add it. Of decisions of before it is not known."""
    op.add_column("decision", sa.Column("agreed", sa.JSON(), nullable=False, server_default="{}"))
