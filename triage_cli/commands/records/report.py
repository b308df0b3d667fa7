"""`mailroom report`: what it costs and brings, in sentences and tables, as a page with plots, as JSON or as CSV."""

from typing import Any

import click

from triage.errors import BadInput
from triage.reports import report_values
from triage.reports.report_values import Report
from triage.text.i18n import ENGLISH, LANGUAGES
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import ask_api
from triage_cli.commands.selection_options import parse_date
from triage_cli.output.raw_bytes import open_output
from triage_cli.output.report_html import write_page
from triage_cli.output.report_text import report_lines
from triage_cli.output.tables import Form, Shape, list_options, say

NAMES = ("headlines", "harm", "waiting", "queue", "rules", "work", "mistakes", "campaigns", "saved")
REPORTS = Shape(
    {
        "name": "of the report",
        "title": "as it is shown",
        "since": "begin of the period",
        "until": "end of the period",
        "time_zone": "time zone of days and hours",
        "sentences": "the findings",
        "definition": "definitions and how it was counted",
        "tables": "of each: name, title, columns, rows (objects by the columns' names), plot",
    }
)


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice(NAMES))
@click.option("--since", metavar="DATE", help="Begin (ISO 8601, UTC by default). Default: four weeks before the end.")
@click.option("--until", metavar="DATE", help="End. Default: now.")
@click.option("--format", "layout", type=click.Choice(["text", "html"]), default="text", show_default=True, help="html: a page with plots.")
@click.option("--language", type=click.Choice(LANGUAGES), default=ENGLISH, show_default=True, help="Language of the page.")
@click.option("--table", default="", metavar="TABLE", help="Table of the report to print as CSV. Default: the first.")
@list_options(REPORTS)
@ask_api
def report(
    desk: Desk, names: tuple[str, ...], since: str | None, until: str | None, layout: str, language: str, table: str, form: Form
) -> None:
    """Print a report, such as time to decision.

    NAMEs are headlines, harm, waiting, queue, rules, work, mistakes, campaigns and saved; without any, all of them.
    """
    if form is Form.CSV and len(names) != 1:
        raise BadInput(f"--csv: name one report, such as `mailroom report waiting --csv`; the reports are {', '.join(NAMES)}")
    period = {"since": parse_date(since, "--since"), "until": parse_date(until, "--until")}
    if form is Form.CSV:
        with open_output() as take:
            desk.download(f"/reports/{names[0]}", take, format="csv", table=table, **period)
        return
    told = get_reports(desk, names, language=language if layout == "html" and form is not Form.JSON else "", **period)
    if form is Form.JSON:
        REPORTS.print(told, form)
        return
    found: list[Report] = [report_values.from_json(one) for one in told]
    if layout == "html":
        click.echo(write_page(found, language), nl=False)
    else:
        for line in report_lines(found):
            say(line)


def get_reports(desk: Desk, names: tuple[str, ...], **period: Any) -> list[dict[str, Any]]:
    """Fetches reports by name, in the given order; without names all of them, from one reading."""
    if not names:
        everything: list[dict[str, Any]] = desk.get("/reports", **period)["items"]
        return everything
    return [desk.get(f"/reports/{name}", **period) for name in names]
