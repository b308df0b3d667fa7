"""The message id and parameters of an alert's sentence, beside its finished text."""

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0072"


def upgrade() -> None:
    """Add the column."""
    op.add_column("alarm", sa.Column("words_form", sa.JSON(), nullable=True))
