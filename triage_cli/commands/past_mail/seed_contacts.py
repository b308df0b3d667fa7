"""`mailroom seed`: known contacts from the sent mail of years, over IMAP, from Maildirs or from mbox files."""

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine

from mailboxes.mailbox import Unreachable
from mailboxes.sources import seed_contacts
from mailboxes.sources.seed_contacts import Plan, Report
from mailboxes.sources.source import TEACHING
from triage.config.settings import Settings
from triage.errors import Refused
from triage.policy.contacts import store as contacts
from triage.policy.contacts.contact_evidence import WORDS
from triage.store import db
from triage.store.scratch_copy import make_scratch
from triage.text.numbers import format_count
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from triage_cli.client.client_option import settings_of
from triage_cli.client.local_setup import database_of, shell_user
from triage_cli.commands.past_mail.mailbox_options import Place, imap_options, in_maildirs, in_mbox_files, over_imap
from triage_cli.commands.selection_options import parse_date
from triage_cli.output.tables import json_text, print_rows, say

OLD_YEARS = 3
OLD = timedelta(days=365 * OLD_YEARS)
EVERY = 10.0  # seconds between two lines about an account that takes long
STEPS = 1000  # of the bar, for each account


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that every way of seeding contacts has."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object a line; the default in a pipe."),
        click.option("--dry-run", is_flag=True, help="Read and report, learn nothing."),
        click.option("--rate", type=click.FloatRange(min=0), default=0.0, help="Maximum messages a second; 0: no limit."),
        click.option("--connections", type=click.IntRange(1, 64), default=4, show_default=True, help="Number of mailboxes read at once."),
        click.option("--since", metavar="DATE", help="Only messages written on this day or later."),
    ):
        command = option(command)
    return command


@click.group()
def seed() -> None:
    """Learn contacts from folders of sent messages. An interrupted run continues where it stopped."""


@seed.command("imap")
@imap_options
@reading_options
@click.pass_context
def imap(ctx: click.Context, /, addresses: tuple[str, ...], accounts: Path | None, **options: Any) -> int:
    """Read the sent folders of everybody, of the ADDRESSes, or of the accounts in a file."""
    how = {name: options.pop(name) for name in ("since", "connections", "rate", "dry_run", "as_json")}
    settings = settings_of(ctx)
    with database_of(settings) as engine:
        with db.read_transaction(engine) as session:
            place = over_imap(session, settings, addresses, accounts, fields=TEACHING, **options)
        return run_seed(engine, settings, place, **how)


@seed.command("maildir")
@click.argument("root", metavar="DIRECTORY", type=click.Path(path_type=Path))
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1)
@reading_options
@click.pass_context
def maildir(ctx: click.Context, /, root: Path, addresses: tuple[str, ...], **how: Any) -> int:
    """Read the sent folders of the Maildirs below DIRECTORY, of all or of the ADDRESSes."""
    settings = settings_of(ctx)
    with database_of(settings) as engine:
        return run_seed(engine, settings, in_maildirs(settings, root, addresses), **how)


@seed.command("mbox")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--owner", default="", metavar="ADDRESS", help="Owner of the files, if their names do not say it.")
@reading_options
@click.pass_context
def mbox(ctx: click.Context, /, paths: tuple[Path, ...], owner: str, **how: Any) -> int:
    """Read mbox files of sent messages, or directories of them: ADDRESS, or ADDRESS/FOLDER."""
    settings = settings_of(ctx)
    with database_of(settings) as engine:
        return run_seed(engine, settings, in_mbox_files(settings, paths, owner, "sent"), **how)


def run_seed(
    engine: Engine, settings: Settings, place: Place, *, since: str | None, connections: int, rate: float, dry_run: bool, as_json: bool
) -> int:
    """Read, with progress, and print what came of it; 1 when accounts could not be read."""
    begin = parse_date(since, "--since")
    day = begin.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) if begin else None
    plan = Plan(place.source, place.name, day, connections, rate)
    lines = as_json or not sys.stdout.isatty()
    progress = Lines() if lines else Bar()
    begun = utcnow()
    with make_scratch(engine) if dry_run else nullcontext(engine) as where, progress:
        try:
            report = seed_contacts.read_accounts(where, plan, settings=settings, by=shell_user(), heard=progress)
        except Unreachable as fault:
            raise Refused(str(fault)) from fault
        with db.read_transaction(where) as session:
            old = contacts.count_older(session, begun, begun - OLD)
    print_seed_report(report, place.name, old, dry_run=dry_run, as_json=lines)
    return 1 if report.failed else 0


