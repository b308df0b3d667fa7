"""Causes of open alerts have the names of the settings."""

import sqlalchemy as sa
from alembic import op

revision = "0101"
down_revision = "0100"

CAUSES = {"perishable": "time-limited", "queue": "outgoing", "let-in": "suspicious-delivered"}


def upgrade() -> None:
    """Rename them in the alerts and in the notices of them, so that nobody gets a notice again."""
    for name in ("alarm", "sent_alert"):
        table = sa.table(name, sa.column("cause"))
        for before, today in CAUSES.items():
            op.execute(sa.update(table).where(table.c.cause == before).values(cause=today))
