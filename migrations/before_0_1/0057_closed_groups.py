"""A group may take mail from inside only."""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0055"


def upgrade() -> None:
    """Add it; until the directory says otherwise a group takes mail from anybody."""
    op.add_column("mail_group", sa.Column("closed", sa.Boolean(), nullable=False, server_default=sa.false()))