class Lines(AbstractContextManager[None]):
    """Progress as one JSON object a line: each account when it is done, and now and then one that takes long."""

    def __init__(self) -> None:
        self.said = time.monotonic()

    def __call__(self, report: Report, account: str) -> None:
        """Prints news of an account as a line of JSON."""
        through = account not in report.left
        if through or time.monotonic() - self.said > EVERY:
            self.said = time.monotonic()
            what = {"event": "account" if through else "progress", "account": account, **report_numbers(report)}
            if account in report.failed:
                what["why"] = report.failed[account]
            click.echo(json_text(what))

    def __exit__(self, *_: object) -> None:
        """Leaves nothing open."""


class Bar(AbstractContextManager[None]):
    """A bar on the terminal, with how fast it goes and the time that is left."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.bar: Any = None

    def __call__(self, report: Report, account: str) -> None:
        """Shows news of an account in a progress bar."""
        if self.bar is None:
            self.bar = click.progressbar(length=report.accounts * STEPS, item_show_func=lambda words: words or "", file=sys.stderr)
            self.bar.__enter__()
        rate = report.messages / max(0.001, time.monotonic() - self.begun)
        accounts = report.done + len(report.failed)
        words = f"{accounts} of {format_count(report.accounts, 'account')}, {format_count(report.messages, 'message')}, {rate:,.0f}/s"
        self.bar.update(max(0, int(STEPS * (accounts + part_read(report))) - self.bar.pos), words)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.__exit__(None, None, None)


def part_read(report: Report) -> float:
    """Estimates how much of the open accounts is read, in accounts, from the average size of an account as far as that is known."""
    through = max(1, report.done)
    average = max(1.0, report.messages / through)
    return sum(max(0.0, 1 - left / max(average, left)) for left in report.left.values())


def report_numbers(report: Report) -> dict[str, Any]:
    """The figures of a report."""
    return {
        "accounts": report.accounts,
        "done": report.done,
        "failed": len(report.failed),
        "folders": report.folders,
        "messages": report.messages,
        "addresses": report.found,
        "learned": report.learned.learned,
    }


def print_seed_report(report: Report, name: str, old: int, *, dry_run: bool, as_json: bool) -> None:
    """The report: accounts, folders, messages, addresses, what was not learned and why, who could not be read. `old`: addresses whose
    last message is older than OLD."""
    skipped = {str(reason): count for reason, count in sorted(report.learned.skipped.items())}
    if as_json:
        more = {"known": report.learned.known, "without_sent_folder": report.without, "skipped": skipped, "old": old}
        more |= {"unreadable": dict(report.unreadable), "failures": report.failed, "source": name, "dry_run": dry_run}
        click.echo(json_text({"event": "report", **report_numbers(report), **more}))
        return
    would = "would be " if dry_run else ""
    folders, found = format_count(report.folders, "sent folder"), format_count(report.found, "address", "addresses")
    say(f"{report.done} of {format_count(report.accounts, 'account')} read: {folders}, {format_count(report.messages, 'new message')}")
    say(f"{found} in them: {report.learned.learned:,} {would}learned, {report.learned.known:,} written to again")
    if old:
        say(f"{old:,} of them had their last message more than {OLD_YEARS} years ago. They lapse after 60 days without a message.")
    rows: list[dict[str, object]] = [
        {"not learned": count, "why": WORDS[reason]} for reason, count in sorted(report.learned.skipped.items())
    ]
    rows += [{"not learned": count, "why": f"it could not be read: {why}"} for why, count in sorted(report.unreadable.items())]
    print_rows(rows, ("not learned", "why"), as_json=False)
    if report.without:
        say(f"{format_count(report.without, 'account')} without a sent folder.")
    rows = [{"account": one, "not read": escape_visible(why)} for one, why in sorted(report.failed.items())]
    print_rows(rows, ("account", "not read"), as_json=False)
