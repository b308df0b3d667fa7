"""Legal holds, and the messages that they are about."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    """Adds legal holds; none exists so far."""
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_by_shown", sa.String(), nullable=False),
        sa.Column("reached", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=False),
        sa.Column("lifted_by_shown", sa.String(), nullable=False),
        sa.Column("lifted_reason", sa.String(), nullable=False),
    )
    op.create_table(
        "legally_held",
        sa.Column("hold_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("delivery_id", sa.BigInteger(), primary_key=True, autoincrement=False),
    )
    op.create_index("legally_held_by_delivery", "legally_held", ["delivery_id"])
