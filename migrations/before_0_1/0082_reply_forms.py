"""The message ids and parameters of last replies, obstacles of a recall and doubts about rules, beside their finished text."""

import sqlalchemy as sa
from alembic import op

revision = "0082"
down_revision = "0081"


def upgrade() -> None:
    """Add them; what was stored before has none."""
    op.add_column("delivery", sa.Column("reply_form", sa.JSON(), nullable=True))
    op.add_column("attempt", sa.Column("reply_form", sa.JSON(), nullable=True))
    op.add_column("swept_mailbox", sa.Column("why_form", sa.JSON(), nullable=True))
    op.add_column("rule", sa.Column("doubt_form", sa.JSON(), nullable=True))
