"""Kept views are made in slices, and whoever comes after a crash goes on with them."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    """Views that were not ready are begun again."""
    op.execute(sa.text("DELETE FROM kept_card WHERE view NOT IN (SELECT id FROM kept_view WHERE ready)"))
    op.execute(sa.text("DELETE FROM kept_total WHERE view NOT IN (SELECT id FROM kept_view WHERE ready)"))
    op.execute(sa.text("DELETE FROM card_anchor WHERE view NOT IN (SELECT id FROM kept_view WHERE ready)"))
    op.execute(sa.text("DELETE FROM kept_view WHERE NOT ready"))
    op.add_column("kept_view", sa.Column("stage", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("kept_view", sa.Column("reached", sa.String(), nullable=False, server_default=""))
