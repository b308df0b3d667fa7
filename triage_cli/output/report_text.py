"""Reports as lines for a terminal: what there is to say, and the tables that have something in them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from triage.reports.report_values import Column, Report, Table, row_columns
from triage.say import say
from triage.text.csv_export import Cell
from triage.text.numbers import spell_span

WIDEST = 40  # of a cell with words
UNCUT = ("day", "whole")
WORDS = ("text", *UNCUT)


def report_lines(found: Iterable[Report], most: int | None = None) -> Iterator[str]:
    """Yields reports as lines of text. `most`: rows of a table that are shown; None: all."""
    before = None
    for report in found:
        since, until = (moment.astimezone(report.period.zone) for moment in (report.period.since, report.period.until))
        period = f", {since:%d %b %Y %H:%M} to {until:%d %b %Y %H:%M} ({report.period.time_zone})"
        yield report.title + (period if report.period != before else "")
        before = report.period
        yield from (f"  {sentence}" for sentence in report.sentences)
        for table in report.tables:
            yield from table_lines(replace(table, rows=table.rows[:most]))
            if most is not None and len(table.rows) > most:
                yield f"    and {len(table.rows) - most} more"
        yield ""


def table_lines(table: Table) -> Iterator[str]:
    """A table without the rows that say nothing. A week by hours is for pages: it is wider than most terminals."""
    rows = [row for row in table.rows if any(row[1:])]
    if not rows or (table.plot and table.plot.kind == "week"):
        return
    cells = [[format_cell(cell, column) for cell, column in zip(row, row_columns(table, row), strict=True)] for row in rows]
    heads = [column.label for column in table.columns]
    widths = [max(map(len, one)) for one in zip(heads, *cells, strict=True)]
    yield ""
    yield f"  {table.title}"
    for line in (heads, *cells):
        aligned = (
            cell.ljust(width) if column.kind in WORDS else cell.rjust(width)
            for cell, width, column in zip(line, widths, table.columns, strict=True)
        )
        yield f"    {'  '.join(aligned)}".rstrip()


def format_cell(cell: Cell, column: Column) -> str:
    """A cell as people read it."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell if len(cell) <= WIDEST or column.kind in UNCUT else f"{cell[: WIDEST - 1]}…"
    if column.kind == "seconds":
        return (
            f"−{format_cell(-cell, column)}" if cell < 0 else spell_span(cell) if cell >= 60 else say("{number} s", number=round(cell, 1))
        )
    if column.kind == "share":
        return say("{number} %", number=round(100 * cell, 1))
    return say("{number}", number=cell if isinstance(cell, int) else round(cell, 2))
