"""PostgreSQL keeps the words of deliveries in a table of their own."""

from alembic import op

from migrations import word_table

revision = "0105"
down_revision = "0104"


def upgrade() -> None:
    """Make the table, and fill it; an upgrade has mostly done both before its steps (`word_table`)."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql" or word_table.has_table(connection):
        return
    word_table.make_table(connection)
    after: int | None = 0
    while after is not None:
        after = word_table.copy_slice(connection, after)
