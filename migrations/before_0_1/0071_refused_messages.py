"""Messages that the SMTP server refused, for the search for a missing message."""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "refused_message",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("at", "until")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("recipient", "listed", "reverse_path", "client", "reply")),
        sa.Column("times", sa.Integer(), nullable=False),
    )
    op.create_index("refused_message_to", "refused_message", ["recipient", "at"])
    op.create_index("refused_message_at", "refused_message", ["at"])
