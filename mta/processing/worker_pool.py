"""Threads that find out who sent a message and what it says, so that a slow zone or a hostile message holds up only them."""

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from mta.processing.examine_message import NOTHING, Found
from mta.spool.spool import Batch, Spool
from triage.addressing.envelope import Envelope
from triage.text.sanitize import escape_visible

MOST_BYTES = 64 * 1024 * 1024  # of messages in one lane
MESSAGES_A_WORKER = 6  # twice as many as are entered at once: the workers go on meanwhile

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Judged:
    """A message that is ready to be entered, or says why not yet."""

    envelope: Envelope
    raw: bytes
    attempt: int  # how often it was deferred
    settled: Callable[[], None]  # to be called when it is safe elsewhere
    found: Found = NOTHING
    fault: str = ""  # ours, in words


class Room:
    """The messages that may be in one lane at once. Whoever is too many waits, but one always has room."""

    def __init__(self, most_bytes: int, most_messages: int) -> None:
        self.most_bytes, self.most_messages = most_bytes, most_messages
        self.bytes = self.messages = 0
        self.closed = False
        self.changed = threading.Condition()

    def take(self, size: int) -> bool:
        """Wait for room; False when the lane was closed meanwhile."""
        with self.changed:
            self.changed.wait_for(lambda: self.closed or self.has(size))
            if not self.closed:
                self.bytes += size
                self.messages += 1
            return not self.closed

    def has(self, size: int) -> bool:
        """Whether there is room for so many bytes more."""
        return not self.messages or (self.messages < self.most_messages and self.bytes + size <= self.most_bytes)

    def give_back(self, size: int) -> None:
        """Frees the room of a message that has left."""
        with self.changed:
            self.bytes -= size
            self.messages -= 1
            self.changed.notify_all()

    def close(self) -> None:
        """Lets no further message in."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()


class Share:
    """Counts the messages of a batch that are still to be settled; with the last one the batch is removed."""

    def __init__(self, finished: Callable[[], None]) -> None:
        self.finished = finished
        self.left = 1  # the reader's own, until it has read everything
        self.lock = threading.Lock()

    def more(self) -> None:
        """Counts one more message that was read."""
        with self.lock:
            self.left += 1

    def settled(self) -> None:
        """Counts a message that is safe elsewhere, or a reader that is through."""
        with self.lock:
            self.left -= 1
            last = self.left == 0
        if last:
            self.finished()


class Examines(Protocol):
    """Finds out about one message; safe for several threads."""

    def believed(self, envelope: Envelope, raw: bytes) -> Envelope:
        """The envelope as far as the one who brought the message may be believed."""

    def examine(self, envelope: Envelope, raw: bytes) -> Found:
        """Examines one message."""


class Lane:
    """Reader with several workers. The reader goes on while they wait for DNS, as long as there is room."""

    def __init__(self, spool: Spool, examiner: Examines, judged: "queue.SimpleQueue[Judged]", *, workers: int) -> None:
        self.spool, self.examiner, self.judged = spool, examiner, judged
        self.room = Room(MOST_BYTES, workers * MESSAGES_A_WORKER)
        self.held: dict[str, Batch] = {}
        self.closed: set[str] = set()  # batches that could not be opened, as was said
        self.waiting: queue.SimpleQueue[Judged | None] = queue.SimpleQueue()
        self.workers = [threading.Thread(target=self._work, name=f"judge {number}", daemon=True) for number in range(workers)]
        for worker in self.workers:
            worker.start()

    def feed(self, batches: Iterable[Batch]) -> None:
        """Hand on the messages of each batch that nobody is reading."""
        for batch in batches:
            if self.room.closed:
                return
            if batch.path.name not in self.held and self._hold(batch):
                self.held[batch.path.name] = batch
                self._feed(batch)

    def close(self) -> None:
        """Take nothing more on. What is not settled stays in its batch."""
        self.room.close()
        for _ in self.workers:
            self.waiting.put(None)

    def unlock_batches(self) -> None:
        """Leave the batches to others, after the reader has stopped."""
        for batch in list(self.held.values()):
            self.spool.unlock_batch(batch)

    def _hold(self, batch: Batch) -> bool:
        """Take a batch. One that cannot be opened keeps none behind it waiting; it is tried again in the next round."""
        try:
            return self.spool.hold(batch)
        except OSError as fault:
            if batch.path.name not in self.closed:
                log.error("%s cannot be opened and is tried again and again, what came after it goes on: %s", batch.path, fault)
            self.closed.add(batch.path.name)
            return False

    def _feed(self, batch: Batch) -> None:
        share = Share(lambda: self._finished(batch))
        try:
            for envelope, raw in self.spool.read(batch):
                if not self.room.take(len(raw)):
                    return
                share.more()
                self.waiting.put(Judged(envelope, raw, batch.attempt, self._settled(share, len(raw))))
        except OSError as fault:
            log.error("%s cannot be read and stays where it is; it is tried again at the next start: %s", batch.path, fault)
            return
        share.settled()

    def _settled(self, share: Share, size: int) -> Callable[[], None]:
        first = threading.Lock()  # after a fault in between a message is entered, and settled, once more

        def settled() -> None:
            if first.acquire(blocking=False):
                self.room.give_back(size)
                share.settled()

        return settled

    def _finished(self, batch: Batch) -> None:
        try:
            self.spool.remove(batch)
        except OSError as fault:
            log.error("%s is worked off and cannot be removed; it is read again at the next start: %s", batch.path, fault)
            return
        self.held.pop(batch.path.name, None)

    def _work(self) -> None:
        """Examines one message after the other, until closed."""
        while (message := self.waiting.get()) is not None and not self.room.closed:
            try:
                envelope = self.examiner.believed(message.envelope, message.raw)
                self.judged.put(replace(message, envelope=envelope, found=self.examiner.examine(envelope, message.raw)))
            except Exception as fault:
                self.judged.put(replace(message, fault=escape_visible(f"{type(fault).__name__}: {fault}")))
