"""Rows of the queue keep claims to be a sender apart from the sender's own messages."""

from alembic import op

revision = "0091"
down_revision = "0090"


def upgrade() -> None:
    """Let the rows of every view be counted again, by the new keys."""
    op.execute("UPDATE kept_view SET ready = false, stage = 0, reached = ''")
