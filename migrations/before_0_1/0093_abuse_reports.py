"""Message of an abuse report, so that the report is erased with that message's sender and recipients."""

import sqlalchemy as sa
from alembic import op

revision = "0093"
down_revision = "0092"


def upgrade() -> None:
    """Add the table. Earlier reports are found by the recipient with whom they are filed, and erased with their content."""
    op.create_table(
        "abuse_report",
        sa.Column("delivery_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"]),
        sa.PrimaryKeyConstraint("delivery_id"),
    )
    op.create_index("ix_abuse_report_message_id", "abuse_report", ["message_id"])
