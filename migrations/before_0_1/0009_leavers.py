"""Leavers: since when people have left, where their mail goes, whose an address was."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns. Who has left already is dated, and their addresses are known, from the next sync on."""
    op.add_column("person", sa.Column("leaver", sa.String(), nullable=False, server_default=""))
    op.add_column("person", sa.Column("left_at", sa.BigInteger(), nullable=True))
    op.add_column("known_recipient", sa.Column("leaver", sa.String(), nullable=False, server_default=""))
