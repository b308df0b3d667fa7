"""Doctor checks on this machine: database, spool, recipient map, disk, edges, coverage."""

import ctypes
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from mta.peer.trusted_edges import network_of
from mta.spool import recipient_map_file
from triage.access import accounts
from triage.config.settings import Settings
from triage.delivery.recall import recall_jobs
from triage.errors import BadInput, Unreadable
from triage.intake.build_recipient_map import build_recipient_map
from triage.policy import emergency
from triage.quarantine import coverage
from triage.runtime import disk_space, sandbox
from triage.runtime.spool_stats import DAMAGED, INCOMING, RETRY, spool_backlog
from triage.store import db, pg_notify, read_replica, restore_pause
from triage.store.delivery_state import State
from triage.store.message_record.dictionaries import check_dictionaries
from triage.store.models.audit import AuditRecord
from triage.store.models.columns import Instant
from triage.store.models.deliveries import Delivery
from triage.text.numbers import format_count, spell_span
from triage.times import utcnow
from triage_cli.client.local_setup import database_of
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding, find_stuck

LATE, TOO_LATE = timedelta(minutes=1), timedelta(minutes=15)  # of mail that waits to be judged
LITTLE, TOO_LITTLE = 2 * 1024**3, 256 * 1024**2  # bytes left on a disk
MOST_OF_ONE = 256  # public addresses in a network that can still be one company's own
APART = 2.0  # seconds between two clocks
TIMEX, TIME_ERROR = 256, 5  # adjtimex(2): room for its struct timex, and what it returns when nobody sets the clock
SQLITE = "sqlite:///"


def check_database(settings: Settings) -> Iterator[Finding]:
    """Does it answer, and is it at this program's version?"""
    kind = "SQLite" if settings.database.url.startswith(SQLITE) else "PostgreSQL"
    try:
        with database_of(settings) as engine:
            yield Finding(OK, "database", f"{kind} answers and has this program's version")
            yield from read_by_others(settings.database.url)
            yield from check_write_access(engine)
            yield from check_durability(engine)
            yield from check_search(engine)
        yield from check_dictionary()
    except BadInput as fault:
        yield Finding(FAIL, "database", str(fault), "start or make the database and check database.url, then run `mailroom db upgrade`")


def check_dictionary() -> Iterator[Finding]:
    """Checks the dictionaries that records of messages are compressed with. Without the newest no message comes in."""
    try:
        check_dictionaries()
    except Unreadable as fault:
        yield Finding(FAIL, "database", str(fault), "install Mailroom again, or copy the file from a backup")


def read_by_others(url: str) -> Iterator[Finding]:
    """Warns when everybody on this machine can read messages in SQLite's file. New ones are made so that nobody can."""
    file = Path(url.removeprefix(SQLITE))
    if url.startswith(SQLITE) and file.stat().st_mode & 0o007:
        yield Finding(WARN, "database", f"every user of this machine can open {file}, which holds messages", f"chmod o= {file}*")


def check_write_access(engine: Engine) -> Iterator[Finding]:
    """Checks that this user of PostgreSQL may change what is there. One that may only read lets everything but the roles work."""
    if closed := db.not_writable(engine):
        words = f"its user may not read and change {len(closed)} tables ({', '.join(closed[:3])}{' …' if len(closed) > 3 else ''})"
        yield Finding(
            FAIL, "database", words, "use the database user that ran `mailroom db upgrade`, or make this user the owner of the tables"
        )


def check_durability(engine: Engine) -> Iterator[Finding]:
    """Does a commit that PostgreSQL has answered survive a crash? Our 250 to a sender rests on it as soon as the spool lets a
    message go.
    """
    for name, why in db.not_durable(engine):
        do = f"set {name} = on in postgresql.conf, or `ALTER DATABASE … SET {name} = on`; what a commit promised can be lost meanwhile"
        yield Finding(FAIL if name != "full_page_writes" else WARN, "database", why, do)


def check_search(engine: Engine) -> Iterator[Finding]:
    """Checks that the database has the index of words, so that no search looks through all messages."""
    if not db.has_word_index(engine):
        do = "ask an administrator of PostgreSQL to run `CREATE EXTENSION pg_trgm` in this database, then run `mailroom db upgrade` again"
        yield Finding(WARN, "search", "the word index is missing: search is slow with many messages", do)


