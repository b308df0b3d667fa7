"""`mailroom rehearse`: what the door would have held of the mail of the past days, what it would cost, and what it would catch."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine

from mail_auth.resolvers import open_resolver
from mailboxes import sign_in
from mailboxes.imap_source import ImapSource
from mailboxes.maildir_source import MaildirSource
from mailboxes.mbox_source import MboxSource
from mailboxes.reading import Source
from mta.past_envelope import addressed_to
from triage import db, rehearsal
from triage.errors import BadInput
from triage.forecast import Forecast, Terms, forecast
from triage.likeness import Likeness
from triage.rehearsed import Rehearsed
from triage.settings import Settings
from triage.times import utcnow
from triage.visible import visible
from triage_cli.forecast_page import page
from triage_cli.forecast_text import sentences
from triage_cli.opened import database_of, settings_of
from triage_cli.past_mail import Examiner, Reading, Written, is_internal, parsers, trusted_names
from triage_cli.printing import say
from triage_cli.selecting import date

INSIDE, TWICE, BEFORE = (
    "from somebody here to somebody here",
    "a second copy in the same mailbox",
    "before or after the time that is rehearsed",
)
SHOWN_FAULTS = 20
OPTIONS = (
    click.option("--days", type=click.IntRange(1, 366), default=14, show_default=True, help="How far back to look."),
    click.option("--until", "until_text", metavar="DATE", help="Where to stop; default: now."),
    click.option("--seconds-per-card", type=click.FloatRange(1), default=20.0, show_default=True, help="That a decision takes."),
    click.option("--staff", type=click.IntRange(1), default=1, show_default=True, help="People who look at cards at the same time."),
    click.option("--minutes-of-work", type=click.FloatRange(1), default=300.0, show_default=True, help="A day, of one person."),
    click.option("--trust", multiple=True, metavar="AUTHSERV-ID", help="Whose results in old mail count, beside ours."),
    click.option("--only", multiple=True, metavar="ADDRESS", help="Only these mailboxes."),
    click.option("--folder", "folders", multiple=True, metavar="NAME", help="Read this folder too where there is one, beside the inbox."),
    click.option("--connections", type=click.IntRange(1, 32), default=4, show_default=True, help="Mailboxes that are open at once."),
    click.option("--group", type=click.Choice(["sender", "campaign"]), default="sender", show_default=True, help="What makes one card."),
    click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the report with plots to this file."),
    click.option("--json", "as_json", is_flag=True),
)  # fmt: skip


@dataclass(slots=True)
class Rehearsal:
    """What was read, and what was left out and why."""

    rows: list[Rehearsed] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def rehearsing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that every rehearsal has."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.group()
def rehearse() -> None:
    """Say what the door would have held of past mail, before it is closed. Nothing is changed anywhere."""


@rehearse.command("imap")
@rehearsing
@click.pass_context
def rehearse_imap(ctx: click.Context, /, **options: Any) -> int:
    """Read everybody's mailbox over IMAP, as [recall] in the settings says."""
    settings = settings_of(ctx)
    if not settings.recall.imap:
        raise BadInput("recall.imap names no server: set [recall] imap and how to sign in, see `mailroom doctor`")
    sign_in.check(settings.recall)
    return carry_out(settings, lambda everybody: ImapSource(settings.recall, tuple(everybody)), **options)


@rehearse.command("maildir")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@rehearsing
@click.pass_context
def rehearse_maildir(ctx: click.Context, /, directory: Path, **options: Any) -> int:
    """Read the Maildirs below DIRECTORY: ADDRESS, DOMAIN/NAME or NAME."""
    settings = settings_of(ctx)
    return carry_out(settings, lambda _everybody: MaildirSource(directory, settings.company.domains[0]), **options)


@rehearse.command("mbox")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--owner", default="", metavar="ADDRESS", help="Whose single files are, where their names do not say it.")
@rehearsing
@click.pass_context
def rehearse_mbox(ctx: click.Context, /, paths: tuple[Path, ...], owner: str, **options: Any) -> int:
    """Read mbox files: inboxes named after ADDRESS, or directories of that name with INBOX and Sent in them."""
    settings = settings_of(ctx)
    return carry_out(settings, lambda _everybody: MboxSource(paths, settings.company.domains[0], owner, use="inbox"), **options)


def carry_out(
    settings: Settings,
    source_of: Callable[[Sequence[str]], Source],
    *,
    days: int,
    until_text: str | None,
    seconds_per_card: float,
    staff: int,
    minutes_of_work: float,
    trust: tuple[str, ...],
    only: tuple[str, ...],
    folders: tuple[str, ...],
    connections: int,
    group: str,
    html_file: Path | None,
    as_json: bool,
) -> int:
    """Read, judge, count and tell."""
    until = ending(until_text)
    since = until - timedelta(days=days)
    alike = Likeness() if group == "campaign" else None
    terms = Terms(seconds_per_card, staff, minutes_of_work, settings.cover.hours, settings.cover.time_zone)
    with database_of(settings) as engine, closing(parsers()) as pool:
        with db.reading(engine) as session:
            everybody = rehearsal.mailboxes(session)
        source = source_of(everybody)
        examiner = Examiner(open_resolver(settings.dns), pool, trusted_names(settings, trust))
        found = read_all(Player(settings, engine, examiner, Reading(source, since, folders), until, alike), only, connections)
    counted = forecast(found.rows, since=since, until=until, terms=terms)
    tell(counted, found, html_file, as_json=as_json)
    return 1 if found.faults else 0


