"""Reports: what a decision took the person, counts of days that are over, the queue at each full hour, and indexes to read them by."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    """Add the columns, the tables and the indexes. Upkeep counts the days that are over, one by one."""
    op.add_column("decision", sa.Column("keys", sa.Integer(), nullable=True))
    op.add_column("decision", sa.Column("milliseconds", sa.Integer(), nullable=True))
    op.create_index("decision_by_time", "decision", ["at"], unique=False)
    short = ["id", "direction", "department", "person", "received_at", "campaign_id"]
    op.create_index("delivery_in_short", "delivery", short, unique=False)
    left = sa.text("before <> 'held'")
    op.create_index("decision_item_of_left", "decision_item", ["decision_id"], unique=False, sqlite_where=left, postgresql_where=left)
    op.create_table(
        "arrived",
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("since", "department", "person", "rule", "verdict"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "queue_sample",
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("at", "department", "person"),
        sqlite_with_rowid=False,
    )
