"""An index of messages that are held for an assistant only; a person may have a note of them in the daily digest.

PostgreSQL's part of the index is `migrations.concurrent_indexes`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0112"
down_revision = "0108"


def upgrade() -> None:
    """Add them; no step has a note."""
    op.add_column("enforcement_step", sa.Column("note", sa.Boolean(), nullable=False, server_default=sa.false()))
    if op.get_bind().dialect.name != "postgresql":
        op.create_index("delivery_for_assistant", "delivery", ["state", "person"], sqlite_where=sa.text("rule = 'held-for-assistant'"))
