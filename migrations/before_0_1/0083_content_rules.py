"""Rules on content: their conditions, their pause, and what they mark."""

import sqlalchemy as sa
from alembic import op

revision = "0083"
down_revision = "0082"


def upgrade() -> None:
    """Add them; no rule before has any."""
    op.add_column("rule", sa.Column("conditions", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("rule", sa.Column("paused_at", sa.BigInteger(), nullable=True))
    op.add_column("delivery", sa.Column("marks", sa.String(), nullable=False, server_default=""))
    on_content = sa.text("match = 'content'")
    op.create_index("rule_on_content", "rule", ["match"], sqlite_where=on_content, postgresql_where=on_content)
