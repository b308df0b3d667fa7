"""An index of messages that a rule let in although they look suspicious; PostgreSQL's is `migrations.concurrent_indexes`'s."""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"
RISKY_IN = sa.text("severity >= 2 AND verdict = 'relay'")


def upgrade() -> None:
    """Add it."""
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("delivery_risky_in", "delivery", ["received_at"], sqlite_where=RISKY_IN)
