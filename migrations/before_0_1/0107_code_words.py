"""Expected senders: some are code words that employees hand out."""

import sqlalchemy as sa
from alembic import op

revision = "0107"
down_revision = "0106"


def upgrade() -> None:
    """Add the column; what is there is no code word."""
    op.add_column("expectation", sa.Column("is_code", sa.Boolean(), nullable=False, server_default=sa.false()))
