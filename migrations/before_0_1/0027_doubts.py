"""Rules that may never work say why; redirect rules say for whom they are and where to."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Add the columns."""
    for name in ("doubt", "recipient", "target"):
        op.add_column("rule", sa.Column(name, sa.String(), nullable=False, server_default=""))
