"""`mailroom simulate`: what the SMTP server would have held of messages of the past days, what it would cost, and what it would
catch.
"""

import os
from contextlib import closing
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine

from mail_auth.dns.resolver_factory import open_resolver
from mta.processing.code_reader import CodeReader
from triage.config.settings import Settings
from triage.directory.recipient_map import RecipientMap
from triage.errors import BadInput, Refused
from triage.intake.build_recipient_map import build_recipient_map
from triage.message.similarity import Likeness
from triage.reports.forecast import Forecast, Terms, make_forecast
from triage.reports.forecast_report import report_forecast
from triage.store import db
from triage.text.numbers import format_count
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from triage_cli.client.client_option import settings_of
from triage_cli.client.local_setup import database_of
from triage_cli.commands.past_mail.examine_past_mail import Examiner, Reading, open_parsers, trusted_names
from triage_cli.commands.past_mail.mailbox_options import Place, imap_options, in_maildirs, in_mbox_files, over_imap
from triage_cli.commands.past_mail.simulate_run import Player, Simulation, read_all
from triage_cli.commands.selection_options import parse_date
from triage_cli.options import join_options
from triage_cli.output.report_html import FORECAST, write_page
from triage_cli.output.report_text import report_lines
from triage_cli.output.tables import json_text, say

SHOWN_FAULTS = 20
SHOWN_ROWS = 24  # of a table in a terminal: as many as a day has hours
HOW = (
    "days", "until_text", "seconds_per_row", "staff", "minutes_of_work", "trust", "folders", "connections",
    "group", "html_file", "as_json",
)  # fmt: skip
OPTIONS = (
    click.option("--days", type=click.IntRange(1, 366), default=14, show_default=True, help="Number of days to read."),
    click.option("--until", "until_text", metavar="DATE", help="End. Default: now."),
    click.option("--seconds-per-row", type=click.FloatRange(1), default=20.0, show_default=True, help="Seconds for a decision."),
    click.option("--staff", type=click.IntRange(1), default=1, show_default=True, help="Staff who decide at the same time."),
    click.option("--minutes-of-work", type=click.FloatRange(1), default=300.0, show_default=True, help="Minutes of work a day for each."),
    click.option("--trust", multiple=True, metavar="AUTHSERV-ID", help="Server whose Authentication-Results in old messages count."),
    click.option("--folder", "folders", multiple=True, metavar="NAME", help="Read this folder too, besides the inbox."),
    click.option("--connections", type=click.IntRange(1, 32), default=4, show_default=True, help="Number of mailboxes open at once."),
    click.option("--group", type=click.Choice(["sender", "campaign"]), default="sender", show_default=True, help="What makes one row."),
    click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the report with plots to this file."),
    click.option("--json", "as_json", is_flag=True, help="All numbers as one JSON object."),
)  # fmt: skip
rehearsing = join_options(OPTIONS)  # what every simulation has


@click.group("simulate")
def simulate() -> None:
    """Forecast what would have been held, from past messages. Nothing is changed anywhere."""


@simulate.command("imap")
@imap_options
@rehearsing
@click.pass_context
def simulate_imap(ctx: click.Context, /, addresses: tuple[str, ...], accounts: Path | None, **options: Any) -> int:
    """Read the mailboxes of everybody, of the ADDRESSes, or of the accounts in a file."""
    how = {name: options.pop(name) for name in HOW}
    settings = settings_of(ctx)
    with database_of(settings) as engine:
        with db.read_transaction(engine) as session:
            place = over_imap(session, settings, addresses, accounts, **options)
        return carry_out(engine, settings, place, **how)


@simulate.command("maildir")
@click.argument("root", metavar="DIRECTORY", type=click.Path(path_type=Path))
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1)
@rehearsing
@click.pass_context
def simulate_maildir(ctx: click.Context, /, root: Path, addresses: tuple[str, ...], **how: Any) -> int:
    """Read the Maildirs below DIRECTORY, of all or of the ADDRESSes."""
    settings = settings_of(ctx)
    with database_of(settings) as engine:
        return carry_out(engine, settings, in_maildirs(settings, root, addresses), **how)


