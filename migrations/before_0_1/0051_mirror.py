"""Held messages are mirrored into departments' accounts: the copies, by where they lie and by what they are known."""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    """Add the copies."""
    op.create_table(
        "mirror_copy",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("alike", sa.String(), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("decision_id", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("mirror_copy_by_account", "mirror_copy", ["account", "ended_at", "id"])
    op.create_index("mirror_copy_by_likeness", "mirror_copy", ["alike", "ended_at"])
    op.create_index("mirror_copy_by_delivery", "mirror_copy", ["delivery_id"])
