"""Signed checkpoints of the audit log, made by upkeep every few minutes; and the daily proof that the audit log is whole."""

import hashlib
import logging
import time
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from triage.actor import Actor
from triage.compliance.audit import checkpoints, hash_chain, verify_chain, verify_state, verify_sums, walk_sums
from triage.compliance.audit.checkpoints import Checkpoint
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.store import db
from triage.store.models.markers import Marker
from triage.times import to_micros, utcnow

BY = Actor.system("upkeep")
VERIFIED = "audit-verified"  # the marker: when the audit log was verified last, in microseconds
COMPARED = "state-verified"  # the marker: when the state was compared with it last; its text is a digest of the differences
WALKING = 5.0  # seconds of comparing the state, in each round of ten minutes
BREATH = 0.01  # between two slices: the others get their turn

log = logging.getLogger("mailroom.checkpoints")


class Recorder:
    """Adds a checkpoint every `audit.checkpoint_seconds` seconds in which something happened; without a directory it does nothing."""

    def __init__(self, settings: Settings) -> None:
        """BadInput when the key or the directory is of no use."""
        self.directory, self.key = open_checkpoints(settings)
        self.every = settings.audit.checkpoint_seconds
        self.made, self.sequence = -float(self.every), 0

    def sign_if_due(self, engine: Engine, holder: str) -> None:
        """Signs the current end of the audit log, if it is time and this process holds the chain."""
        if self.key is None or time.monotonic() - self.made < self.every:
            return
        now = utcnow()
        with db.read_transaction(engine) as session:
            head = session.get(Marker, hash_chain.HEAD)
            if head is None or head.number == self.sequence:
                return
            checkpoint = Checkpoint(head.number, head.text, now)
        self.made = time.monotonic()
        with db.transaction(engine) as session:
            if not hash_chain.elect_sealer(session, holder, now):
                return
        try:
            line = checkpoints.append_checkpoint(self.directory, checkpoint, self.key)
        except OSError as fault:
            log.error("no checkpoint of the audit log: %s cannot be written: %s", self.directory, fault.strerror)
        else:
            self.sequence = checkpoint.sequence
            log.info("checkpoint of the audit log: %s", line)

    def delete_old_entries(self, engine: Engine, settings: Settings) -> int:
        """Delete old entries where a checkpoint proves the rest; returns how many."""
        since = verify_chain.retained_since(settings, utcnow())
        with db.read_transaction(engine) as session:
            last, (start, _) = hash_chain.last_before(session, since), hash_chain.start_of(session)
        if self.key is not None and last > start:
            last = self.proven(self.key, last, since)
        if last > start:
            with db.transaction(engine) as session:
                if hash_chain.lock_start(session) == start:  # else another upkeep has moved it
                    hash_chain.move_chain_start(session, last, now=utcnow(), kept=verify_state.list_retained(session, start, last))
        dropped, some = 0, 1
        while some:
            with db.transaction(engine) as session:
                some = hash_chain.drop_released(session)
            dropped += some
        return dropped

    def proven(self, key: Ed25519PrivateKey, last: int, since: datetime) -> int:
        """The last entry that a checkpoint covers; 0 where checkpoints cannot be read, so that nothing is deleted."""
        try:
            return checkpoints.newest_checkpoint(self.directory, key.public_key(), through=last, until=since)
        except OSError as fault:
            log.error("old entries of the audit log stay: %s cannot be read: %s", fault.filename or self.directory, fault.strerror)
            return 0


def verify_regularly(engine: Engine, settings: Settings, now: datetime) -> str:
    """Verify the audit log where that is due (audit.verify_hours); the fault, which goes into it too, or "".

    The comparison of the state begins with it. It takes WALKING seconds of each round, and goes on where it was, also after a restart.
    """
    verify_sums.begin_sums(engine, by=BY, now=now)
    with db.read_transaction(engine) as session:
        last = session.get(Marker, VERIFIED)
    due = to_micros(now - timedelta(hours=settings.audit.verify_hours))
    if not settings.audit.verify_hours or (last is not None and due < last.number <= to_micros(now)):
        compare_state(engine, now)
        return ""
    claims = verify_chain.claimed_checkpoints(settings)  # read first: what is chained meanwhile is in none of them
    with db.read_transaction(engine) as session:
        fault = verify_chain.verify_chain(session, claims, retained_since=verify_chain.retained_since(settings, now)).fault
    with db.transaction(engine) as session:
        session.merge(Marker(name=VERIFIED, number=to_micros(now)))
        walk_sums.begin_walk(session)
        if fault:
            verify_chain.record_fault(session, fault, by=BY, now=now)
    compare_state(engine, now)
    if fault:
        log.error("the audit log is not whole: %s", fault)
    return fault


def compare_state(engine: Engine, now: datetime) -> None:
    """Goes on with the comparison of the state, if one is under way. At its end new differences enter the audit log, once."""
    until = time.monotonic() + WALKING
    while (walk := walk_sums.walk_slice(engine)) and not walk.is_over and time.monotonic() < until:
        time.sleep(BREATH)
    if walk is None or not walk.is_over:
        return
    with db.read_transaction(engine) as session:
        found = walk_sums.add_result(verify_state.verify_rows(session), walk)
        before = session.get(Marker, COMPARED)
    digest = hashlib.sha256("\n".join(found.differences).encode()).hexdigest() if found.different else ""
    is_new = bool(digest) and (before is None or before.text != digest)
    with db.transaction(engine) as session:
        walk_sums.end_walk(session)
        session.merge(Marker(name=COMPARED, number=to_micros(now), text=digest))
        if is_new:
            verify_chain.record_fault(session, verify_state.fault_of(found), by=BY, now=now)
    for difference in found.differences:
        log.error("the database differs from the audit log: %s", difference)


def open_checkpoints(settings: Settings) -> tuple[Path, Ed25519PrivateKey | None]:
    """Returns the directory of checkpoints and the key that signs them; no key when none are made. BadInput when one of them is missing."""
    given = (settings.audit.checkpoints, settings.audit.key_file)
    if any(given) and not all(given):
        raise BadInput("audit: checkpoints and key_file belong together; set both or none")
    if not settings.audit.key_file:
        return Path(), None
    directory = Path(settings.audit.checkpoints)
    checkpoints.require_directory(directory)
    return directory, checkpoints.load_key(settings.audit.key_file)
