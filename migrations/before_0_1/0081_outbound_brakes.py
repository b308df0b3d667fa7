"""Brakes on employees' outgoing messages, and announced runs."""

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0080"


def upgrade() -> None:
    """Add the tables. The time for which brakes only report begins with the next start of upkeep."""
    for table, more in (
        (
            "outbound_brake",
            (
                sa.Column("state", sa.String(), nullable=False),
                sa.Column("recipients", sa.Integer(), nullable=False),
                sa.Column("at", sa.BigInteger(), nullable=False),
                sa.Column("decided_at", sa.BigInteger(), nullable=True),
            ),
        ),
        (
            "outbound_run",
            (
                sa.Column("recipients", sa.Integer(), nullable=False),
                sa.Column("used", sa.Integer(), nullable=False),
                sa.Column("until", sa.BigInteger(), nullable=False),
                sa.Column("at", sa.BigInteger(), nullable=False),
            ),
        ),
    ):
        op.create_table(
            table,
            sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
            sa.Column("person", sa.String(), nullable=False),
            sa.Column("department", sa.String(), nullable=False),
            *more,
            sa.Column("by_shown", sa.String(), nullable=False),
            sa.Column("reason", sa.String(), nullable=False),
        )
        op.create_index(op.f(f"ix_{table}_person"), table, ["person"])
