"""The upkeep role: seals the audit log within a second, keeps counts, follows the directory file; beside it, threads that take long."""

import logging
import os
import socket
import threading
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from triage.access import api_tokens, external_accounts
from triage.compliance.audit import hash_chain, settings_changes
from triage.compliance.privacy import person_erasure
from triage.config.settings import Settings
from triage.errors import Refused
from triage.policy.known_senders import checks
from triage.policy.outbound_brakes.brake_outgoing import begin_trial
from triage.quarantine import proven_identity
from triage.quarantine.campaigns import backfill
from triage.quarantine.decisions import deliver_undecided, keepers
from triage.quarantine.known_messages import put_in
from triage.quarantine.search import undecided
from triage.quarantine.triage_items import fold_counts
from triage.runtime import metrics
from triage.store import db, last_runs, pack_records
from triage.store.queue import waiting_targets
from triage.store.queue.waiting_targets import Targets
from triage.store.transaction_retry import pause_after
from triage.times import utcnow
from triage_cli.client.local_setup import database_of, wake_waiters
from triage_cli.services import upkeep_alerts, upkeep_bulk_decisions, upkeep_retention
from triage_cli.services.apply_directory import take_over
from triage_cli.services.upkeep_checkpoints import Recorder
from triage_cli.services.upkeep_counts import record_for_reports

SEAL_EVERY = 0.5  # seconds
CLEANUP_EVERY = 600.0  # old records
LOOK_EVERY = 5.0
SETTLED = 2.0  # seconds without a change after which a file is whole
COUNT_EVERY = 30.0  # between looks at which views somebody has, and new anchors
AGE_EVERY = 10.0  # between looks at which messages have waited longer than their target
MAKING = 0.5  # seconds of making kept views, between two looks at the audit log
SLICES = 8  # of mail from before, between two looks at the audit log
PATIENCE = 2.0  # with a database that is down
BREATH = 0.01  # between two of them: the others get their turn

log = logging.getLogger("mailroom.upkeep")


def run_role(settings: Settings, stop: threading.Event) -> None:
    """Keep house until told to stop. A database that is down is waited for."""
    with database_of(settings) as engine:
        with db.transaction(engine) as session:
            settings_changes.note_settings(session, settings, machine=socket.gethostname(), now=utcnow())
            checks.begin_checks(session, settings.policy, now=utcnow())
            begin_trial(session, utcnow())
        beside = [
            threading.Thread(target=follow, args=(settings, engine, name_sealer(), stop), name=name)
            for name, follow in (
                ("slices", upkeep_bulk_decisions.follow_bulk_decisions),
                ("alerts", upkeep_alerts.follow_alerts),
                ("tidying", upkeep_retention.follow_retention),
            )
        ]
        for thread in beside:
            thread.start()
        try:
            run_rounds(settings, engine, stop)
        finally:
            stop.set()
            for thread in beside:
                thread.join()


def run_rounds(settings: Settings, engine: Engine, stop: threading.Event) -> None:
    """The round: seal, count, look at the directory file."""
    file, follows = Path(settings.directory.file), settings.directory.source == "file"
    seen, last_cleanup, looked, counted = known_file_time(engine, file), -CLEANUP_EVERY, time.monotonic(), -COUNT_EVERY
    aged = -AGE_EVERY
    behind = True  # perhaps there is mail from before something that is known of mail today
    recorder = Recorder(settings)
    while not stop.wait(SEAL_EVERY):
        try:
            seal_audit_log(engine, name_sealer())
            recorder.sign_if_due(engine, name_sealer())
            counted = update_counts(engine, counted, settings)
            if time.monotonic() - aged > AGE_EVERY and not raise_waited(engine, settings):
                aged = time.monotonic()
                deliver_undecided_messages(engine, settings)
            if time.monotonic() - last_cleanup > CLEANUP_EVERY:
                last_cleanup = time.monotonic()
                recorder.delete_old_entries(engine, settings)
                close_accounts(engine, settings)
                keep_known_messages(engine, settings)
            if time.monotonic() - looked > LOOK_EVERY:
                looked = time.monotonic()
                close_unused_tokens(engine)
                upkeep_retention.hold_legally(engine)
                upkeep_retention.settle_viewings(engine)
                erase_persons(engine, settings)
                join_removals(engine, settings)
                if follows and is_settled(changed := modified_at(file), seen):
                    follow_directory(settings)
                    seen = changed
            behind = behind and catch_up(engine, settings)  # last: a message that it stops at stops nothing else
        except DBAPIError as fault:
            stop.wait(pause_after(fault, PATIENCE))
        except Exception:  # what cannot be done must not end the sealing, nor the threads beside
            log.exception("the house could not be kept in every part")
            stop.wait(PATIENCE)


