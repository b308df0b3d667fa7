"""Takes purged mail out of mailboxes and puts it back: claim by mailbox, visit, settle; a copy is secured before it is taken."""

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from mailboxes import sign_in
from mailboxes.visit import Visit
from triage import recalls
from triage.bell import Bell
from triage.db import open_engine, reading, transaction
from triage.errors import BadInput, Refused
from triage.ids import show
from triage.recalled import Copy
from triage.recalls import Ending, Errand
from triage.settings import Settings
from triage.times import utcnow
from triage.visible import visible

LONGEST_PAUSE = 1.0  # seconds: the bell of another machine does not reach us
SHORTEST_PAUSE = 0.05  # seconds: what is due but in another recaller's hands is not worth spinning for
LONGEST_VISIT = recalls.LEASE.total_seconds() - 60  # then this worker lets go, before another one may take over
LAST_PATIENCE = 10.0  # seconds that endings wait for a database that is down once we are to stop

log = logging.getLogger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Recall and restore until `stop` is set; then finish the visits under way.

    BadInput when a setting is of no use. What was claimed and never settled is begun again when its lease ends.
    """
    if settings.recall.imap:
        sign_in.check(settings.recall)
    recaller = Recaller(settings)
    try:
        while not stop.is_set():
            recaller.turn()
        recaller.finish()
    finally:
        recaller.close()


@dataclass(frozen=True, slots=True, eq=False)
class Trip:
    """One visit under way: since when, and what will come of it."""

    visit: Visit
    started: float  # monotonic seconds
    endings: Future[dict[int, Ending]]


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A worker has found copies and waits until they are on the record."""

    found: Sequence[tuple[Errand, list[Copy]]]
    allowed: Future[set[int]]


