"""`mailroom import`: old messages into the queue, judged as if it came today, each message once however often it is brought."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from mail_auth.dns.resolver_factory import open_resolver
from mailboxes.recall.maildir_mailbox import INBOX
from mailboxes.sources.maildir_source import MaildirAccount, is_maildir
from mailboxes.sources.mbox_source import MboxAccount
from mailboxes.sources.source import Account, Batch, Folder
from mta.processing.code_reader import CodeReader
from mta.processing.received_headers import as_received, envelope_of
from triage.config.settings import Settings
from triage.errors import BadInput, Conflict
from triage.intake import import_mail, simulate
from triage.intake.import_mail import PastMessage
from triage.store import db
from triage.text.numbers import format_count
from triage.times import utcnow
from triage_cli.client.client_option import settings_of
from triage_cli.client.local_setup import database_of, shell_user, wake_waiters
from triage_cli.commands.past_mail.examine_past_mail import Examiner, importing_names, open_parsers
from triage_cli.options import join_options
from triage_cli.output.progress import Ticker
from triage_cli.output.tables import Form, Shape, json_option, say

PIPES = ("relay", "change")
STATES = {"relay": "queued", "quarantine": "held", "purge": "purged"}
IMPORTED = Shape(
    {
        "states": "messages in each state now",
        "known": "messages that were already there",
        "unreadable": "unreadable messages, by reason",
        "dry_run": "true: nothing was changed",
    }
)
OPTIONS = (
    click.option("--to", required=True, metavar="ADDRESS", help="Recipient: an address of yours."),
    click.option(
        "--trust",
        multiple=True,
        metavar="AUTHSERV-ID",
        help="Server whose Authentication-Results in old messages count, besides your edge servers.",
    ),
    click.option("--dry-run", is_flag=True, help="Print what would happen, and change nothing."),
    json_option(IMPORTED),
)


@dataclass(slots=True)
class Imported:
    """Counts of imported, known and unreadable messages."""

    states: Counter[str] = field(default_factory=Counter)
    known: int = 0  # that had come in before
    unreadable: Counter[str] = field(default_factory=Counter)


with_options = join_options(OPTIONS)  # what every import has


@click.group("import")
def bring() -> None:
    """Import old messages into the quarantine.

    The rules in force judge them: messages from unknown senders are held, the others are delivered.
    """


@bring.command("maildir")
@click.argument("path", metavar="DIRECTORY", type=click.Path(exists=True, file_okay=False, path_type=Path))
@with_options
@click.pass_context
def bring_maildir(ctx: click.Context, /, path: Path, **options: Any) -> int:
    """Import the messages of one Maildir's cur and new."""
    if not is_maildir(path):
        raise BadInput(f"{path} is no Maildir: it has no directory cur")
    return carry_out(settings_of(ctx), MaildirAccount(path), Folder(INBOX, "inbox"), path, **options)


@bring.command("mbox")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_options
@click.pass_context
def bring_mbox(ctx: click.Context, /, path: Path, **options: Any) -> int:
    """Import the messages of one mbox file."""
    return carry_out(settings_of(ctx), MboxAccount({str(path): (path, "inbox")}), Folder(str(path), "inbox"), path, **options)


def carry_out(
    settings: Settings, account: Account, folder: Folder, path: Path, *, to: str, trust: tuple[str, ...], dry_run: bool, form: Form
) -> int:
    """Read, judge, enter and tell. What is in when it breaks off stays in; the next run goes on behind it."""
    imported = Imported()
    with database_of(settings) as engine, closing(open_parsers()) as pool, CodeReader() as codes:
        with db.read_transaction(engine) as session:
            address = import_mail.import_destination(session, to, settings)
        examiner = Examiner(open_resolver(settings.dns), pool, codes, importing_names(settings, trust))
        batches = account.read(folder, whole=True)
        first = next(batches, None)
        with Ticker("messages read") as ticker:
            for batch in chain([first] if first else [], batches):
                messages = list(new_ones(engine, examiner, batch, address, imported))
                simulate_import(engine, settings, messages, imported) if dry_run else enter_messages(
                    engine, settings, messages, str(path), imported
                )
                ticker.add(len(batch.messages))
    if not dry_run and imported.states:
        wake_waiters(settings, *PIPES)
    print_import(imported, dry_run=dry_run, form=form)
    return 1 if imported.unreadable else 0


def new_ones(engine: Engine, examiner: Examiner, batch: Batch, address: str, imported: Imported) -> Iterator[PastMessage]:
    """Yields the messages of a batch that have not been imported yet, examined."""
    imported.unreadable.update(batch.unreadable)
    ids = [envelope_of(as_received(one.raw), address, one.arrived).spool_id for one in batch.messages]
    with db.read_transaction(engine) as session:
        known = import_mail.imported_ids(session, ids)
    for stored, spool_id in zip(batch.messages, ids, strict=True):
        if spool_id in known:
            imported.known += 1
            continue
        known.add(spool_id)
        past = examiner.examined(stored, address)
        yield PastMessage(past.envelope, past.raw, past.authentication, past.summary)


def simulate_import(engine: Engine, settings: Settings, messages: list[PastMessage], imported: Imported) -> None:
    """Say what would become of them."""
    now = utcnow()
    with db.read_transaction(engine) as session:
        for one in messages:
            for verdict in simulate.current_verdicts(session, one.envelope, one.authentication, one.summary, settings=settings, now=now):
                imported.states[STATES[verdict.disposition]] += 1


def enter_messages(engine: Engine, settings: Settings, messages: list[PastMessage], source: str, imported: Imported) -> None:
    """Enter them in one transaction."""
    try:
        with db.transaction(engine) as session:
            entered = import_mail.import_messages(session, messages, by=shell_user(), source=source, settings=settings, now=utcnow())
            states = Counter(one.state for one in entered)
    except IntegrityError as fault:
        raise Conflict("another command imports the same messages: run this one again when it has finished") from fault
    imported.states += states


def print_import(imported: Imported, *, dry_run: bool, form: Form) -> None:
    """Prints how many messages were imported, known already or unreadable, in words or as JSON."""
    if form is Form.JSON:
        counts = {"states": imported.states, "known": imported.known, "unreadable": imported.unreadable, "dry_run": dry_run}
        IMPORTED.print_one(counts, form)
        return
    states = ", ".join(f"{count} {state}" for state, count in sorted(imported.states.items())) or "none"
    say(f"{format_count(imported.states.total(), 'message')} {'would be imported' if dry_run else 'imported'}: {states}")
    if imported.known:
        say(f"{imported.known} already there and left alone")
    for why, count in imported.unreadable.most_common():
        say(f"{count} could not be read: {why}")
