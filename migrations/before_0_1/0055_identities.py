"""Permanent identities of people in the directory, and their former names."""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"


def upgrade() -> None:
    """Add them. People get their identities at the next sync; nothing is rewritten here, and an older program goes on beside it."""
    op.add_column("person", sa.Column("identity", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "former_name",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("now", sa.String(), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )
    op.create_index("former_name_by_now", "former_name", ["kind", "now"])
