"""Very large decisions are carried out in slices."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("decision", sa.Column("last", sa.BigInteger(), nullable=True))
    op.add_column("decision", sa.Column("reached", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("decision", sa.Column("order", sa.JSON(), nullable=False, server_default="{}"))
    op.create_index("ix_decision_last", "decision", ["last"], unique=False)
