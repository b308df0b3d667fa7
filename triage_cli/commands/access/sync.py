"""`mailroom sync` takes the directory over, says what a run would change, or follows an LDAP server as a role."""

import logging
import threading
import time

import click
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from directory_sync.reading import Reading
from directory_sync.source import Source, open_source
from triage.config.settings import Settings
from triage.directory import address_changes
from triage.directory.apply import Applied
from triage.errors import Refused
from triage.runtime import metrics
from triage.store import db, last_runs
from triage.store.transaction_retry import pause_after
from triage.text.numbers import format_count
from triage.times import utcnow
from triage_cli.client.client_option import settings_of
from triage_cli.client.local_setup import database_of, shell_user, wake_waiters
from triage_cli.output.tables import Form, Shape, json_option, say
from triage_cli.services.apply_directory import read_holders, take_over
from triage_cli.services.roles import start_role

RETRY = 30.0  # seconds until a server that did not answer is asked again, at most
MOST_SHOWN = 200  # lines of a plan on a terminal

SYNCED = Shape(
    {
        "people": "in the directory",
        "added": "new addresses",
        "removed": "removed addresses",
        "moved": "held messages that moved with their recipients",
        "dry_run": "true: nothing was changed",
        "needs_confirm": "changes that need --confirm; empty: none",
        "changes": "each change in words",
        "refused": "entries that were not accepted, and why",
        "notes": "other remarks",
    }
)

log = logging.getLogger("mailroom.sync")


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
@click.option("--full", is_flag=True, help="Read everything, not only changes; a single run always does.")
@click.option("--confirm", "--many-leave", "confirmed", is_flag=True, help="Accept that many people leave, move or lose addresses.")
@click.option("--same-people", is_flag=True, help="Match people by name: for a directory that was rebuilt.")
@click.option("--new-owner", metavar="ADDRESS", multiple=True, help="Give this address to its new owner.")
@click.option("--follow", is_flag=True, help="Keep running, and look for changes every directory.interval seconds.")
@json_option(SYNCED)
@click.pass_context
def sync(
    ctx: click.Context,
    dry_run: bool,
    full: bool,
    confirmed: bool,
    same_people: bool,
    new_owner: tuple[str, ...],
    follow: bool,
    form: Form,
) -> None:
    """Read the company directory."""
    if follow:
        if dry_run or confirmed or same_people or new_owner:
            raise click.UsageError("--follow cannot be combined with --dry-run, --confirm, --same-people or --new-owner")
        return start_role(ctx, __name__, "sync")
    settings = settings_of(ctx)
    with database_of(settings) as engine:
        if new_owner and not dry_run:
            db.carry_out(engine, lambda session: approve_owners(session, new_owner))
        reading = open_source(settings).read(full=full, holders=read_holders(engine))
    applied = take_over(settings, reading, dry_run=dry_run, confirmed=confirmed, same_people=same_people)
    show_sync(reading, applied, dry_run=dry_run, form=form)
    if not dry_run:
        wake_waiters(settings, "door", "change")
    return None


def approve_owners(session: Session, addresses: tuple[str, ...]) -> None:
    """Approve new owners of addresses, as who sits at this machine."""
    address_changes.answer_changes(session, addresses, approve=True, by=shell_user(), now=utcnow())


def show_sync(reading: Reading, applied: Applied, *, dry_run: bool, form: Form) -> None:
    """Prints what a directory sync has changed or would change, and which entries it refused."""
    braked = applied.plan.too_much()
    if form is Form.JSON:
        lines = {"changes": applied.plan.changes, "refused": reading.refused, "notes": (*reading.notes, *applied.outdated)}
        counts = {
            "people": applied.people,
            "added": applied.recipients_added,
            "removed": applied.recipients_removed,
            "moved": applied.moved,
        }
        said = {name: [str(one) for one in some] for name, some in lines.items()}
        SYNCED.print_one(counts | {"dry_run": dry_run, "needs_confirm": braked} | said, form)
        return
    for change in applied.plan.changes[:MOST_SHOWN]:
        say(str(change))
    if (more := len(applied.plan.changes) - MOST_SHOWN) > 0:
        say(f"… and {format_count(more, 'more change')}; --json lists all")
    for told in (*(f"refused: {one}" for one in reading.refused), *(f"note: {one}" for one in (*reading.notes, *applied.outdated))):
        say(told)
    would = "would be " if dry_run else ""
    people, added = format_count(applied.people, "person", "people"), format_count(applied.recipients_added, "address", "addresses")
    say(f"{people}; {added} {would}added, {applied.recipients_removed} {would}removed")
    if dry_run and braked:
        say(f"this would {braked}: it needs --confirm")


def run_role(settings: Settings, stop: threading.Event) -> None:
    """The role: follow the directory until told to stop. What does not answer changes nothing and is asked again."""
    source = open_source(settings)
    interval, whole = max(1.0, settings.directory.interval), settings.directory.full_hours * 3600.0
    seen: Reading | None = None
    read_whole = time.monotonic() - whole
    pause = 0.0
    while not stop.wait(pause):
        full = time.monotonic() - read_whole >= whole
        try:
            with metrics.time_block("mailroom_directory_seconds"):
                seen = read_directory(settings, source, seen, full=full)
            metrics.count_event("mailroom_directory_readings", outcome="read")
            read_whole, pause = time.monotonic() if full else read_whole, interval
        except Refused as refusal:
            log.error("the directory stays as it was: %s", refusal)
            metrics.count_event("mailroom_directory_readings", outcome="refused")
            pause = min(RETRY, interval)
        except DBAPIError as fault:
            pause = pause_after(fault, min(RETRY, interval))


def read_directory(settings: Settings, source: Source, seen: Reading | None, *, full: bool) -> Reading:
    """Read once, and take over what is new."""
    with database_of(settings) as engine:
        reading = source.read(full=full, holders=read_holders(engine))
        if reading is seen:
            db.carry_out(engine, lambda session: last_runs.directory_was_read(session, now=utcnow()))
            return reading
    applied = take_over(settings, reading)
    if applied.plan.changes or applied.recipients_added or applied.recipients_removed:
        wake_waiters(settings, "door", "change")
    for told in reading.refused:
        log.warning("refused: %s", told)
    for told in reading.notes:
        log.info("note: %s", told)
    log.info("directory: %d people, %d changes, %d entries refused", applied.people, len(applied.plan.changes), len(reading.refused))
    return reading