def check_wake_up(settings: Settings) -> Iterator[Finding]:
    """Do the machines wake each other (LISTEN/NOTIFY)? A database that does not answer has a finding of its own."""
    if settings.database.url.startswith(SQLITE):
        return
    try:
        heard = pg_notify.check_notifications(settings)
    except pg_notify.connection_errors() as fault:
        yield Finding(
            WARN,
            "wake-ups",
            f"no connection: {str(fault).strip()}",
            "check database.listen_url; until then each machine polls every second",
        )
        return
    if heard:
        yield Finding(OK, "wake-ups", "machines wake each other by LISTEN/NOTIFY")
    else:
        do = "if a transaction pooler (PgBouncer) is in between, name the server itself in database.listen_url"
        yield Finding(WARN, "wake-ups", "no notification arrives (LISTEN/NOTIFY); each machine polls every second", do)


def check_read_replica(settings: Settings) -> Iterator[Finding]:
    """Does the read replica answer, and is it close enough behind? A database that does not answer has a finding of its own."""
    if not settings.database.read_url:
        return
    try:
        with database_of(settings) as engine:
            lag = read_replica.measure_lag(engine, settings.database)
    except BadInput:
        return
    except (DBAPIError, read_replica.NoReplica) as fault:
        why = read_replica.describe_fault(fault)
        yield Finding(WARN, "replica", f"database.read_url is not used: {why}", "check the address; meanwhile database.url answers alone")
        return
    if lag is None or lag.total_seconds() > settings.database.read_lag_seconds:
        behind = f"{spell_span(lag.total_seconds())} behind" if lag else "behind, and does not say how far"
        yield Finding(
            WARN, "replica", f"database.read_url is {behind}", "look at pg_stat_replication; meanwhile database.url answers alone"
        )
    else:
        yield Finding(OK, "replica", "database.read_url answers searches and reports")


def check_restore_pause(settings: Settings) -> Iterator[Finding]:
    """Is this a restored system whose delivery is still paused? A database that does not answer has a finding of its own."""
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            pause = restore_pause.pause_of(session)
    except BadInput:
        return
    if pause:
        do = "run `mailroom resume --dry-run`, then `mailroom resume` (docs/how-to/backup.md)"
        yield Finding(WARN, "restored", restore_pause.pause_sentence(pause), do)


def check_spool(settings: Settings) -> Iterator[Finding]:
    """Is the spool writable, and are its messages processed?"""
    directory = settings.spool.directory
    places = [directory, *(directory / name for name in (INCOMING, RETRY, DAMAGED))]
    if not directory.is_dir():
        yield Finding(
            FAIL, "spool", f"{directory} is no directory", "make it, owned by the user that runs mailroom, or change spool.directory"
        )
        return
    if closed := next((place for place in places if place.exists() and not os.access(place, os.W_OK | os.X_OK)), None):
        yield Finding(FAIL, "spool", f"{closed} cannot be written by this user", "give it to the user that runs mailroom")
        return
    if not all(place.is_dir() for place in places):
        yield Finding(OK, "spool", f"{directory} is new: nothing was received yet")
        return
    waiting = spool_backlog(directory)
    waits = utcnow() - waiting.oldest if waiting.oldest else timedelta()
    age = int(waits.total_seconds())
    words = f"{format_count(waiting.messages, 'message')} to process, the oldest for {age} s; {waiting.deferred} to retry"
    level = FAIL if waits > TOO_LATE else WARN if waits > LATE else OK
    yield Finding(level, "spool", words, "" if level == OK else "check that `mailroom judge` runs, and read its log; no message is lost")
    yield from find_stuck("spool", waiting.stuck)
    if waiting.damaged:
        what = f"{format_count(waiting.damaged, 'damaged batch', 'damaged batches')} in {directory / DAMAGED}"
        yield Finding(WARN, "spool", what, "check the disk; the readable messages are entered; review the rest and remove the files")


def check_recipient_map(settings: Settings) -> Iterator[Finding]:
    """Does the recipient map of the SMTP server match the directory?"""
    path = settings.spool.directory / recipient_map_file.NAME
    try:
        raw = path.read_bytes()
        recipient_map = recipient_map_file.unpack_map(raw)
    except FileNotFoundError:
        yield Finding(
            FAIL, "recipient map", "missing: every message is deferred with 451", "run `mailroom sync`, and start `mailroom judge`"
        )
        return
    except (OSError, ValueError) as fault:
        yield Finding(
            FAIL, "recipient map", f"{path} cannot be read: {fault}", "remove it and start `mailroom judge` again: it writes a new one"
        )
        return
    written = utcnow().timestamp() - path.stat().st_mtime
    known = sum(
        len(names) for names in (recipient_map.recipients, recipient_map.sub_addressed) if isinstance(names, recipient_map_file.Digests)
    )
    words = f"{format_count(known, 'recipient')}, written {int(max(0.0, written))} s ago"
    if is_current(settings, raw):
        yield Finding(OK, "recipient map", f"{words}, up to date")
    else:
        yield Finding(WARN, "recipient map", f"{words}, out of date", "check that `mailroom judge` runs on this machine")


