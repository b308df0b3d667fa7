"""The engine and `transaction()`, on SQLite and PostgreSQL: the only place that knows which."""

import json
import random
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Engine,
    Insert,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    event,
    func,
    insert,
    literal,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql import visitors
from sqlmodel import Session, SQLModel, create_engine

from triage.errors import BadInput

BUSY_PATIENCE = 30.0  # seconds until a busy SQLite file is taken for a fault
BUSY_PAUSE = 0.001  # polling without sleeping locks measured 10 times fairer than busy_timeout (building.md)


def open_engine(url: str) -> Engine:
    """The engine for `database.url`. Nothing is connected yet; BadInput when the URL is of no kind we know."""
    if url.startswith("sqlite:///"):
        return sqlite_engine(url)
    if url.startswith(("postgresql://", "postgres://")):
        return create_engine("postgresql+psycopg://" + url.partition("://")[2], pool_pre_ping=True, pool_size=8, max_overflow=32)
    raise BadInput(f"database.url must begin with sqlite:/// or postgresql://, not {url.partition(':')[0]!r}")


def sqlite_engine(url: str) -> Engine:
    """SQLite in WAL with synchronous=FULL: a commit that returned survives a power cut."""
    path = Path(url.removeprefix("sqlite:///"))
    if not path.parent.is_dir():
        raise BadInput(f"the directory {path.parent} of the database does not exist; make it, or change database.url")
    engine = create_engine(url, connect_args={"timeout": 0, "check_same_thread": False, "isolation_level": None})
    event.listen(engine, "connect", prepare_sqlite)
    event.listen(engine, "begin", begin_sqlite)
    return engine