@simulate.command("mbox")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--owner", default="", metavar="ADDRESS", help="Owner of the files, if their names do not say it.")
@rehearsing
@click.pass_context
def simulate_mbox(ctx: click.Context, /, paths: tuple[Path, ...], owner: str, **how: Any) -> int:
    """Read mbox files of received messages, or directories of them: ADDRESS, or ADDRESS with INBOX and Sent in it."""
    settings = settings_of(ctx)
    with database_of(settings) as engine:
        return carry_out(engine, settings, in_mbox_files(settings, paths, owner, "inbox"), **how)


def carry_out(
    engine: Engine,
    settings: Settings,
    place: Place,
    *,
    days: int,
    until_text: str | None,
    seconds_per_row: float,
    staff: int,
    minutes_of_work: float,
    trust: tuple[str, ...],
    folders: tuple[str, ...],
    connections: int,
    group: str,
    html_file: Path | None,
    as_json: bool,
) -> int:
    """Read, judge, count and tell."""
    if html_file and not os.access(html_file if html_file.exists() else html_file.parent, os.W_OK):
        raise BadInput(f"--html: {html_file} cannot be written; nothing was read yet")
    until = end_of_period(until_text)
    since = until - timedelta(days=days)
    alike = Likeness() if group == "campaign" else None
    terms = Terms(seconds_per_row, staff, minutes_of_work, settings.coverage.hours, settings.coverage.time_zone)
    with closing(open_parsers()) as pool, CodeReader() as codes:
        examiner = Examiner(open_resolver(settings.dns), pool, codes, trusted_names(settings, trust))
        player = Player(settings, engine, examiner, Reading(place.source, since, folders), until, alike, current_map(engine, settings))
        found = read_all(player, connections)
    counted = make_forecast(found.rows, since=since, until=until, terms=terms)
    print_forecast(counted, found, html_file, as_json=as_json)
    return 1 if found.faults else 0


def current_map(engine: Engine, settings: Settings) -> RecipientMap:
    """Builds the recipient map that the SMTP server would use now. Refused when the directory is empty: everything would be refused."""
    with db.read_transaction(engine) as session:
        recipient_map = build_recipient_map(session, settings=settings, now=utcnow())
    if recipient_map is None:
        raise Refused("the directory is empty, so everything would be refused: run `mailroom sync` first")
    return recipient_map


def end_of_period(text: str | None) -> datetime:
    """Returns the end of the simulated period: --until, else now."""
    return parse_date(text, "--until") or utcnow()


def print_forecast(counted: Forecast, found: Simulation, html_file: Path | None, *, as_json: bool) -> None:
    """The numbers, as they were asked for."""
    left_out = tuple(found.left_out.most_common())
    refused = tuple(sorted(((name, len(messages)) for name, messages in found.refused.items()), key=lambda one: (-one[1], one[0])))
    reports = report_forecast(counted, refused, left_out)
    if html_file:
        try:
            html_file.write_text(write_page(reports, title=FORECAST), "utf-8")
        except OSError as fault:
            raise BadInput(f"--html: {html_file} cannot be written: {fault.strerror}") from fault
    if as_json:
        listed = tuple(replace(one, remedies=()) for one in counted.attacks.listed)
        plain = asdict(replace(counted, attacks=replace(counted.attacks, listed=listed)))
        click.echo(json_text(plain | {"refused": dict(refused), "left_out": dict(left_out), "faults": found.faults}))
    else:
        for line in report_lines(reports, SHOWN_ROWS):
            say(line)
        if html_file:
            say(f"The report with plots is in {html_file}.")
    for line in found.faults[:SHOWN_FAULTS]:
        click.echo(escape_visible(line), err=True)
    if (more := len(found.faults) - SHOWN_FAULTS) > 0:
        click.echo(f"… and {format_count(more, 'more mailbox', 'more mailboxes')} could not be read; --json lists all", err=True)
