"""Allow rules that let encrypted files pass."""

import sqlalchemy as sa
from alembic import op

revision = "0089"
down_revision = "0088"


def upgrade() -> None:
    """Add the flag. No rule of before lets encrypted files pass."""
    op.add_column("rule", sa.Column("encrypted", sa.Boolean(), nullable=False, server_default=sa.false()))
