"""Reports as one HTML page that loads nothing from anywhere: sentences first, then plots, each with its table."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from triage.reports.report_values import Column, Report, Table, row_columns
from triage.say import format_minute, say
from triage.text.i18n import ENGLISH
from triage.text.i18n.translate import translate_sentence
from triage_cli.output import svg_plots
from triage_cli.output.report_text import WORDS, format_cell
from triage_cli.output.svg_plots import escape_text

Put = Callable[[str], str]  # puts a sentence of ours into the language of the page
REPORTS, FORECAST, AS_A_TABLE = say("Reports"), say("Forecast"), say("As a table")
STYLE = """
:root { color-scheme: light dark; --pass: #2f7d4f; --held: #b26a00; --purged: #8a2b2b; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: currentColor; }
svg .in { fill: #fff; } rect.held { fill: var(--held); }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.say { font-size: 1.15rem; max-width: 46rem; } .note { opacity: .8; font-size: .9em; max-width: 46rem; }
figure { margin: 1.2rem 0 0; } figcaption { font-weight: 600; margin-bottom: .3rem; } details { margin: .3rem 0 1rem; }
polyline { fill: none; stroke-width: 2; } .s0 { stroke: var(--held); } .s1 { stroke: var(--pass); stroke-dasharray: 2 3; }
.s2 { stroke: var(--purged); stroke-dasharray: 6 3; } rect.b1 { fill: var(--held); fill-opacity: .45; }
"""  # noqa: E501


def write_page(found: Sequence[Report], language: str = ENGLISH, title: str = REPORTS) -> str:
    """The whole page. `language`: of the reports. It loads nothing and runs nothing: it can be sent by email and opened in ten years."""
    put = partial(translate_sentence, language=language)
    body = "\n".join(line for report in found for line in write_section(report, put))
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>Mailroom: {escape_text(put(title))}</title><style>{STYLE}</style></head><body>\n<h1>{escape_text(put(title))}</h1>\n"
        f"{describe_period(found, put)}\n{body}\n</body></html>\n"
    )


def describe_period(found: Sequence[Report], put: Put) -> str:
    """Returns the period of the reports as an HTML paragraph."""
    if not found:
        return ""
    period = found[0].period
    since, until = (moment.astimezone(period.zone) for moment in (period.since, period.until))
    said = say("{since} to {until}, {zone}", since=format_minute(since), until=format_minute(until), zone=period.time_zone)
    return f"<p>{escape_text(put(said))}</p>"


def write_section(report: Report, put: Put) -> Iterator[str]:
    """Section of a report."""
    yield f'<section id="{escape_text(report.name)}"><h2>{escape_text(report.title)}</h2>'
    if report.sentences:
        yield f'<p class="say">{" ".join(map(escape_text, report.sentences))}</p>'
    for table in report.tables:
        yield from write_figure(table, put)
    yield f'<p class="note">{escape_text(report.definition)}</p></section>' if report.definition else "</section>"


def write_figure(table: Table, put: Put) -> Iterator[str]:
    """A plot, and its table below; the table alone where there is nothing to draw."""
    if not table.rows:
        return
    drawing = draw_plot(table, put)
    if not drawing:
        yield f"<figure><figcaption>{escape_text(table.title)}</figcaption>{as_table(table, put)}</figure>"
        return
    yield f"<figure><figcaption>{escape_text(table.title)}</figcaption>{drawing}</figure>"
    yield f"<details><summary>{escape_text(put(AS_A_TABLE))}</summary>{as_table(table, put)}</details>"


def draw_plot(table: Table, put: Put) -> str:
    """The plot as SVG; "" where none is wanted."""
    if table.plot is None:
        return ""
    places = {column.name: place for place, column in enumerate(table.columns)}
    columns = [table.columns[places[name]] for name in table.plot.of]
    rows = [(str(row[0]), [cell_number(row[places[column.name]]) for column in columns]) for row in table.rows]
    if table.plot.kind == "week":
        return svg_plots.draw_week(table.title, [name for name, _ in rows], [values for _, values in rows])
    if table.plot.kind == "lines":
        return svg_plots.draw_lines(table.title, [column.label for column in columns], rows)
    return svg_plots.draw_bars(
        table.title,
        [column.label for column in columns],
        rows,
        [[put(format_cell(value, column)) for value, column in zip(values, columns, strict=True)] for _, values in rows],
        put(svg_plots.FROM_ABOVE),
    )


def cell_number(cell: object) -> float:
    """A cell that is drawn; nothing is as long as 0."""
    return float(cell) if isinstance(cell, int | float) else 0.0


def as_table(table: Table, put: Put) -> str:
    """The same in rows."""
    head = "".join(f"<th{cell_class(column)}>{escape_text(column.label)}</th>" for column in table.columns)
    return f"<table><tr>{head}</tr>{''.join(rows_of(table, put))}</table>"


def rows_of(table: Table, put: Put) -> Iterable[str]:
    """Yields the rows of a table as HTML."""
    for row in table.rows:
        cells = (
            f"<td{cell_class(column)}>{escape_text(put(format_cell(cell, column)))}</td>"
            for cell, column in zip(row, row_columns(table, row), strict=True)
        )
        yield f"<tr>{''.join(cells)}</tr>"


def cell_class(column: Column) -> str:
    """Numbers stand to the right."""
    return "" if column.kind in WORDS else ' class="n"'
