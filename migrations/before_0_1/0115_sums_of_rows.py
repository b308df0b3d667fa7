"""Notes that there are deliveries from before entries of the audit log had sums of them: upkeep begins with these."""

import sqlalchemy as sa
from alembic import op

revision = "0115"
down_revision = "0112"


def upgrade() -> None:
    """Note it; an empty database needs no note."""
    op.execute(sa.text(NOTE))


NOTE = """INSERT INTO marker (name, number, text) SELECT 'sums-due', 0, ''
WHERE (EXISTS (SELECT 1 FROM delivery) OR EXISTS (SELECT 1 FROM decision)) AND NOT EXISTS (SELECT 1 FROM marker WHERE name = 'sums-due')"""
