"""The order of the cards: how urgent a delivery is and why, signals of one copy, and an index that knows who had mail from whom."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the columns; what is held already gets its place by what is known of it."""
    op.add_column("delivery", sa.Column("signals", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("delivery", sa.Column("urgency", sa.Integer(), nullable=False, server_default="50"))
    op.add_column("delivery", sa.Column("why_here", sa.JSON(), nullable=False, server_default="[]"))
    op.execute("UPDATE delivery SET urgency = 50 - 3 * weight / 5 + CASE WHEN proof <> '' THEN 10 ELSE 0 END WHERE state = 'held'")
    op.drop_index("delivery_by_author", "delivery")
    op.create_index("delivery_by_author", "delivery", ["author", "state", "department", "person"], unique=False)