def is_current(settings: Settings, raw: bytes) -> bool:
    """Whether the recipient map is what the judge would write now. A database that does not answer has a finding of its own."""
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            recipient_map = build_recipient_map(session, settings=settings, now=utcnow())
    except BadInput:
        return True
    return recipient_map is not None and recipient_map_file.pack_map(recipient_map) == raw


def how_to_confine(otherwise: str) -> str:
    """Says what to do so that bubblewrap works, or what else confines a child."""
    if sandbox.is_restricted():
        load = "copy deploy/apparmor/bwrap to /etc/apparmor.d and run apparmor_parser -r /etc/apparmor.d/bwrap"
        return f"AppArmor stops bubblewrap: {load}, or {otherwise}"
    return f"install bubblewrap, or {otherwise}"


def check_parser(_settings: Settings) -> Iterator[Finding]:
    """Are the parsers of messages sandboxed?"""
    said = f"messages are parsed {sandbox.describe_sandbox()}"
    if sandbox.parser_socket() or sandbox.sandbox_wrapper():
        yield Finding(OK, "parser", said)
    else:
        yield Finding(WARN, "parser", said, how_to_confine("start mailroom by the units in deploy/systemd"))


def check_drawer(settings: Settings) -> Iterator[Finding]:
    """Can attachments be shown as images, if that is switched on?"""
    if not settings.api.previews:
        return
    if not sandbox.can_draw():
        do = how_to_confine("start mailroom-draw.socket (docs/how-to/attachment-previews.md); until then nothing is shown")
        yield Finding(WARN, "previews", "attachments cannot be shown as images: there is no sandbox", do)
    elif not sandbox.drawer_socket() and not shutil.which("pdftoppm", path="/usr/bin"):
        yield Finding(WARN, "previews", "PDF cannot be shown: poppler is missing", "apt-get install poppler-utils")
    else:
        yield Finding(OK, "previews", "attachments are shown as images, rendered in a sandbox")


def check_codes(_settings: Settings) -> Iterator[Finding]:
    """Are the QR codes of pictures and PDF read?"""
    if not (sandbox.can_draw() or sandbox.parser_socket()):
        do = how_to_confine("start mailroom by the units in deploy/systemd")
        yield Finding(WARN, "codes", "QR codes are not read: there is no sandbox for images", do)
    elif not sandbox.can_draw():
        yield Finding(WARN, "codes", "QR codes are read in images, not in PDF", "start mailroom-draw.socket")
    elif not sandbox.drawer_socket() and not shutil.which("pdftoppm", path="/usr/bin"):
        yield Finding(WARN, "codes", "QR codes are read in images, not in PDF: poppler is missing", "apt-get install poppler-utils")
    else:
        yield Finding(OK, "codes", "QR codes in images and PDF are read in a sandbox")


def check_clock(settings: Settings) -> Iterator[Finding]:
    """Is this machine's clock synchronized, and does the database's machine agree? Ids and signatures depend on it."""
    do = "run systemd-timesyncd or chrony: signatures, ids and the audit log depend on the time"
    if ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX)) == TIME_ERROR:
        yield Finding(WARN, "clock", "the clock of this machine is not synchronized (adjtimex(2))", do)
    else:
        yield Finding(OK, "clock", "it is synchronized")
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            theirs = db.read_server_time(session)
            apart = abs((theirs - utcnow()).total_seconds()) if theirs else 0.0
    except BadInput:  # the database has a finding of its own
        return
    if apart > APART:
        yield Finding(WARN, "clock", f"the clock of the database's machine differs by {apart:.0f} s", do)


def check_upkeep(settings: Settings) -> Iterator[Finding]:
    """Is the audit log chained?"""
    late = select(func.count()).where(col(AuditRecord.sequence).is_(None), col(AuditRecord.at) < utcnow() - LATE)
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            unsealed = session.scalar(late) or 0
    except BadInput:
        return
    if unsealed:
        yield Finding(
            FAIL,
            "upkeep",
            f"{format_count(unsealed, 'audit entry', 'audit entries')} not chained yet",
            "check that `mailroom upkeep` runs, and read its log",
        )
    else:
        yield Finding(OK, "upkeep", "the audit log is chained")


