"""Who wrote a message that is late hears of it once."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """Nobody was told of any delay so far; what waits now is told of if it is late."""
    op.add_column("delivery", sa.Column("delay_told_at", sa.BigInteger(), nullable=True))
