"""The message ids and parameters of stored sentences, beside their finished text: none for what was stored before."""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"


def upgrade() -> None:
    """Add them."""
    op.add_column("delivery", sa.Column("forms", sa.JSON(), nullable=True))
    op.add_column("decision_item", sa.Column("why_form", sa.JSON(), nullable=True))
