"""The tables of 0.1 at once, exactly as the steps of `migrations/before_0_1` make them one after the other."""

import sqlalchemy as sa
from alembic import op

from migrations import word_table
from migrations.baseline import (
    approvals,
    assignments,
    audit,
    campaigns,
    compliance,
    contacts,
    counts,
    decisions,
    deliveries,
    directory,
    employees,
    idempotency,
    mailboxes,
    markers,
    messages,
    notifications,
    rules,
    sign_in,
    sqlite_indexes,
    staff,
)

revision = "0119"
down_revision = None

SUBJECTS = (
    approvals,
    assignments,
    audit,
    campaigns,
    compliance,
    contacts,
    counts,
    decisions,
    deliveries,
    directory,
    employees,
    idempotency,
    mailboxes,
    markers,
    messages,
    notifications,
    rules,
    sign_in,
    staff,
)
PACKED = "message-records"  # the marker: the last message whose record is compressed
ALL = 2**62  # above every id


def upgrade() -> None:
    """Make the tables in an empty database."""
    connection, schema = op.get_bind(), sa.MetaData()
    for subject in SUBJECTS:
        subject.define_tables(schema)
    schema.create_all(connection, checkfirst=False)
    audit.protect_log(connection)
    if connection.dialect.name == "postgresql":
        word_table.make_table(connection)
    else:
        sqlite_indexes.make_indexes(connection)
    connection.execute(sa.insert(schema.tables["marker"]).values(name=PACKED, number=ALL, text=""))
