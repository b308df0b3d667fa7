"""Enters a test's company: by `directory.apply` the first time, as a copy of the rows it made from then on.

Half of what a unit test took went into the same company again and again.
"""

import functools
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Table, insert, select, text
from sqlmodel import Session, SQLModel

from triage import ids
from triage.actor import Actor
from triage.addressing.company import CompanyDirectory
from triage.config.settings import Company
from triage.directory import apply as directory
from triage.store import pack_records
from triage.store.models.markers import Marker

Rows = dict[str, list[dict[str, Any]]]


class Copy(NamedTuple):
    """Rows that `directory.apply` makes in an empty database."""

    rows: Rows  # by table, in the order in which they can be inserted
    last_id: int  # of those that `ids` gave out


COPIES: dict[str, Copy] = {}


def enter(session: Session, wanted: CompanyDirectory, company: Company, *, by: Actor, now: datetime) -> None:
    """Makes the directory's rows what `wanted` says; a database that holds anything already gets them from `directory.apply`."""
    if not is_empty(session):
        directory.apply_directory(session, wanted, company, by=by, now=now)
        return
    key = repr((wanted, company, by, now, ids.made_at(ids.new_id()).date()))
    if key not in COPIES:
        directory.apply_directory(session, wanted, company, by=by, now=now)
        session.flush()
        COPIES[key] = Copy(rows_of(session), ids._last)  # there is no other way to know it
        return
    insert_rows(session, COPIES[key])


def tables() -> list[Table]:
    """All tables, those that others refer to first."""
    return SQLModel.metadata.sorted_tables


def is_empty(session: Session) -> bool:
    """Whether no table has a row, apart from the one that a new schema has."""
    return not session.connection().exec_driver_sql(any_row()).scalar()


@functools.cache
def any_row() -> str:
    """Asks every table at once; as text, since compiling it would take longer than answering."""
    own = {Marker.__tablename__: f"WHERE name <> '{pack_records.MARKER}'"}
    return "SELECT " + " OR ".join(f'EXISTS (SELECT 1 FROM "{table.name}" {own.get(table.name, "")})' for table in tables())


def rows_of(session: Session) -> Rows:
    """All rows of the tables that have some, without the one that a new schema has."""
    rows_by_table = ((table.name, session.execute(select(table)).mappings()) for table in tables())
    read = ((name, [dict(row) for row in rows if row.get("name") != pack_records.MARKER]) for name, rows in rows_by_table)
    return {name: rows for name, rows in read if rows}


def insert_rows(session: Session, copy: Copy) -> None:
    """Inserts what was kept, and lets nothing be numbered as these rows are."""
    for name, rows in copy.rows.items():
        table = SQLModel.metadata.tables[name]
        session.execute(insert(table), rows)
        if session.get_bind().dialect.name == "postgresql" and table.autoincrement_column is not None:
            column = table.autoincrement_column.name
            sequence = f"pg_get_serial_sequence('\"{name}\"', '{column}')"
            session.execute(text(f'SELECT setval({sequence}, max("{column}")) FROM "{name}" WHERE {sequence} IS NOT NULL'))
    ids._last = max(ids._last, copy.last_id)
