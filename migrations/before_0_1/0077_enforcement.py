"""Enforcement in three steps, by company, department and person, with a start and an end: in place of modes."""

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0076"

STEPS = {"enforce": "hold-unknown", "observe": "record-only"}
MODES = sa.table("mode_switch", *map(sa.column, ("department", "mode", "by_shown", "at", "reason")))


def upgrade() -> None:
    """Add the table, and take the modes over."""
    steps = op.create_table(
        "enforcement_step",
        sa.Column("id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("by_shown", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_enforcement_step_scope"), "enforcement_step", ["scope"])
    for number, row in enumerate(op.get_bind().execute(sa.select(MODES)).all(), 1):
        scope = f"department:{row.department}" if row.department else ""
        values = {"scope": scope, "step": STEPS.get(row.mode, row.mode), "starts_at": row.at, "at": row.at}
        op.get_bind().execute(sa.insert(steps).values(id=number, by_shown=row.by_shown, reason=row.reason, **values))
    op.drop_table("mode_switch")
