"""Compresses the record of a message into one value, and gives columns and tables to all that SQL asks of it.

The four columns of JSON stay for rows of before. Upkeep packs those in slices while mail comes in, and empties the columns.
"""

import sqlalchemy as sa
from alembic import op

revision = "0095"
down_revision = "0094"

OLD = ("envelope", "authentication", "summary", "signals")
WORDS = ("client", "dmarc", "dmarc_policy", "signal_names", "named_id", "list_id", "reply_to")
COUNTS = ("links", "attachments")
PACKED = "message-records"  # the marker: the last message that was packed
ALL = 2**62  # above every id


def upgrade() -> None:
    """Add the columns and the tables. No row is rewritten."""
    op.add_column("message", sa.Column("record", sa.LargeBinary(), nullable=True))
    for name in WORDS:
        op.add_column("message", sa.Column(name, sa.Text(), nullable=True))
    for name in COUNTS:
        op.add_column("message", sa.Column(name, sa.Integer(), nullable=True))
    allow_nulls(op.get_bind())
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    for table, columns in (("message_link", ("domain", "said")), ("message_file", ("sha256", "names"))):
        op.create_table(
            table,
            sa.Column("message_id", sa.BigInteger(), primary_key=True, autoincrement=False),
            sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
            sa.Column(columns[0], bytewise, nullable=False),
            sa.Column(columns[1], sa.Text(), nullable=False),
            sqlite_with_rowid=False,
        )
        op.create_index(f"{table}_{columns[0]}", table, [columns[0], "message_id"])
    first = op.get_bind().scalar(sa.text("SELECT min(id) FROM message"))
    values = {"name": PACKED, "number": ALL if first is None else 0}
    op.get_bind().execute(sa.text("INSERT INTO marker (name, number, text) VALUES (:name, :number, '')"), values)


def allow_nulls(connection: sa.Connection) -> None:
    """Let the old columns be empty. SQLite would copy the whole table for that, or takes it from the schema as its manual describes."""
    if connection.dialect.name == "postgresql":
        for name in OLD:
            op.alter_column("message", name, nullable=True)
        return
    schema = connection.scalar(sa.text("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'message'"))
    for name in OLD:
        assert f"{name} JSON NOT NULL" in schema, schema
        schema = schema.replace(f"{name} JSON NOT NULL", f"{name} JSON")
    version = connection.scalar(sa.text("PRAGMA schema_version"))
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.execute(sa.text("UPDATE sqlite_schema SET sql = :sql WHERE type = 'table' AND name = 'message'"), {"sql": schema})
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
