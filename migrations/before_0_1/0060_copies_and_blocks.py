"""Severity of messages, copies of a wave, traits of related messages, and blocks that hold before they refuse."""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"


def upgrade() -> None:
    """Add them. Deliveries of before have no severity of their own: it is read from their weight. Kept cards are counted again."""
    op.add_column("delivery", sa.Column("severity", sa.Integer(), nullable=True))
    op.add_column("delivery", sa.Column("is_copy", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("kept_card", sa.Column("severity", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("rule", sa.Column("holds_until", sa.BigInteger(), nullable=True))
    op.add_column("rule", sa.Column("refused", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "message_trait",
        sa.Column("trait", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.BigInteger(), primary_key=True, autoincrement=False),
    )
    op.create_index("ix_message_trait_message_id", "message_trait", ["message_id"])
    op.execute("UPDATE kept_view SET ready = false")