def prepare_sqlite(connection: Any, _record: Any) -> None:
    """Each connection's pragmas. Switching to WAL needs the file for itself for a moment, so it waits its turn."""
    cursor = connection.cursor()
    patiently(lambda: cursor.execute("PRAGMA journal_mode=WAL"))
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-32000", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def begin_sqlite(connection: Any) -> None:
    """BEGIN IMMEDIATE for writers: a transaction never finds out halfway that it may not write."""
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reading else 'OFF'}")
    patiently(lambda: connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE"))


def patiently(attempt: Any) -> Any:
    """Run it, again every millisecond or so while another process holds the file."""
    deadline = time.monotonic() + BUSY_PATIENCE
    while True:
        try:
            return attempt()
        except (sqlite3.OperationalError, OperationalError) as fault:
            if "locked" not in str(fault) or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_PAUSE * random.uniform(0.5, 1.5))


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session that commits at the end, or rolls back all of it. Rows do not leave it."""
    with Session(engine) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session that only reads, all of it as of one moment: it waits for no writer. The database refuses to let it write."""
    options: dict[str, Any] = {"reading": True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as connection, Session(connection) as session:
        yield session


def among(session: Session, column: Any, values: Iterable[int] | Iterable[str]) -> ColumnElement[bool]:
    """Is the column one of these ids, or of these words? One bound value, however many there are."""
    wanted: list[int | str] = list(values)
    if is_postgresql(session):
        kind = BigInteger if isinstance(column.type, Integer) else Text
        return cast(ColumnElement[bool], column == any_(literal(wanted, ARRAY(kind))))
    listed = func.json_each(json.dumps(wanted)).table_valued("value")
    return cast(ColumnElement[bool], column.in_(select(listed.c.value)))


def each(name: str, *, on_postgresql: bool) -> ColumnElement[int]:
    """A column of the numbers that the parameter of this name holds (`many`), a row each: for statements that are made once."""
    if on_postgresql:
        return select(func.unnest(bindparam(name, type_=ARRAY(BigInteger))).label("value")).subquery(name).c.value
    return func.json_each(bindparam(name, type_=Text)).table_valued("value", name=name).c.value


def many(session: Session, numbers: Iterable[int]) -> list[int] | str:
    """Numbers as the value of such a parameter."""
    return list(numbers) if is_postgresql(session) else json.dumps(list(numbers))


def newest_of_each(value: ColumnElement[int], key: Column[int], wanted: Column[int], most: int, *, on_postgresql: bool) -> Select[int]:
    """Of the rows with each of these values as their key, so many with the greatest of what is wanted of them."""
    if on_postgresql:
        newest = select(wanted).where(key == value).order_by(wanted.desc()).limit(most).lateral()
        return select(newest.c[wanted.name]).select_from(value.table).join(newest, true())
    others = key.table.alias()
    older = select(others.c[wanted.name]).where(others.c[key.name] == value).order_by(others.c[wanted.name].desc())
    least = func.coalesce(older.offset(most - 1).limit(1).scalar_subquery(), 0)
    return select(wanted).select_from(value.table).join(key.table, and_(key == value, wanted >= least))


def beside(session: Session, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """A condition on rows that another one finds: SQLite is told not to walk an index for it, which measured 25 times slower."""
    return condition if is_postgresql(session) else func.likely(condition)


def insert_if_missing(session: Session, table: type[SQLModel], **values: Any) -> bool:
    """Insert a row unless one with its key is there; was it missing? Whoever else inserts it at the same time is waited for."""
    dialect = postgresql if is_postgresql(session) else sqlite
    inserted = dialect.insert(table).values(**values).on_conflict_do_nothing().returning(literal(1))
    return session.execute(inserted).first() is not None  # drivers count rows differently


def insert_all(session: Session, rows: Sequence[SQLModel]) -> None:
    """Insert rows of one table as they are. They do not become the session's: that takes twice the time, and nobody changes them."""
    if rows:
        statement, names = inserting(type(rows[0]))
        session.flush()
        session.execute(statement, [{name: getattr(row, name) for name in names} for row in rows])


@cache
def inserting(table: type[SQLModel]) -> tuple[Insert, tuple[str, ...]]:
    """The statement that inserts rows of a table, and its columns."""
    rows = SQLModel.metadata.tables[str(table.__tablename__)]
    return insert(rows), tuple(column.name for column in rows.columns)


def execute_for_each(session: Session, statement: Insert, rows: Sequence[Mapping[str, Any]]) -> None:
    """Carry out an insertion with the values of each row, which are as the database holds them: at half the time of `Session.execute`."""
    if not rows:
        return
    connection = session.connection()
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(rows[0]))
    order = compiled.positiontup
    connection.exec_driver_sql(str(compiled), [tuple(map(row.__getitem__, order)) for row in rows] if order else list(map(dict, rows)))


def insert_together(session: Session, inserts: tuple[Insert, ...], values: dict[str, Any]) -> None:
    """Insert rows that refer to each other, the ones referred to first; `values` of all parameters. PostgreSQL is asked once."""
    connection = session.connection()
    if is_postgresql(session):
        connection.execute(in_one(inserts), values)
    else:
        for one in inserts:
            connection.execute(one, {name: values[name] for name in parameters(one)})


@cache
def in_one(inserts: tuple[Insert, ...]) -> Insert:
    """All of them as one statement."""
    return inserts[-1].add_cte(*(one.cte(f"part{number}") for number, one in enumerate(inserts[:-1])))


@cache
def parameters(statement: Insert) -> frozenset[str]:
    """The names of its parameters."""
    return frozenset(one.key for one in visitors.iterate(statement) if isinstance(one, BindParameter) and one.required)


def turns(name: str, *, on_postgresql: bool) -> ColumnElement[bool]:
    """Take the turn for each of the numbers that a parameter holds, as far as nobody else has it until their transaction ends; did nobody?

    Who did not get it `waits_its_turn`. SQLite has one writer at a time anyway.
    """
    if not on_postgresql:
        return literal(True)
    return select(func.bool_and(func.pg_try_advisory_xact_lock(each(name, on_postgresql=True)))).scalar_subquery()


def waits_its_turn(session: Session, numbers: Iterable[int]) -> bool:
    """Let nobody else who asks for one of these numbers go on until this transaction ends; did it have to wait for somebody?

    SQLite has one writer at a time anyway.
    """
    if not is_postgresql(session):
        return False
    taken = [func.pg_try_advisory_xact_lock(number) for number in sorted(numbers)]
    missing = [number for number, free in zip(sorted(numbers), session.execute(select(*taken)).one(), strict=True) if not free]
    for number in missing:
        session.execute(select(func.pg_advisory_xact_lock(number)))
    return bool(missing)


def is_postgresql(session: Session) -> bool:
    """Does this session speak to PostgreSQL?"""
    return session.get_bind().dialect.name == "postgresql"
