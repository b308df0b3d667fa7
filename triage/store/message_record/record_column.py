"""The column that holds message records. A row from before it has its record in four columns of JSON until it is packed."""

from typing import Any

from sqlalchemy import ColumnElement, Dialect, LargeBinary, func, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from triage.errors import Unreadable
from triage.store.message_record.record_codec import MessageRecord, UnreadableRecord, pack_record, unpack_record

OLD_COLUMNS = ("envelope", "authentication", "summary", "signals")


class RecordColumn(TypeDecorator[MessageRecord]):
    """A record in code, compressed in the database. Whoever selects it gets it from the old columns where it is not packed yet."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: MessageRecord | None, dialect: Dialect) -> bytes | None:
        return None if value is None else pack_record(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> MessageRecord | None:
        try:
            return None if value is None else unpack_record(value)
        except Unreadable as fault:
            return UnreadableRecord(fault)

    def column_expression(self, column: Any) -> ColumnElement[Any]:
        """Selects the record, else the old columns as the JSON that `unpack_record` reads too."""
        return type_coerce(func.coalesce(column, OldRecord(*(column.table.c[name] for name in OLD_COLUMNS))), self)


class OldRecord(FunctionElement[bytes]):
    """The four old columns as the bytes of one JSON list."""

    inherit_cache = True
    type = LargeBinary()


@compiles(OldRecord)
def join_json(element: OldRecord, compiler: Any, **options: Any) -> str:
    """SQLite's way. Its function `json` would refuse all rows of a query for one that is damaged."""
    columns = " || ',' || ".join(compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST('[' || {columns} || ']' AS BLOB)"


@compiles(OldRecord, "postgresql")
def join_json_postgresql(element: OldRecord, compiler: Any, **options: Any) -> str:
    """PostgreSQL's way."""
    columns = ", ".join(compiler.process(clause, **options) for clause in element.clauses)
    return f"convert_to(json_build_array({columns})::text, 'UTF8')"
