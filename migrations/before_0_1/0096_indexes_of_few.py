"""Indexes of what is time-limited, due, or sent to somebody hold these few deliveries alone.

PostgreSQL's part is `migrations.concurrent_indexes`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0096"
down_revision = "0095"

FEW = {
    "delivery_time_limited": (["state", "time_limited_until"], "time_limited_until IS NOT NULL"),
    "delivery_due_next": (["state", "due_at"], "due_at IS NOT NULL"),
    "delivery_sent_to": (["mailbox"], "direction IN ('outbound', 'notice')"),
}


def upgrade() -> None:
    """Add them, and drop those of all deliveries."""
    if op.get_bind().dialect.name == "postgresql":
        return
    for name, (columns, which) in FEW.items():
        op.create_index(name, "delivery", columns, sqlite_where=sa.text(which))
    op.drop_index("delivery_by_end", table_name="delivery")
    op.drop_index("delivery_due", table_name="delivery")
