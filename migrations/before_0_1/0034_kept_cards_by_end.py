"""Kept cards are found by when they perish, each view by itself."""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Make the index again."""
    op.drop_index("kept_card_by_end", table_name="kept_card")
    op.create_index("kept_card_by_end", "kept_card", ["view", "grouped", "perishable"], unique=False)
