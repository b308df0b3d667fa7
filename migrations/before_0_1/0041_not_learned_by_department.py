"""Counts of what was not learned, by the department that wrote, so that nobody sees numbers outside their scope."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"

KEY = ("day", "how", "reason", "department", "person")


def upgrade() -> None:
    """Make the table again with more of a key. What was counted so far is the company's."""
    op.rename_table("not_learned", "not_learned_before")
    op.create_table(
        "not_learned",
        *(sa.Column(name, sa.String(), nullable=False) for name in KEY),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*KEY, name="not_learned_by_department"),
    )
    op.execute("INSERT INTO not_learned SELECT day, how, reason, '', '', count FROM not_learned_before")
    op.drop_table("not_learned_before")
