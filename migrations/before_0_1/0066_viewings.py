"""Messages that consoles fetched ahead and have not shown, and recent viewers of a message."""

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"


def upgrade() -> None:
    """Add the table. What the record says of before stays as it is: `view` was written when a message was fetched."""
    op.create_table(
        "viewing",
        sa.Column("by", sa.String(), primary_key=True),
        sa.Column("message_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("ahead", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("ahead_since", "ahead_until")),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("stands_in_for", sa.JSON(), nullable=False),
        sa.Column("viewed_at", sa.BigInteger(), nullable=True),
    )
