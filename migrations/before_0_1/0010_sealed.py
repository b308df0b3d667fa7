"""Confidential departments and persons; how much of a selection lay outside the scope of who decided."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the table and the column."""
    op.create_table(
        "sealed",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "login"),
    )
    op.add_column("decision", sa.Column("outside", sa.Integer(), nullable=False, server_default="0"))
