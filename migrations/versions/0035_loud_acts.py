"""How many acts changed something is counted apart: that somebody looked at a message is in the audit log, and moves nobody's screen."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Until now every act counted."""
    op.execute(sa.text("INSERT INTO marker (name, number, text) SELECT 'loud-acts', number, '' FROM marker WHERE name = 'sealer'"))
