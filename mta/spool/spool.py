"""Batches of accepted messages on disk: append, fsync, hold, read, remove.

A batch is a file that holds the messages of all sessions that were waiting, written under a temporary name, synced,
renamed and made known by syncing the directory; only then does anybody hear that its messages are safe. A temporary
file therefore never holds anything that was promised.
"""

import contextlib
import errno
import fcntl
import heapq
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, NamedTuple

from mta.spool.batch_file import BUFFER, Message, read_batch, write_batch
from triage.addressing.envelope import Envelope
from triage.errors import BadInput
from triage.ids import format_id
from triage.runtime.durable_files import sync_directory
from triage.runtime.spool_stats import DAMAGED, DEFERRED_BATCH, INCOMING, RETRY, batch_name, batch_names
from triage.times import to_micros

MOST_MESSAGES = 256  # in one batch
MOST_BYTES = 16 * 1024 * 1024  # in one batch, one larger message apart
LONGEST_WAIT = timedelta(hours=1)  # longer than any message is deferred: more can only a clock have said that was ahead
SLICE = 4096  # names that are in memory at once while a backlog is read

CROWD = 3  # messages in a batch: from so many on the next one waits for more, since each batch costs two fsyncs
GATHERING = 0.002  # seconds that it waits: the bound on what a message loses by it

log = logging.getLogger(__name__)


class Waiting(NamedTuple):
    """A message whose session waits for it to be safe."""

    envelope: Envelope
    raw: bytes
    safe: "Future[None]"


@dataclass(slots=True)
class Batch:
    """A batch that is being read. While it is held, no other process reads it."""

    path: Path
    attempt: int = 0  # how often its one message was deferred; 0 in the incoming spool
    file: IO[bytes] | None = field(default=None, repr=False)
    damaged: bool = False


