"""`mailroom report`: what it costs and brings, in sentences and tables, as a page with plots, as JSON or as CSV."""

import json
from datetime import datetime

import click

from triage import reported, reports
from triage.errors import BadInput
from triage.reported import Report
from triage.times import utcnow
from triage_cli.asks import settings_of
from triage_cli.opened import looking, shell_user
from triage_cli.printing import say
from triage_cli.report_page import page
from triage_cli.report_text import lines
from triage_cli.selecting import date


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--since", metavar="DATE", help="From then on, ISO 8601; UTC unless it says otherwise. Default: four weeks before the end.")
@click.option("--until", metavar="DATE", help="Before then. Default: until now.")
@click.option("--format", "form", type=click.Choice(["text", "html"]), default="text", show_default=True, help="html: a page with plots.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--csv", "as_csv", is_flag=True, help="One table of one report.")
@click.option("--table", default="", metavar="TABLE", help="Which table as CSV; default: the first.")
@click.pass_context
def report(
    ctx: click.Context, names: tuple[str, ...], since: str | None, until: str | None, form: str, as_json: bool, as_csv: bool, table: str
) -> None:
    """Tell how long wanted mail waits, what the rules did, what was decided and taken back, and what it saves.

    NAMEs are waiting, queue, rules, work, mistakes, campaigns and saved; without any, all of them.
    """
    found = chosen(asked_for(ctx, date(since, "--since"), date(until, "--until")), names)
    if as_csv:
        if len(found) != 1:
            raise BadInput(f"--csv: name one report, such as `mailroom report waiting --csv`; there are {', '.join(reports.REPORTS)}")
        click.echo(reported.as_csv(found[0], table), nl=False)
    elif as_json:
        click.echo(json.dumps([reported.as_json(one) for one in found], ensure_ascii=True, indent=1, default=datetime.isoformat))
    elif form == "html":
        click.echo(page(found), nl=False)
    else:
        for line in lines(found):
            say(line)


def asked_for(ctx: click.Context, since: datetime | None, until: datetime | None) -> list[Report]:
    """All reports about that time."""
    settings = settings_of(ctx)
    now = utcnow()
    period = reports.period(since, until, settings=settings, now=now)
    with looking(settings) as session:
        return reports.all_reports(session, period=period, by=shell_user(), settings=settings, now=now)


def chosen(found: list[Report], names: tuple[str, ...]) -> list[Report]:
    """Those of these names, in the order in which they are named. BadInput for a name that there is not."""
    known = {one.name: one for one in found}
    if unknown := next((name for name in names if name not in known), None):
        raise BadInput(f"there is no report {unknown!r}: there are {', '.join(known)}")
    return [known[name] for name in names] or found
