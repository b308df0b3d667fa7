"""The engine and `transaction()`, on SQLite and PostgreSQL: the only place that knows which."""

import json
import random
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache, lru_cache
from importlib import import_module
from operator import itemgetter
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from sqlalchemy import (
    ARRAY,
    URL,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    FromClause,
    Insert,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    column,
    event,
    func,
    insert,
    literal,
    make_url,
    not_,
    select,
    table,
    text,
    true,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError, TimeoutError as NoConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Session, SQLModel, create_engine

from triage.errors import BadInput

BUSY_PATIENCE = 30.0  # seconds until a busy SQLite file is taken for a fault
MOMENT = 0.5  # seconds that it is worth for what is done again soon anyway
BUSY_PAUSE = 0.001  # polling without sleeping locks measured 10 times fairer than busy_timeout (building.md)
CACHE = 8  # MB of the file's pages that each connection to SQLite keeps at most; with 32 the judge is 3 % faster in a file of 11 GB
LARGE_CACHE = 32  # where people wait for pages
JOURNAL = 64 * 1024 * 1024  # bytes of SQLite's WAL that stay on the disk when it is begun again; it grows while somebody reads for long
AWAY = ("08", "53", "57P")  # classes of PostgreSQL's SQLSTATE: the connection, room and connections, the operator
POSTGRESQL = ("postgresql://", "postgres://")
TRIES = 4  # of a transaction that others got in the way of
FAR: Mapping[str, int] = {  # of a server that is gone without a word (its power, its network): found out before mail waits for long
    "connect_timeout": 10,  # seconds
    "tcp_user_timeout": 5000,  # milliseconds until what was sent has arrived
    "keepalives_idle": 5,  # seconds of waiting for an answer until it is asked whether anybody is there
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
NEXT_SERVER = 3  # seconds, where the URL names several, until the next one is tried
UNSEEN = {"synchronize_session": False}  # options of an UPDATE or DELETE: what the session has read stays as it was

T = TypeVar("T")


def open_engine(url: str, *, cache: int = CACHE) -> Engine:
    """The engine for `database.url`, on SQLite with so many MB of cache for each connection. Nothing is connected yet; BadInput
    when the URL is of no kind we know.
    """
    if url.startswith("sqlite:///"):
        return sqlite_engine(url, cache)
    if url.startswith(POSTGRESQL):
        return postgresql_engine(url)
    raise BadInput(f"database.url must begin with sqlite:/// or postgresql://, not “{url.partition(':')[0]}”")


def postgresql_engine(url: str, key: str = "database.url") -> Engine:
    """PostgreSQL by psycopg. The URL may hold a password, so that no fault shows it. `key`: the setting that it is."""
    try:
        place = make_url("postgresql+psycopg://" + url.partition("://")[2])
        engine = create_engine(
            place, pool_pre_ping=True, pool_size=8, max_overflow=32, hide_parameters=True, connect_args=waits_for_server(place)
        )
    except (ValueError, ArgumentError):
        raise BadInput(
            f"{key} must be postgresql://USER:PASSWORD@HOST:PORT/NAME; write @, : and / in a password as %40, %3A and %2F"
        ) from None
    event.listen(engine, "connect", lambda connection, _record: compile_nothing(connection))
    return engine


def compile_nothing(connection: Any) -> None:
    """PostgreSQL takes long questions for dear ones, and compiles them for half a second to answer them in a millisecond."""
    connection.autocommit = True
    connection.execute("SET jit = off")
    connection.autocommit = False


def waits_for_server(place: URL) -> dict[str, Any]:
    """Returns connection timeouts for a server that does not respond; options in the URL itself take precedence."""
    several = isinstance(place.query.get("host"), tuple)
    waits = {**FAR, "connect_timeout": NEXT_SERVER} if several else FAR
    return {name: value for name, value in waits.items() if name not in place.query}


def sqlite_engine(url: str, cache: int) -> Engine:
    """SQLite in WAL with synchronous=FULL: a commit that returned survives a power cut."""
    path = Path(url.removeprefix("sqlite:///"))
    if not path.parent.is_dir():
        raise BadInput(f"the directory {path.parent} of the database does not exist; make it, or change database.url")
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 0, "check_same_thread": False, "isolation_level": None})
    event.listen(engine, "connect", lambda connection, _record: prepare_sqlite(connection, is_new=is_new(path), cache=cache))
    event.listen(engine, "begin", begin_sqlite)
    return engine


