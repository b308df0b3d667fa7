"""Messages that a digest named to their recipients: none expires before."""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    """Add the table. What was held before is in the next digest."""
    op.create_table(
        "digest_entry",
        sa.Column("delivery_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("person", sa.String(), primary_key=True),
        sa.Column("letter_id", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