def check_delivery(settings: Settings) -> Iterator[Finding]:
    """Are released messages sent, and purged ones removed from mailboxes? Skipped while both are paused."""
    now = utcnow()
    ways = {"relay": ({State.QUEUED}, "for a next hop"), "recall": (recall_jobs.DUE, "to be removed from mailboxes, or restored")}
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            due = select(func.count(), func.min(col(Delivery.due_at), type_=Instant)).where(
                col(Delivery.due_at) <= now, restore_pause.is_running()
            )
            found = {role: session.execute(due.where(col(Delivery.state).in_(states))).one() for role, (states, _) in ways.items()}
    except BadInput:
        return
    for role, (number, first) in found.items():
        waits = now - first if first else timedelta()
        words = f"{format_count(number, 'delivery', 'deliveries')} due {ways[role][1]}, the oldest for {int(waits.total_seconds())} s"
        level = FAIL if waits > TOO_LATE else WARN if waits > LATE else OK
        do = f"check that `mailroom {role}` runs, and read its log; `mailroom outgoing` shows the next hops' replies; no message is lost"
        yield Finding(level, "queue", words, "" if level == OK else do)


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Is there enough disk space for the spool, database and checkpoints?"""
    for name, place in disk_space.storage_places(settings).items():
        there = next((one for one in (place, *place.absolute().parents) if one.exists()), Path("/"))
        free = disk_space.disk_room(there).free
        level = FAIL if free < TOO_LITTLE else WARN if free < LITTLE else OK
        words = f"{free / 1024**3:.1f} GiB free for the {name}"
        yield Finding(
            level, "disk", words, "" if level == OK else f"make room on the disk of {place}; when it is full, the SMTP server answers 452"
        )


def check_edges(settings: Settings) -> Iterator[Finding]:
    """Are the networks of edge servers so wide that they include strangers?"""
    networks = [network_of(text) for text in settings.smtp.trusted_edges]
    wide = [str(one) for one in networks if one.is_global and one.num_addresses > MOST_OF_ONE]
    if not networks:
        yield Finding(OK, "edges", "none configured: senders connect directly")
    elif wide and not settings.smtp.edge_token:
        yield Finding(
            WARN,
            "edges",
            f"smtp.trusted_edges holds {', '.join(wide)}: others who use the same provider can pose as your edge server",
            "list only your own machines, or set smtp.edge_token (docs/how-to/edge-servers.md)",
        )
    else:
        yield Finding(OK, "edges", f"{len(networks)} trusted, {'with' if settings.smtp.edge_token else 'without'} a token")


def unknown_recipients(settings: Settings) -> Iterator[Finding]:
    """Are unknown addresses deferred? Senders then learn of a typing mistake only after days."""
    if settings.smtp.unknown_recipients == "defer":
        yield Finding(
            WARN,
            "addresses",
            "unknown addresses are deferred (450)",
            'search the log of `mailroom receive` for your addresses ("450 4.1.1"), add them to the directory, '
            "and set smtp.unknown_recipients to refuse",
        )
    else:
        yield Finding(OK, "addresses", "unknown addresses are refused (550)")


def check_emergency(settings: Settings) -> Iterator[Finding]:
    """Is the emergency on? A database that does not answer has a finding of its own."""
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            opened = emergency.current_emergency(session, utcnow())
    except BadInput:
        return
    if opened:
        yield Finding(WARN, "emergency", opened.sentence, "end it with `mailroom emergency --close` when staff are there to decide")
    else:
        yield Finding(OK, "emergency", "none")


def check_administrators(settings: Settings) -> Iterator[Finding]:
    """Can an administrator of the whole company sign in? A database that does not answer has a finding of its own."""
    ways = settings.api.sign_in
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            found = accounts.list_administrators(session, ways=ways)
    except BadInput:
        return
    if found:
        yield Finding(OK, "staff", f"{format_count(len(found), 'administrator')} of the whole company can sign in")
    else:
        do = "`mailroom staff add LOGIN --role admin --scope company`"
        if "local" not in ways:
            do = "name one in [directory] staff_groups" if "directory" in ways else "name one in groups of [identity]"
        yield Finding(WARN, "staff", "no administrator of the whole company can sign in", do)


def check_coverage(settings: Settings) -> Iterator[Finding]:
    """Is somebody on duty for each folder? A database that does not answer has a finding of its own."""
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            nobody = coverage.uncovered_folders(session, settings.coverage, utcnow())
    except BadInput:
        return
    for one in nobody:
        found = f"nobody on duty sees the folder of {one.name} ({one.code}); it holds {format_count(one.held, 'message')}"
        yield Finding(WARN, "coverage", found, "add staff for it: `mailroom staff substitute`, `mailroom staff add`, or the directory")
    if not nobody:
        yield Finding(OK, "coverage", "staff on duty see every folder, or these are no duty hours")
