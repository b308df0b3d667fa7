"""Doctor checks of overdue work: backups, directory reads, expiry and erasure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from triage.compliance.retention import delete_records, expire as retention
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.store import db, last_runs
from triage.text.numbers import format_count, format_span
from triage.times import utcnow
from triage_cli.client.local_setup import database_of
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding

OLD_BACKUP = timedelta(days=3)
OLD_READING = timedelta(hours=6)
A_DAY = timedelta(days=1)


def check_backups(settings: Settings) -> Iterator[Finding]:
    """Is there a recent backup? PostgreSQL may have other backups. A database that is down has a finding of its own."""
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            made, since = last_runs.backup_made_at(session), last_runs.backup_due_since(session)
            elsewhere = made is None and db.is_postgresql(session)
    except BadInput:
        return
    words = f"the last one is of {made:%Y-%m-%d %H:%M} UTC" if made else "none was made yet"
    if elsewhere:
        yield Finding(OK, "backup", f"{words} by `mailroom backup`: it leaves out PostgreSQL and the spool, which you back up yourself")
    elif since and utcnow() - since > OLD_BACKUP:
        yield Finding(WARN, "backup", words, "let a timer run `mailroom backup` every night (docs/how-to/backup.md)")
    else:
        yield Finding(OK, "backup", words)


def check_readings(settings: Settings) -> Iterator[Finding]:
    """Was the LDAP server read lately, and its data accepted?"""
    if settings.directory.source != "ldap":
        return
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            read: datetime | None = last_runs.directory_read_at(session)
    except BadInput:
        return
    if read is None or utcnow() - read > OLD_READING:
        words = f"last read and accepted on {read:%Y-%m-%d %H:%M} UTC" if read else "never read and accepted yet"
        yield Finding(WARN, "directory", words, "enable mailroom-sync.timer, or run `mailroom sync` and read its errors")
    else:
        yield Finding(OK, "directory", f"last read and accepted {format_span((utcnow() - read).total_seconds())} ago")


def check_overdue(settings: Settings) -> Iterator[Finding]:
    """Do held messages expire, and are bodies and records erased in time? More than a day late is a failure."""
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            unseen = retention.count_unseen(session, settings=settings, now=utcnow())
            held, kept = retention.count_overdue(session, settings=settings, then=utcnow() - A_DAY)
            records = delete_records.count_overdue(session, settings=settings, then=utcnow() - A_DAY)
    except BadInput:
        return
    if held or kept or records:
        bodies = format_count(kept, "body", "bodies")
        late = f"{format_count(held, 'held message')}, {bodies} to erase, {format_count(records, 'record')} to delete"
        words = f"overdue for more than a day: {late}"
        do = "check that `mailroom upkeep` runs with these settings, and read its log; `mailroom retention` does it now"
        yield Finding(FAIL, "retention", words, do)
    else:
        yield Finding(OK, "retention", f"held messages expire after {settings.retention.held_days} days, and nothing is overdue")
    if unseen:
        messages = "1 held message is past its" if unseen == 1 else f"{unseen} held messages are past their"
        words = f"{messages} {settings.retention.held_days} days and cannot expire: no daily digest named {'it' if unseen == 1 else 'them'}"
        do = (
            "release or remove them (`mailroom deliveries --state held`), let their recipients have the digest (notices.digest_at), "
            "or set retention.expire_unseen (docs/how-to/daily-digest.md)"
        )
        yield Finding(WARN, "retention", words, do)