def seal_audit_log(engine: Engine, holder: str) -> None:
    """Seal what waits, if this process is the sealer. What comes meanwhile is for the next round, so that rounds are few under load."""
    full = True
    while full:
        with db.read_transaction(engine) as session:
            if not hash_chain.has_unchained(session):
                return
        with db.transaction(engine) as session:
            if not hash_chain.elect_sealer(session, holder, utcnow()):
                return
            sealed = hash_chain.seal_entries(session)
        full = sealed.total() == hash_chain.AT_ONCE
        for act, number in sealed.items():
            metrics.count_event("mailroom_acts", number, act=act)


def update_counts(engine: Engine, looked: float, settings: Settings) -> float:
    """Folds changed counts and continues with unfinished views; every COUNT_EVERY seconds looks which views are in use, and counts
    for reports. Returns the time of that last look. After MAKING seconds views wait for the next round, so that the audit log is chained.
    """
    look = time.monotonic() - looked > COUNT_EVERY
    with db.read_transaction(engine) as session:
        if not look and not fold_counts.is_due(session, utcnow()):
            return looked
    with db.transaction(engine) as session:
        if not hash_chain.elect_sealer(session, name_sealer(), utcnow(), duty=fold_counts.DUTY, lease=fold_counts.LEASE):
            return looked
    while fold_slice(engine) == fold_counts.AT_ONCE:  # what comes meanwhile is for the next round: each one counts whole piles and folders
        pass
    if look:
        fold_counts.begin_views(engine, now=utcnow())
    until = time.monotonic() + MAKING
    while time.monotonic() < until and fold_counts.go_on(engine, now=utcnow()):
        time.sleep(BREATH)
    if look:
        fold_counts.note_anchors(engine)
        record_for_reports(engine, settings)
        return time.monotonic()
    return looked


def raise_waited(engine: Engine, settings: Settings) -> bool:
    """Has rows whose messages have waited longer than their target counted again: they come before the rest. Is there more to do?"""
    targets = Targets.of_settings(settings)
    with db.read_transaction(engine) as session:
        if not waiting_targets.is_due(session, targets):
            return False
    with db.transaction(engine) as session:
        return waiting_targets.touch_waited(session, targets, utcnow())


def deliver_undecided_messages(engine: Engine, settings: Settings) -> None:
    """Delivers messages without warnings that nobody decided about in time, slice by slice, where the settings say so."""
    with db.read_transaction(engine) as session:
        if not deliver_undecided.is_due(session, undecided.Terms.of_settings(settings)):
            return
    number, place, more = 0, None, True
    while more:
        with db.transaction(engine) as session:
            delivered, place = deliver_undecided.deliver_slice(session, settings=settings, now=utcnow(), after=place)
        number, more = number + delivered, place is not None
    if number:
        log.info("delivered %d messages without warnings that nobody had decided about", number)
        wake_waiters(settings, "relay", "change")


def erase_persons(engine: Engine, settings: Settings) -> None:
    """Go on with what is to be erased about persons."""
    if upkeep_retention.carry_on(engine, person_erasure.due_erasures, person_erasure.carry_on):
        wake_waiters(settings, "door", "change")


