"""Practice: the first answer of each member of staff to each card."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "practice_answer",
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("card", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("expected", sa.String(), nullable=False),
        sa.Column("given", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("login", "card"),
    )
