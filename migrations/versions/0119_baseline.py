"""The tables of 0.1 at once, exactly as the steps of `migrations/before_0_1` make them one after the other."""

import contextlib
import importlib
import pkgutil
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from migrations import baseline, word_table
from migrations.baseline import audit, sqlite_indexes

revision = "0119"
down_revision = None

PACKED = "message-records"  # the marker: the last message whose record is compressed
ALL = 2**62  # above every id


def upgrade() -> None:
    """Make the tables in an empty database."""
    connection, schema = op.get_bind(), sa.MetaData()
    with order_indexes() as indexes:
        for module in pkgutil.iter_modules(baseline.__path__, f"{baseline.__name__}."):
            subject = importlib.import_module(module.name)
            if subject is not sqlite_indexes:
                subject.define_tables(schema)
    for table in schema.tables.values():
        table.indexes.clear()
    schema.create_all(connection, checkfirst=False)
    for index in indexes:
        index.create(connection)
    audit.protect_log(connection)
    if connection.dialect.name == "postgresql":
        word_table.make_table(connection)
    else:
        sqlite_indexes.make_indexes(connection)
    connection.execute(sa.insert(schema.tables["marker"]).values(name=PACKED, number=ALL, text=""))


@contextlib.contextmanager
def order_indexes() -> Iterator[list[sa.Index]]:
    """Indexes that are defined meanwhile, in that order. Of two that cost the same, SQLite's planner takes one by their order.

    SQLAlchemy makes those of a table in an order that differs with each process.
    """
    defined: list[sa.Index] = []

    def note(index: sa.Index, _table: sa.Table) -> None:
        defined.append(index)

    sa.event.listen(sa.Index, "after_parent_attach", note)
    try:
        yield defined
    finally:
        sa.event.remove(sa.Index, "after_parent_attach", note)
