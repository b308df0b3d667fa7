"""Accepted mail that waits to be tried again, at both SMTP servers: what it is and why; trying it now, and taking it out."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mta.spool.batch_file import read_batch, why_not_yet
from mta.spool.spool import Batch, Spool
from triage.addressing.envelope import Envelope
from triage.errors import BadInput, Conflict
from triage.runtime.durable_files import sync_directory
from triage.runtime.spool_stats import DEFERRED_BATCH, INCOMING, OUTBOUND, RETRY, batch_names
from triage.times import from_micros, to_micros

SPOOLS = {INCOMING: "", OUTBOUND: OUTBOUND}  # where each is, below spool.directory


@dataclass(frozen=True, slots=True)
class Retry:
    """Message that waits for its retry."""

    spool: str
    path: Path  # its batch
    attempt: int  # how often it was deferred
    not_before: datetime
    envelope: Envelope
    raw: bytes
    why: str  # it is not in the audit log yet, as was said last; "" where an earlier version has put it off


def list_waiting(directory: Path) -> Iterator[Retry]:
    """Yields the messages that wait for a retry, of each spool by their due time. BadInput when it cannot be read."""
    try:
        for spool, below in SPOOLS.items():
            place = directory / below / RETRY
            for name in sorted(batch_names(place)) if place.is_dir() else ():
                with contextlib.suppress(FileNotFoundError):  # it was entered, or deferred once more, this moment
                    yield from open_message(spool, place / name)
    except OSError as fault:
        raise BadInput(f"{fault.filename}: {fault.strerror}; run this as the user that runs mailroom") from fault


def open_message(spool: str, path: Path) -> Iterator[Retry]:
    """The message of a batch; none where the judge will find the batch damaged."""
    if found := DEFERRED_BATCH.fullmatch(path.name):
        with path.open("rb") as file:
            for envelope, raw in read_batch(file, lambda _: None):
                yield Retry(spool, path, int(found["attempt"]), from_micros(int(found["not_before"])), envelope, raw, why_not_yet(file))
                return


@contextlib.contextmanager
def hold_message(retry: Retry) -> Iterator[tuple[Spool, Batch]]:
    """The message, while nobody else tries it. Conflict when somebody does this moment, or has entered it."""
    spool, batch = Spool(retry.path.parents[1]), Batch(retry.path)
    if not spool.hold(batch):
        raise Conflict("it is being tried this moment, or was entered: look again")
    try:
        yield spool, batch
    finally:
        spool.unlock_batch(batch)


def try_now(retry: Retry, now: datetime) -> None:
    """Let the message be due; the role of its spool retries it within a second."""
    with hold_message(retry):
        _, rest = retry.path.name.split(".", 1)
        retry.path.rename(retry.path.with_name(f"{to_micros(now):016d}.{rest}"))
        sync_directory(retry.path.parent)


def save_message(raw: bytes, file: Path) -> None:
    """Write a message into a file, a new one, byte for byte and on stable storage."""
    try:
        with open(file, "xb", opener=lambda where, flags: os.open(where, flags, 0o600)) as kept:
            kept.write(raw)
            kept.flush()
            os.fsync(kept.fileno())
        sync_directory(file.absolute().parent)
    except OSError as fault:
        raise BadInput(f"{file}: {fault.strerror}; the message stays in the spool") from fault
