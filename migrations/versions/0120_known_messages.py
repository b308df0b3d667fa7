"""Known messages: copies whose answer is known. The database refuses to have one in a state from which it could be delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0120"
down_revision = "0119"

REFUSAL = "a known message is never delivered"
FITS = """{row}direction <> 'known' OR ({row}mailbox = '' AND {row}due_at IS NULL
    AND {row}state IN ('held', 'purged', 'rejected', 'expired'))"""


def upgrade() -> None:
    """Make the table, and what keeps such a message from leaving."""
    op.create_table(
        "known_message",
        sa.Column("delivery_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("expected", sa.String(), nullable=False),
        sa.Column("put_at", sa.BigInteger(), nullable=False),
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("given", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id"),
    )
    op.create_index("ix_known_message_source_id", "known_message", ["source_id"])
    op.create_index("ix_known_message_login", "known_message", ["login"])
    for statement in refusals(op.get_bind().dialect.name):
        op.execute(statement)


def refusals(dialect: str) -> tuple[str, ...]:
    """A constraint, and in SQLite, which adds none to a table, triggers."""
    if dialect == "postgresql":
        return (f"ALTER TABLE delivery ADD CONSTRAINT delivery_known_stays CHECK ({FITS.format(row='')})",)
    broken = f"NOT ({FITS.format(row='NEW.')})"
    return tuple(
        f"CREATE TRIGGER delivery_known_{name} BEFORE {act} ON delivery WHEN {broken} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        for name, act in (("enters", "INSERT"), ("stays", "UPDATE OF direction, mailbox, due_at, state"))
    )
