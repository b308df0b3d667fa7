"""The whole database as files, as of one moment, while others write; and in again. Beside `db` the only place that knows which kind it is.

SQLite copies itself into one file (VACUUM INTO), without what was erased. From PostgreSQL each table is copied as text, in one
transaction: no program of its version is needed, and any server of any version takes it back. What SQLite has copied a PostgreSQL
database takes over row by row.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import zstandard
from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, delete, func, select
from sqlmodel import SQLModel

from triage.errors import BadInput
from triage.runtime import checksummed_files
from triage.runtime.checksummed_files import BackupFile, Digesting

SQLITE, POSTGRESQL = "sqlite", "postgresql"
FILE = "mailroom.db"
TABLES = "tables"  # directory of the copied tables
LEVEL = 3
PATIENCE = 60.0  # seconds


def kind_of(engine: Engine) -> str:
    """Returns the kind of the database: sqlite or postgresql."""
    return engine.dialect.name


def file_of(url: str) -> Path:
    """Returns the file of an SQLite database."""
    return Path(url.removeprefix("sqlite:///"))


def copy_out(engine: Engine, directory: Path) -> Iterator[BackupFile]:
    """Copy all of it as of one moment into files below `directory`. Writers wait for nothing."""
    if kind_of(engine) == SQLITE:
        with closing(sqlite3.connect(file_of(str(engine.url)), timeout=PATIENCE, isolation_level=None)) as connection:
            try:
                connection.execute("VACUUM INTO ?", (str(directory / FILE),))
            except sqlite3.OperationalError as fault:
                if fault.sqlite_errorcode != sqlite3.SQLITE_FULL:
                    raise
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from fault
        yield checksummed_files.keep_file(directory, FILE)
        return
    options: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as reading, reading.begin():
        raw: Any = reading.connection.driver_connection
        for table in SQLModel.metadata.sorted_tables:
            columns = [column.name for column in table.columns]
            yield checksummed_files.write_file(directory, f"{TABLES}/{table.name}.zst", dump_table(raw, table.name, columns))


def dump_table(raw: Any, table: str, columns: list[str]) -> Callable[[Digesting], None]:
    """Returns a function that writes one table: its columns in the first line, then its rows."""

    def fill(file: Digesting) -> None:
        with zstandard.ZstdCompressor(level=LEVEL).stream_writer(file, closefd=False) as packed:  # type: ignore[arg-type]
            packed.write((" ".join(columns) + "\n").encode())
            with raw.cursor() as cursor, cursor.copy(f"COPY {quote_name(table)} ({list_columns(columns)}) TO STDOUT") as rows:
                for some in rows:
                    packed.write(some)

    return fill


def quote_name(name: str) -> str:
    """A name as SQL writes it; only names of our own tables come here."""
    return '"' + name.replace('"', '""') + '"'


def list_columns(columns: list[str]) -> str:
    """Columns as SQL writes them."""
    return ", ".join(map(quote_name, columns))


def check_sqlite(file: Path) -> None:
    """BadInput when the copy of an SQLite database is not sound."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            said = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as fault:
        raise BadInput(f"{file} is no sound database: {fault}; take another backup") from fault
    if said != "ok":
        raise BadInput(f"{file} is no sound database: {said}; take another backup")


def sqlite_companions(file: Path) -> tuple[Path, ...]:
    """Returns the files that SQLite keeps beside a database."""
    return tuple(file.with_name(file.name + ending) for ending in ("-wal", "-shm", "-journal"))


def refuse_unless_empty(file: Path) -> None:
    """BadInput when there is a database, or what SQLite left of one that was moved away: it would write that into the next of this name."""
    do = f"Move all away that is named {file.name}*, or name another one (database.url)"
    if file.exists() and holds_tables(file):
        raise BadInput(f"{file} is there already: a restore overwrites nothing. {do}")
    if left := next((one for one in sqlite_companions(file) if one.exists() and one.stat().st_size), None):
        raise BadInput(f"{left} belongs to another database, and would get into this one. {do}")


def holds_tables(file: Path) -> bool:
    """Whether it has tables. A file that is no SQLite database counts as having some."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    except sqlite3.DatabaseError:
        return True


def close_sqlite(file: Path) -> None:
    """All of it is in the one file, and nothing beside it, until somebody opens it again."""
    with closing(sqlite3.connect(file, timeout=PATIENCE, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def copy_in(connection: Connection, directory: Path) -> None:
    """Fill the tables of a PostgreSQL database, which are as they were made by the version that was copied."""
    raw: Any = connection.connection.driver_connection
    made = MetaData()
    made.reflect(connection)
    files = {path.name.removesuffix(".zst"): path for path in (directory / TABLES).glob("*.zst")}
    empty_tables(connection, (table for table in made.sorted_tables if table.name in files))
    for table in made.sorted_tables:
        if table.name in files:
            with files[table.name].open("rb") as file:
                fill_table(raw, table.name, file)


def empty_tables(connection: Connection, tables: Iterable[Table]) -> None:
    """Take out what the steps themselves have written."""
    for table in tables:
        if connection.scalar(select(func.count()).select_from(table)):
            connection.execute(delete(table))


def carry_over(file: Path, connection: Connection) -> None:
    """Fill the tables of a PostgreSQL database with what the copy of an SQLite database holds. Both are of this version."""
    address = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True))
    tables = SQLModel.metadata.sorted_tables
    empty_tables(connection, tables)
    with engine.connect().execution_options(yield_per=1) as reading:  # one of them may be a whole mail
        for table in tables:
            insert_rows(connection, table, reading.execute(select(table)))
    engine.dispose()


def insert_rows(connection: Connection, table: Table, rows: Iterable[Iterable[Any]]) -> None:
    """Rows of values as Python has them."""
    raw: Any = connection.connection.driver_connection
    kinds = [column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect) for column in table.columns]
    names = list_columns([column.name for column in table.columns])
    with raw.cursor() as cursor, cursor.copy(f"COPY {quote_name(table.name)} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([bound(value) if bound else value for bound, value in zip(kinds, row, strict=True)])


def fill_table(raw: Any, table: str, file: IO[bytes]) -> None:
    """The rows of one table."""
    with zstandard.ZstdDecompressor().stream_reader(file) as packed:
        head = b""
        while not head.endswith(b"\n"):
            head += packed.read(1)
        columns = head.decode().split()
        with raw.cursor() as cursor, cursor.copy(f"COPY {quote_name(table)} ({list_columns(columns)}) FROM STDIN") as rows:
            while chunk := packed.read(checksummed_files.CHUNK):
                rows.write(chunk)
