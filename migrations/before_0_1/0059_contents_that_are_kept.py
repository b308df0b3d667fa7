"""The contents that are not erased yet are found by an index, however many were erased. PostgreSQL's part is
`migrations.concurrent_indexes`."""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"


def upgrade() -> None:
    """Add it."""
    if op.get_bind().dialect.name == "postgresql":
        return
    op.create_index("content_kept", "content", ["id"], sqlite_where=sa.text("zstd IS NOT NULL"))