def is_new(path: Path) -> bool:
    """Whether nobody has written into the file yet. Then it is closed to all but its owner and group: it will hold mail."""
    found = path.stat()
    if not found.st_size and found.st_mode & 0o007:
        with suppress(PermissionError):  # somebody else made it and answers for its mode
            path.chmod(found.st_mode & 0o770)
    return not found.st_size


def prepare_sqlite(connection: Any, *, is_new: bool, cache: int) -> None:
    """Each connection's pragmas. Switching to WAL needs the file for itself for a moment, so it waits its turn."""
    cursor = connection.cursor()
    if is_new:  # later it would take writing it all again (space)
        retry_while_busy(lambda: cursor.execute("PRAGMA auto_vacuum=INCREMENTAL"))
    retry_while_busy(lambda: cursor.execute("PRAGMA journal_mode=WAL"))
    for pragma in (
        "synchronous=FULL",
        "foreign_keys=ON",
        f"cache_size=-{cache * 1000}",
        f"journal_size_limit={JOURNAL}",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def begin_sqlite(connection: Any) -> None:
    """BEGIN IMMEDIATE for writers: a transaction never finds out halfway that it may not write."""
    options = connection.get_execution_options()
    reading = options.get("reading", False)
    connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reading else 'OFF'}")
    retry_while_busy(lambda: connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE"), options.get("patience", BUSY_PATIENCE))


def retry_while_busy(attempt: Any, patience: float = BUSY_PATIENCE) -> Any:
    """Run it, again every millisecond or so while another process holds the file, for so many seconds."""
    deadline = time.monotonic() + patience
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


def carry_out(engine: Engine, work: Callable[[Session], T]) -> T:
    """Work in one transaction, done again at once when another transaction got in its way. What it returns is no row."""
    for _ in range(TRIES - 1):
        try:
            with transaction(engine) as session:
                return work(session)
        except DBAPIError as fault:
            if not is_deadlock(fault):
                raise
    with transaction(engine) as session:
        return work(session)


def try_transaction(engine: Engine, work: Callable[[Session], object]) -> None:
    """Work that the next request does as well: in one transaction, or not at all while others keep the database busy."""
    try:
        with transaction(engine.execution_options(patience=MOMENT)) as session:
            work(session)
    except SQLAlchemyError as fault:
        if not is_busy(fault):
            raise


def is_busy(fault: Exception) -> bool:
    """Says whether a transaction failed because others kept an SQLite file, or all connections, for too long. Nothing had begun."""
    if isinstance(fault, NoConnection):
        return True
    return isinstance(fault, OperationalError) and isinstance(fault.orig, sqlite3.OperationalError) and "locked" in str(fault.orig)


def is_deadlock(fault: Exception) -> bool:
    """Says whether PostgreSQL aborted a transaction because of a deadlock. Repeated it goes through."""
    return isinstance(fault, DBAPIError) and getattr(fault.orig, "sqlstate", "") in ("40P01", "40001")  # deadlock, serialization


def does_not_answer(fault: Exception) -> bool:
    """Whether PostgreSQL is down or full, so that a later attempt may succeed. A lost deadlock is retried at once."""
    if not isinstance(fault, DBAPIError) or isinstance(fault.orig, sqlite3.Error):
        return False
    state = getattr(fault.orig, "sqlstate", None)
    return fault.connection_invalidated or (isinstance(fault, OperationalError) and (state is None or state.startswith(AWAY)))


@contextmanager
def read_transaction(engine: Engine) -> Iterator[Session]:
    """A session that only reads, all of it as of one moment: it waits for no writer. The database refuses to let it write."""
    with engine.connect() as connection, read_on(connection) as session:
        yield session


@contextmanager
def read_on(connection: Connection) -> Iterator[Session]:
    """As `read_transaction`, on a connection on which nothing has begun."""
    options: dict[str, Any] = {"reading": True}
    if connection.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with Session(connection.execution_options(**options)) as session:
        yield session


def is_among(session: Session, column: Any, values: Iterable[int] | Iterable[str]) -> ColumnElement[bool]:
    """Whether the column is one of these ids, or of these words. One bound value, however many there are."""
    wanted: list[int | str] = list(values)
    if is_postgresql(session):
        kind = BigInteger if isinstance(column.type, Integer) else Text
        return cast(ColumnElement[bool], column == any_(literal(wanted, ARRAY(kind))))
    listed = func.json_each(json.dumps(wanted)).table_valued("value")
    return cast(ColumnElement[bool], column.in_(select(listed.c.value)))


def due_window(session: Session, key: Any, old: Select[int], due: Select[int], after: int, limit: int) -> tuple[list[int], int]:
    """Returns the due ids among the next `limit` old ones, and the last one that was looked at; 0: these were all."""
    seen = session.scalars(old.where(key > after).order_by(key).limit(limit)).all()
    return (list(session.scalars(due.where(key.between(seen[0], seen[-1])))), seen[-1]) if seen else ([], 0)


class Several(TypeDecorator[Any]):
    """Any number of values bound as one: an array, on SQLite a list in JSON."""

    impl = Text
    cache_ok = True

    def __init__(self, item: type[TypeEngine[Any]] = Text) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(self.item) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        return list(value or ()) if dialect.name == "postgresql" else json.dumps(list(value or ()))


class OneOf(FunctionElement[bool]):
    """Whether a column is one of the values that are bound under a name. One statement, made once, for however many values."""

    inherit_cache = True

    def __init__(self, column: Any, values: str, item: type[TypeEngine[Any]] = Text) -> None:
        super().__init__(column, bindparam(values, type_=Several(item)))

    type = Boolean()

    def self_group(self, against: Any = None) -> Self:
        """Keeps the expression as it is: compared with 1, as SQLite's booleans otherwise are, no index would find it."""
        return self


@compiles(OneOf)
def one_of(element: OneOf, compiler: Any, **options: Any) -> str:
    """SQLite's way."""
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 (the compiler made both)


@compiles(OneOf, "postgresql")
def one_of_array(element: OneOf, compiler: Any, **options: Any) -> str:
    """PostgreSQL's way."""
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({values})"


class Found(FunctionElement[bool]):
    """Whether a column is one of the values that are looked for once, before the rows. PostgreSQL would rather join them with all rows."""

    inherit_cache = True

    def __init__(self, column: Any, values: Select[Any]) -> None:
        super().__init__(column, values.scalar_subquery())

    type = Boolean()

    def self_group(self, against: Any = None) -> Self:
        """Keeps the expression as it is, like OneOf."""
        return self


@compiles(Found)
def found_in(element: Found, compiler: Any, **options: Any) -> str:
    """SQLite's way."""
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN {values}"


@compiles(Found, "postgresql")
def found_in_array(element: Found, compiler: Any, **options: Any) -> str:
    """PostgreSQL's way."""
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY (ARRAY{values})"


Kinds = Mapping[str, type[TypeEngine[Any]]]


def table_of(kinds: Kinds, on_postgresql: bool) -> tuple[FromClause, Sequence[ColumnElement[Any]]]:
    """Rows that `bound_as` binds, as a table, and its columns."""
    if on_postgresql:
        arrays = [bindparam(name, type_=Several(kind)) for name, kind in kinds.items()]
        asked = func.unnest(*arrays).table_valued(*(column(name, kind) for name, kind in kinds.items()), name="asked").render_derived()
        return asked, tuple(asked.c)
    listed = func.json_each(bindparam("asked", type_=Several())).table_valued("value", name="asked")
    return listed, [func.json_extract(listed.c.value, f"$[{place}]", type_=kind) for place, kind in enumerate(kinds.values())]


def bound_as(kinds: Kinds, rows: Sequence[Sequence[Any]], on_postgresql: bool) -> dict[str, Any]:
    """Rows as one bound value, on PostgreSQL as one for each column."""
    return {name: [row[place] for row in rows] for place, name in enumerate(kinds)} if on_postgresql else {"asked": rows}


def newest_of_each(
    given: FromClause,
    carried: ColumnElement[Any],
    value: ColumnElement[int],
    key: Column[int],
    wanted: Column[int],
    most: int,
    *,
    on_postgresql: bool,
) -> Select[Any]:
    """Selects for each given row the `most` greatest values of `wanted` where the key is its value, beside what the row carries."""
    if on_postgresql:
        newest = select(wanted).where(key == value).order_by(wanted.desc()).limit(most).lateral()
        return select(carried, newest.c[wanted.name]).select_from(given).join(newest, true())
    others = key.table.alias()
    older = select(others.c[wanted.name]).where(others.c[key.name] == value).order_by(others.c[wanted.name].desc())
    least = func.coalesce(older.offset(most - 1).limit(1).correlate(given).scalar_subquery(), 0)
    return select(carried, wanted).select_from(given).join(key.table, and_(key == value, wanted >= least))


def in_order(session: Session, names: Iterable[str]) -> list[str]:
    """Names as the database sorts them: PostgreSQL by the alphabet of its locale."""
    if not is_postgresql(session):
        return sorted(names)
    listed = func.unnest(literal(list(names), ARRAY(Text))).column_valued("name")
    return list(session.scalars(select(listed).order_by(listed)))


def correlate_condition(session: Session, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """A condition on rows that another one finds: SQLite is told not to walk an index for it, which measured 25 times slower.

    As a value: SQLite takes apart what is likely, and walks an index for a part of it.
    """
    return condition if is_postgresql(session) else func.likely(func.coalesce(condition, False))


def insert_if_missing(session: Session, table: type[SQLModel], **values: Any) -> bool:
    """Inserts a row unless one with its key exists, and says whether it did. Waits for another insert of the same row."""
    inserted = inserting_or(table, is_postgresql(session)).values(**values).on_conflict_do_nothing().returning(literal(1))
    return session.execute(inserted).first() is not None  # drivers count rows differently


def insert_all(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of one table, each with the same columns. They do not become the session's, which would take several times as long."""
    if rows:
        session.flush()
        session.connection().execute(insert_statement(table), rows)


def insert_missing(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of the rows whose key is not there yet."""
    if rows:
        session.flush()
        session.connection().execute(inserting_missing(table, is_postgresql(session)), rows)


@cache
def insert_statement(table: type[SQLModel]) -> Insert:
    """The statement that inserts rows of a table."""
    return insert(SQLModel.metadata.tables[str(table.__tablename__)])


@cache
def inserting_missing(table: type[SQLModel], on_postgresql: bool) -> Insert:
    """The same, passing over those whose key is there."""
    rows = SQLModel.metadata.tables[str(table.__tablename__)]
    statement: Insert = inserting_or(rows, on_postgresql).on_conflict_do_nothing()
    return statement


def inserting_or(table: Any, on_postgresql: bool) -> Any:
    """An insert that can say what to do where the row is there. Only the dialect in use is loaded, which every command waits for."""
    return import_module(f"sqlalchemy.dialects.{'postgresql' if on_postgresql else 'sqlite'}").insert(table)


def execute_for_each(session: Session, statement: Insert, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Carry out an insertion with the values of each row, which are as the database holds them: at half the time of `Session.execute`."""
    if not rows:
        return
    connection = session.connection()
    words, order = in_sql(statement, connection.dialect, tuple(names))
    values = map(itemgetter(*map(names.index, order)), rows) if order else (dict(zip(names, row, strict=True)) for row in rows)
    connection.exec_driver_sql(words, list(values))


@lru_cache(20)
def in_sql(statement: Insert, dialect: Dialect, names: tuple[str, ...]) -> tuple[str, Sequence[str] | None]:
    """A statement as text, and the order of its values where these have no names."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    return str(compiled), compiled.positiontup


def columns_of(row: SQLModel) -> dict[str, Any]:
    """A row as its columns."""
    return {column.name: getattr(row, column.name) for column in SQLModel.metadata.tables[str(row.__tablename__)].columns}


def take_advisory_locks(session: Session, *numbers: int) -> bool:
    """Let nobody else who asks for one of these numbers go on until this transaction ends.

    They are taken in ascending order, one after the other, so that two who ask for several never wait for each other in a circle.
    Is there anybody to wait for at all? Then whoever asked must look again. SQLite has one writer at a time anyway.
    """
    if is_postgresql(session):
        session.connection().execute(TURNS, {"numbers": sorted(numbers)})
    return is_postgresql(session)


def commit_lazily(session: Session) -> None:
    """Let the commit not wait for the disk, where PostgreSQL can: until the next commit that does, a crash may undo it.

    What a later transaction builds on it reaches the disk after it, because the log is written in order. SQLite waits as ever.
    """
    if is_postgresql(session):
        session.execute(select(func.set_config("synchronous_commit", "off", True)))


def set_lock_timeout(session: Session, seconds: float) -> None:
    """Wait for a table no longer than that: whoever else wants it stands behind us. In SQLite all wait for the one writer."""
    if is_postgresql(session):
        session.execute(select(func.set_config("lock_timeout", f"{seconds * 1000:.0f}ms", True)))


def is_lock_timeout(fault: DBAPIError) -> bool:
    """Says whether a lock timeout occurred: another transaction held a table for longer."""
    return getattr(fault.orig, "sqlstate", "") == "55P03"  # lock_not_available


TURNS = select(func.pg_advisory_xact_lock(func.unnest(bindparam("numbers", type_=ARRAY(BigInteger)))))


DURABLE = {  # settings of PostgreSQL, those of their values that keep what was committed, and what else may become of it
    "synchronous_commit": (("on", "local", "remote_write", "remote_apply"), "PostgreSQL answers a commit before it is on stable storage"),
    "fsync": (("on",), "PostgreSQL leaves it to the system when anything is on stable storage: a crash can ruin the database"),
    "full_page_writes": (("on",), "a page that was half written when the power failed cannot be mended"),
}


def has_word_index(engine: Engine) -> bool:
    """Whether there is an index by which a search finds words. SQLite's is a part of its schema."""
    if engine.dialect.name != "postgresql":
        return True
    usable = "SELECT i.indisvalid FROM pg_index i WHERE i.indexrelid = to_regclass('delivery_words_by_pieces')"
    with engine.connect() as connection:
        return bool(connection.scalar(text(usable)))


def not_durable(engine: Engine) -> list[tuple[str, str]]:
    """The settings of this PostgreSQL by which committed work can be lost, and why; none on SQLite, where we set them."""
    if engine.dialect.name != "postgresql":
        return []
    with read_transaction(engine) as session:
        found = {name: session.scalar(select(func.current_setting(name))) for name in DURABLE}
    return [(name, f"{name} is {found[name]}: {why}") for name, (values, why) in DURABLE.items() if found[name] not in values]


OTHERS = ("alembic_version", "delivery_words")  # tables of PostgreSQL that are no model's


def not_writable(engine: Engine) -> list[str]:
    """The tables of ours in which this user of PostgreSQL may not do all that the roles do; none on SQLite, where files say it."""
    if engine.dialect.name != "postgresql":
        return []
    rights = [func.has_table_privilege(column("oid"), right) for right in ("SELECT", "INSERT", "UPDATE", "DELETE")]
    here = column("relnamespace") == func.to_regnamespace(func.current_schema())
    ours = (column("relkind") == "r", here, column("relname", Text()).in_([*SQLModel.metadata.tables, *OTHERS]))
    with read_transaction(engine) as session:
        closed = select(column("relname", Text())).select_from(table("pg_class")).where(*ours, not_(and_(*rights)))
        return sorted(session.scalars(closed))


def is_postgresql(session: Session) -> bool:
    """Whether this session speaks to PostgreSQL."""
    return session.get_bind().dialect.name == "postgresql"


def read_server_time(session: Session) -> datetime | None:
    """Returns the time on PostgreSQL's machine; None on SQLite, where that is ours."""
    return session.scalar(select(func.now())) if is_postgresql(session) else None


def at_latest(session: Session, ours: datetime) -> datetime:
    """Our time, or the database's where that is later: our own clock may be the one that is wrong."""
    return max(ours, read_server_time(session) or ours)


def at_earliest(session: Session, ours: datetime) -> datetime:
    """Our time, or the database's where that is earlier: for what cannot be taken back, and must not be done too soon."""
    return min(ours, read_server_time(session) or ours)
