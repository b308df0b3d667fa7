"""Number of rows of the queue in each folder. Counts are read from the deliveries until upkeep has filled the new table."""

import sqlalchemy as sa
from alembic import op

revision = "0103"
down_revision = "0102"


def upgrade() -> None:
    """Make the table; upkeep fills it when it starts."""
    op.drop_table("kept_folder")
    op.create_table(
        "kept_folder",
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("sender_rows", sa.Integer(), nullable=False),
        sa.Column("campaign_rows", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("department", "person"),
    )