def ending(text: str | None) -> datetime:
    """Where the time that is rehearsed ends."""
    return date(text, "--until") or utcnow()


@dataclass(slots=True)
class Player:
    """Lets past mail come once more, one mailbox in a thread, as if the door had been closed."""

    settings: Settings
    engine: Engine
    examiner: Examiner
    reading: Reading
    until: datetime
    alike: Likeness | None
    written: Written = field(default_factory=Written)
    now: datetime = field(default_factory=utcnow)

    def play(self, mailbox: str) -> Rehearsal:
        """What would have become of the mail in one mailbox."""
        found = Rehearsal()
        with db.reading(self.engine) as session:
            address = rehearsal.address_of(session, mailbox, self.settings)
        if not address:
            found.faults.append(f"{visible(mailbox)} is nobody's mailbox in the directory: its mail is left out")
            return found
        seen: set[str] = set()
        leads: dict[str, bool] = {}
        for stored in self.reading.arrived(mailbox):
            past = self.examiner.examined(stored, self.recipient(stored.raw, mailbox, leads) or address)
            mark = past.summary.message_id or str(past.envelope.spool_id)
            if why := TWICE if mark in seen else self.why_not(past.envelope.received_at):
                found.left_out[why] += 1
            elif is_internal(past, self.settings, self.written):
                found.left_out[INSIDE] += 1
            else:
                answered = self.written.answers.get((mailbox, past.summary.message_id))
                with db.reading(self.engine) as session:
                    found.rows += rehearsal.rehearse(
                        session,
                        past.envelope,
                        past.authentication,
                        past.summary,
                        settings=self.settings,
                        now=self.now,
                        answered=answered,
                        alike=self.alike,
                    )
            seen.add(mark)
        return found

    def recipient(self, raw: bytes, mailbox: str, leads: dict[str, bool]) -> str:
        """The address that a mail was sent to, as far as the last server tells it and it still leads to this mailbox; "" otherwise."""
        for address in addressed_to(raw):
            if address not in leads:
                with db.reading(self.engine) as session:
                    leads[address] = rehearsal.leads_to(session, address, mailbox, self.settings)
            if leads[address]:
                return address
        return ""

    def why_not(self, arrived: datetime) -> str:
        """Why a mail is not among those that are rehearsed."""
        return "" if self.reading.since <= arrived < self.until else BEFORE


def read_all(player: Player, only: Sequence[str], connections: int) -> Rehearsal:
    """First what everybody wrote, then what came in: whoever answered wanted it."""
    mailboxes = [one for one in player.reading.source.accounts() if not only or one in only]
    if not mailboxes:
        raise BadInput("there is no mailbox to read: see what --only, the directory or the path names")
    found = Rehearsal()
    with ThreadPoolExecutor(connections) as threads:
        for work, label in (
            (lambda mailbox: player.reading.written(mailbox, player.written), "What was sent"),
            (lambda mailbox: gather(found, player.play(mailbox)), "What came in"),
        ):
            futures = [threads.submit(work, mailbox) for mailbox in mailboxes]
            with click.progressbar(length=len(futures), label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
                for future in as_completed(futures):
                    future.result()
                    bar.update(1)
    found.faults += dict.fromkeys(player.reading.faults)
    found.left_out.update(player.reading.unreadable)
    return found


def gather(into: Rehearsal, one: Rehearsal) -> None:
    """Add what one mailbox gave."""
    into.rows += one.rows
    into.faults += one.faults
    into.left_out.update(one.left_out)


def tell(counted: Forecast, found: Rehearsal, html_file: Path | None, *, as_json: bool) -> None:
    """The numbers, as they were asked for."""
    left_out = tuple(found.left_out.most_common())
    if html_file:
        try:
            html_file.write_text(page(counted, left_out), "utf-8")
        except OSError as fault:
            raise BadInput(f"--html: {html_file} cannot be written: {fault.strerror}") from fault
    if as_json:
        listed = tuple(replace(one, remedies=()) for one in counted.attacks.listed)
        plain = asdict(replace(counted, attacks=replace(counted.attacks, listed=listed)))
        click.echo(json.dumps(plain | {"left_out": dict(left_out), "faults": found.faults}, ensure_ascii=True, default=str))
    else:
        for sentence in sentences(counted, left_out):
            say(sentence)
        if html_file:
            say(f"The report with plots is in {html_file}.")
    for line in found.faults[:SHOWN_FAULTS]:
        click.echo(visible(line), err=True)
    if (more := len(found.faults) - SHOWN_FAULTS) > 0:
        click.echo(f"… and {more} mailboxes more that could not be read; --json lists all", err=True)