def join_removals(engine: Engine, settings: Settings) -> int:
    """Remove copies of campaigns from confidential folders whose keepers have agreed to that; in how many decisions."""
    with db.read_transaction(engine) as session:
        due = keepers.agreed_due(session, settings, utcnow())
    number = 0
    for one in due:
        with db.transaction(engine) as session:
            number += keepers.join_removal(session, one, settings=settings, now=utcnow())
    if number:
        wake_waiters(settings, "recall", "change")
    return number


def fold_slice(engine: Engine) -> int:
    """Folds a slice of the changed counts; returns its size."""
    with db.transaction(engine) as session:
        return fold_counts.fold_counts(session, now=utcnow())


def name_sealer() -> str:
    """Names this process in the election of the one sealer."""
    return f"{socket.gethostname()}:{os.getpid()}"


def catch_up(engine: Engine, settings: Settings) -> bool:
    """Processes messages from before there were campaigns, other free-mail providers or compressed records; is more left?"""
    for _ in range(SLICES):
        with db.transaction(engine) as session:
            looked_at = proven_identity.catch_up(session, settings=settings)
        with db.transaction(engine) as session:
            sorted_in = backfill.catch_up(session, now=utcnow())
        with db.transaction(engine) as session:
            packed = pack_records.pack_slice(session)
        if not (looked_at or sorted_in or packed):
            return False
        time.sleep(BREATH)
    return True


def close_accounts(engine: Engine, settings: Settings) -> None:
    """Close accounts that an identity provider made and that nobody has used for `identity.close_days`."""
    with db.transaction(engine) as session:
        closed = external_accounts.close_unused(session, timedelta(days=settings.identity.close_days), now=utcnow())
    if closed:
        log.info("%d accounts of identity providers are closed: nobody signed in for %d days", closed, settings.identity.close_days)


def keep_known_messages(engine: Engine, settings: Settings) -> None:
    """Puts known messages into the queue and withdraws old ones, where the company wants any."""
    with db.read_transaction(engine) as session:
        if not put_in.is_due(session, settings):
            return
    with db.transaction(engine) as session:
        if not hash_chain.elect_sealer(session, name_sealer(), utcnow(), duty=put_in.DUTY):
            return
        changed = put_in.withdraw(session, settings=settings, now=utcnow())
        changed += put_in.put_in(session, settings=settings, now=utcnow()) is not None
    if changed:
        wake_waiters(settings, "change")


def close_unused_tokens(engine: Engine) -> None:
    """End the tokens of who is no administrator any more."""
    with db.read_transaction(engine) as session:
        if not api_tokens.find_orphaned_tokens(session, utcnow()):
            return
    with db.transaction(engine) as session:
        ended = api_tokens.end_orphaned_tokens(session, now=utcnow())
    log.warning("%d tokens ended, because their makers no longer administer their scope", ended)


def follow_directory(settings: Settings) -> None:
    """Take the changed directory file over; a broken one changes nothing. A database that is down is tried again."""
    try:
        applied = take_over(settings)
    except Refused as refusal:
        if isinstance(refusal.__cause__, DBAPIError):
            raise refusal.__cause__ from None
        metrics.count_event("mailroom_directory_readings", outcome="refused")
        log.error("the directory stays as it was: %s", refusal)
    else:
        metrics.count_event("mailroom_directory_readings", outcome="read")
        log.info(
            "directory: %d people, %d addresses added, %d removed", applied.people, applied.recipients_added, applied.recipients_removed
        )
        wake_waiters(settings, "door", "change")


def known_file_time(engine: Engine, file: Path) -> float:
    """Returns as of when the directory file is known; 0 when it was changed while nobody followed it."""
    with db.read_transaction(engine) as session:
        read = last_runs.directory_read_at(session)
    changed = modified_at(file)
    return 0.0 if read and (changed > read.timestamp() or read > utcnow()) else changed  # or the clock was ahead


def is_settled(changed: float, seen: float) -> bool:
    """Whether the file has changed since it was seen, and not this moment. It may be half written."""
    return changed != seen and abs(time.time() - changed) > SETTLED


def modified_at(file: Path) -> float:
    """Returns when a file was last changed, in seconds since 1970; 0 when it is not there."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
