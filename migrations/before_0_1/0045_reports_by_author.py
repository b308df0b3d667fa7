"""Reports find out from the short index, too, whose sender was answered."""

from alembic import op

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    """Make the index again."""
    op.drop_index("delivery_in_short", table_name="delivery")
    short = ["id", "direction", "department", "person", "received_at", "campaign_id", "author"]
    op.create_index("delivery_in_short", "delivery", short, unique=False)
