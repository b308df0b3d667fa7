"""A report as it is shown everywhere: sentences first, then tables, each of which may be drawn. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from triage.errors import NotFound
from triage.say import quote_text, say
from triage.text.csv_export import Cell, csv_of


@dataclass(frozen=True, slots=True)
class Period:
    """From some moment on, before another one; days and hours as clocks of the company show them."""

    since: datetime
    until: datetime
    time_zone: str

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of days and hours."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class Column:
    """Column of a table."""

    name: str
    label: str
    kind: str = "count"  # text, whole (text that is never cut), count, number, seconds, share (0 to 1), day, figure


@dataclass(frozen=True, slots=True)
class Plot:
    """Drawing of a table: bars a row, lines over the rows, or a week of hours."""

    kind: str  # bars, lines, week
    of: tuple[str, ...] = ()  # columns


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers in rows; the first column names the row."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    plot: Plot | None = None


def row_columns(table: Table, row: Sequence[Cell]) -> Iterator[Column]:
    """Yields the columns of a row: those of figures with the kind that the row has in its cell `unit`."""
    unit = next((str(cell) for cell, column in zip(row, table.columns, strict=True) if column.name == "unit"), "")
    for column in table.columns:
        yield replace(column, kind=unit) if column.kind == "figure" else column


@dataclass(frozen=True, slots=True)
class Report:
    """Report with its sentences and tables."""

    name: str
    title: str
    period: Period
    sentences: tuple[str, ...]
    definition: str  # what its words mean, and how it was counted
    tables: tuple[Table, ...]


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain values; each row is an object by its columns' names."""
    period = {"since": report.period.since, "until": report.period.until, "time_zone": report.period.time_zone}
    said = {"name": report.name, "title": report.title, "sentences": list(report.sentences), "definition": report.definition}
    return said | period | {"tables": [table_json(table) for table in report.tables]}


def table_json(table: Table) -> dict[str, Any]:
    """A table as plain values."""
    names = [column.name for column in table.columns]
    return {
        "name": table.name,
        "title": table.title,
        "columns": [asdict(column) for column in table.columns],
        "rows": [dict(zip(names, row, strict=True)) for row in table.rows],
        "plot": {"kind": table.plot.kind, "of": list(table.plot.of)} if table.plot else None,
    }


def from_json(values: Mapping[str, Any]) -> Report:
    """The report that `as_json` wrote, also where instants have become text on the way."""
    since, until = (one if isinstance(one, datetime) else datetime.fromisoformat(one) for one in (values["since"], values["until"]))
    tables = tuple(
        Table(
            one["name"],
            one["title"],
            tuple(Column(**column) for column in one["columns"]),
            tuple(tuple(row[column["name"]] for column in one["columns"]) for row in one["rows"]),
            Plot(one["plot"]["kind"], tuple(one["plot"]["of"])) if one["plot"] else None,
        )
        for one in values["tables"]
    )
    period = Period(since, until, values["time_zone"])
    return Report(values["name"], values["title"], period, tuple(values["sentences"]), values["definition"], tables)


def as_csv(report: Report, name: str = "") -> str:
    """Returns a table as CSV, the first unless another one is named. NotFound when there is none of this name."""
    table = next((one for one in report.tables if name in ("", one.name)), None)
    if table is None:
        names = ", ".join(one.name for one in report.tables)
        if not names:
            raise NotFound(report.sentences[-1])
        raise NotFound(
            say("the report {report} has no table {name}: it has {names}", report=report.name, name=quote_text(name[:40]), names=names)
        )
    return csv_of([column.name for column in table.columns], table.rows)