class Recaller:
    """The workers, each in a mailbox of its own, and the one thread that reads and writes the record for them."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is dialled or claimed yet. BadInput when the database or the spool directory is of no use."""
        self.settings = settings
        self.size = max(1, settings.recall.concurrency)
        self.engine = open_engine(settings.database.url)
        self.bell, self.changed, self.relay = (open_bell(settings, name) for name in ("recall", "change", "relay"))
        self.workers = ThreadPoolExecutor(self.size, thread_name_prefix="recall")
        self.under_way: set[Trip] = set()
        self.requests: list[Request] = []
        self.lock = threading.Lock()
        self.closing = False  # nothing is secured any more, so nothing is taken

    def turn(self, *, claiming: bool = True) -> None:
        """Secure what was found, settle what is done, send idle workers off, and wait until there is something to do again."""
        pause = LONGEST_PAUSE
        try:
            self.write(claiming=claiming)
            if claiming and len(self.under_way) < self.size:
                pause = self.until_due()
        except SQLAlchemyError as fault:
            log.warning("the database does not answer, trying again: %s", visible(str(fault)))
        self.let_go()
        self.bell.wait(pause)

    def write(self, *, claiming: bool) -> None:
        """One transaction secures copies, settles visits and takes the next claims; only then do the workers hear of it."""
        with self.lock:
            requests = list(self.requests)
        done = [trip for trip in self.under_way if trip.endings.done()]
        room = self.size - len(self.under_way) + len(done) if claiming else 0
        if not (requests or done or room):
            return
        with transaction(self.engine) as session:
            allowed = [{errand.delivery_id for errand, copies in one.found if self.secure(session, errand, copies)} for one in requests]
            for trip in done:
                self.settle(session, trip)
            busy = {trip.visit.address for trip in self.under_way if trip not in done}
            claims = recalls.claim(session, mailboxes=room, busy=busy, settings=self.settings, now=utcnow()) if room else []
        with self.lock:
            self.requests = [one for one in self.requests if one not in requests]
        for request, ids in zip(requests, allowed, strict=True):
            request.allowed.set_result(ids)
        self.under_way.difference_update(done)
        if done:
            self.changed.ring()
            self.relay.ring()  # what could not be put back is delivered anew
        for errands in claims:
            self.set_out(errands)

    def secure(self, session: Session, errand: Errand, copies: list[Copy]) -> bool:
        """Put copies on the record before they are taken. False when another worker has taken over: then nothing is taken."""
        try:
            with session.begin_nested():
                recalls.secure(session, errand, copies, now=utcnow())
        except Refused as refusal:
            log.warning("delivery %s: nothing is taken: %s", show(errand.delivery_id), refusal)
            return False
        return True

    def settle(self, session: Session, trip: Trip) -> None:
        """Put the endings of a visit on the record. Another worker may have taken over: its word counts, ours is logged."""
        endings = trip.endings.result()
        for errand in trip.visit.errands:
            try:
                with session.begin_nested():
                    recalls.settle(session, errand, endings[errand.delivery_id], settings=self.settings, now=utcnow())
            except Refused as refusal:
                log.warning("delivery %s: the ending of attempt %d came too late: %s", show(errand.delivery_id), errand.number, refusal)

    def set_out(self, errands: list[Errand]) -> None:
        """Send a worker to a mailbox; it rings when it is done."""
        visit = Visit(errands, self.settings, self.ask_to_secure)
        endings = self.workers.submit(carry_out, visit)
        self.under_way.add(Trip(visit, time.monotonic(), endings))
        endings.add_done_callback(lambda _: self.bell.ring())

    def ask_to_secure(self, found: Sequence[tuple[Errand, list[Copy]]]) -> set[int]:
        """A worker's question, answered after the commit: of which deliveries may the copies be taken?"""
        request = Request(found, Future())
        with self.lock:
            if self.closing:
                return set()
            self.requests.append(request)
        self.bell.ring()
        return request.allowed.result()

    def until_due(self) -> float:
        """Seconds until the next errand is due, within reason."""
        with reading(self.engine) as session:
            due = recalls.next_due(session)
        wait = (due - utcnow()).total_seconds() if due else LONGEST_PAUSE
        return min(max(wait, SHORTEST_PAUSE), LONGEST_PAUSE)

    def let_go(self) -> None:
        """Hang up on servers that hang."""
        now = time.monotonic()
        for trip in self.under_way:
            if now - trip.started > LONGEST_VISIT and (mailbox := trip.visit.mailbox):
                mailbox.abort()

    def finish(self) -> None:
        """Wait for the visits under way and put them on the record, for a little while also without a database."""
        deadline = time.monotonic() + LAST_PATIENCE
        while self.under_way and time.monotonic() < deadline:
            self.turn(claiming=False)
        with self.lock:
            self.closing = True
            for request in self.requests:
                request.allowed.set_result(set())  # not on the record: nothing is taken
        for trip in self.under_way:
            log.error("the visit to %s is not on the record, so it is begun again when its lease ends", visible(trip.visit.address))
            if mailbox := trip.visit.mailbox:
                mailbox.abort()

    def close(self) -> None:
        """Give everything back."""
        self.workers.shutdown()
        for bell in (self.bell, self.changed, self.relay):
            bell.close()
        self.engine.dispose()


def open_bell(settings: Settings, name: str) -> Bell:
    """One of the bells in the spool directory; BadInput when it cannot be hung there."""
    directory = settings.spool.directory
    try:
        return Bell(directory, name)
    except OSError as fault:
        raise BadInput(f"the spool directory {directory} cannot be used: {fault.strerror}; change spool.directory or its owner") from fault


def carry_out(visit: Visit) -> dict[int, Ending]:
    """A worker's visit. One line in the log for each errand, whatever came of it."""
    try:
        endings = visit.run()
    except Exception:  # a fault of ours is no reason to lose a worker
        log.exception("the visit to %s broke off", visible(visit.address))
        broken = Ending("deferred", "an internal fault broke this attempt off; the log says more")
        endings = {one.delivery_id: visit.endings.get(one.delivery_id, broken) for one in visit.errands}
    for errand in visit.errands:
        ending = endings[errand.delivery_id]
        level = logging.WARNING if ending.kind in ("deferred", "refused") else logging.INFO
        log.log(level, "delivery %s in %s: %s. %s", show(errand.delivery_id), visible(visit.address), ending.kind, visible(ending.why))
    return endings
