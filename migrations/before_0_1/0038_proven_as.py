"""Proven sender of a message: at free-mail providers an address instead of a domain."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    """Add the column. Upkeep fills it slice by slice, and makes the kept cards again: some of them come apart."""
    op.add_column("delivery", sa.Column("proven_as", sa.String(), nullable=True))
    op.execute("UPDATE kept_view SET ready = false")
