"""Accounts of our own beside the directory's; where sessions were opened, and when somebody was here before."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("staff_member", sa.Column("source", sa.String(), nullable=False, server_default="directory"))
    op.add_column("staff_session", sa.Column("client", sa.String(), nullable=False, server_default=""))
    op.add_column("staff_session", sa.Column("before_at", sa.BigInteger(), nullable=True))
    op.add_column("staff_session", sa.Column("before_client", sa.String(), nullable=False, server_default=""))