class Spool:
    """The spool below one directory: `incoming/` for the judge to read, `retry/` for what is judged again, `damaged/`."""

    def __init__(self, directory: Path) -> None:
        """Make the directories. BadInput when they cannot be written."""
        self.after_batch: Callable[[], None] = lambda: None  # called when a batch is safe, before anybody is told
        self.incoming, self.retry, self.damaged = (directory / name for name in (INCOMING, RETRY, DAMAGED))
        try:
            for path in (self.incoming, self.retry, self.damaged):
                path.mkdir(0o750, parents=True, exist_ok=True)
                if not os.access(path, os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, "no right to write there", str(path))
            for path in (directory, directory.parent):
                sync_directory(path)  # a batch is as safe as the directory it is in
        except OSError as fault:
            raise BadInput(f"the spool {directory} cannot be used: {fault.strerror}; make it writable or change spool.directory") from fault
        self._waiting: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._writer: threading.Thread | None = None

    # writing

    def append(self, envelope: Envelope, raw: bytes) -> "Future[None]":
        """Hand a message to the writer. The future is done when it is on stable storage, or holds the OSError that kept it out."""
        if self._writer is None:
            self.start()
        safe: Future[None] = Future()
        self._waiting.put(Waiting(envelope, raw, safe))
        return safe

    def start(self) -> None:
        """Start the writer; remove what a killed one left half-written."""
        with self._starting:
            if self._writer is None:
                remove_leftovers(self.incoming)
                self._writer = threading.Thread(target=self._write_batches, name="spool writer", daemon=True)
                self._writer.start()

    def close(self) -> None:
        """Write what is waiting and stop the writer."""
        if self._writer is not None:
            self._waiting.put(None)
            self._writer.join()
            self._writer = None

    def _write_batches(self) -> None:
        """Writes one batch after the other, each with all messages that wait."""
        size = 0
        while (first := self._waiting.get()) is not None:
            if size >= CROWD:
                time.sleep(GATHERING)
            batch, last = self._gather(first)
            size = len(batch)
            wanted = [one for one in batch if one.safe.set_running_or_notify_cancel()]
            try:
                write_batch(self.incoming, batch_name(os.getpid(), len(wanted)), [(one.envelope, one.raw) for one in wanted])
            except Exception as fault:
                for one in wanted:
                    one.safe.set_exception(fault)
            else:
                self._batch_is_safe()
                for one in wanted:
                    one.safe.set_result(None)
            if last:
                return

    def _batch_is_safe(self) -> None:
        """Wakes the judge after a batch. Whatever goes wrong with that, the messages are safe and their sessions hear it."""
        try:
            self.after_batch()
        except Exception as fault:
            log.error("the judge could not be woken and will look by itself: %s", fault)

    def _gather(self, first: Waiting) -> tuple[list[Waiting], bool]:
        """Gathers waiting messages for one batch; returns whether the writer stops after it."""
        batch, size = [first], len(first.raw)
        while len(batch) < MOST_MESSAGES and size < MOST_BYTES:
            try:
                following = self._waiting.get_nowait()
            except queue.Empty:
                break
            if following is None:
                return batch, True
            batch.append(following)
            size += len(following.raw)
        return batch, False

    def defer_message(self, envelope: Envelope, raw: bytes, *, not_before: datetime, attempt: int, why: str = "") -> None:
        """Keep one message in the retry spool, to be read again at `not_before`. OSError when it could not be made safe."""
        name = f"{to_micros(not_before):016d}.{attempt:03d}.{format_id(envelope.spool_id)}.{os.getpid()}.batch"
        write_batch(self.retry, name, [(envelope, raw)], why)

    def tidy(self) -> None:
        """Remove what a judge that was killed left half-written in the retry spool."""
        remove_leftovers(self.retry)

    # reading

    def batches(self) -> Iterator[Batch]:
        """The batches that were there a moment ago, oldest first, however many there are."""
        for name in in_order(self.incoming):
            yield Batch(self.incoming / name)

    def due(self, now: datetime) -> Iterator[Batch]:
        """The messages of the retry spool whose time has come, longest due first; then those that a clock which was ahead has deferred."""
        for found in filter(None, map(DEFERRED_BATCH.fullmatch, in_order(self.retry))):
            if int(found["not_before"]) > to_micros(now):
                break
            yield Batch(self.retry / found[0], int(found["attempt"]))
        for found in filter(None, map(DEFERRED_BATCH.fullmatch, batch_names(self.retry))):
            if int(found["not_before"]) > to_micros(now + LONGEST_WAIT):
                yield Batch(self.retry / found[0], int(found["attempt"]))

    def hold(self, batch: Batch) -> bool:
        """Take the batch for this process until `remove` or `unlock_batch`. False when another one has it or had it."""
        try:
            file = batch.path.open("rb", BUFFER)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        if os.fstat(file.fileno()).st_nlink == 0:  # it was finished while we were opening it
            file.close()
            return False
        batch.file = file
        return True

    def read(self, batch: Batch) -> Iterator[Message]:
        """The messages of a batch that is held, one by one. What is damaged is left out and marks the batch."""
        assert batch.file is not None, "hold the batch first"

        def damaged(place: int) -> None:
            if not batch.damaged:
                log.error("%s is damaged at byte %d: what is readable is read, and it will be kept in %s", batch.path, place, self.damaged)
            batch.damaged = True

        return read_batch(batch.file, damaged)

    def remove(self, batch: Batch) -> None:
        """Removes a batch that was taken over. A damaged one is kept in `damaged/` for a person to look at."""
        with contextlib.suppress(FileNotFoundError):
            if batch.damaged:
                batch.path.rename(self.damaged / batch.path.name)
            else:
                batch.path.unlink()
        self.unlock_batch(batch)

    def unlock_batch(self, batch: Batch) -> None:
        """Stop holding the batch; it stays where it is."""
        if batch.file is not None:
            batch.file.close()
            batch.file = None


def in_order(directory: Path) -> Iterator[str]:
    """The complete batches that are there now, in the order of their names, which is that of their times; few names in memory at once."""
    last, newest = "", max(batch_names(directory), default="")
    while names := heapq.nsmallest(SLICE, (name for name in batch_names(directory) if last < name <= newest)):
        yield from names
        last = names[-1]


def remove_leftovers(directory: Path) -> None:
    """Remove the temporary files that no living writer holds: nothing in them was ever promised."""
    for path in directory.glob("*.tmp"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
