"""Takes purged mail out of mailboxes and puts it back: claim by mailbox, visit, settle; a copy is secured before it is taken."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from mailboxes.imap import imap_login
from mailboxes.mailbox import BROKEN_OFF, Unreachable
from mailboxes.recall.mailbox_hunt import Hunt
from mailboxes.recall.mailbox_session import Visit
from mailboxes.recall.mailbox_sweep import Sweep
from triage.config.settings import Settings
from triage.delivery.recall import recall_jobs
from triage.delivery.recall.recall_jobs import Ending, RecallJob
from triage.delivery.recalled_copies import Copy
from triage.ids import format_id
from triage.quarantine.decisions import mailbox_sweep
from triage.runtime import metrics
from triage.runtime.sandbox_pool import Pool
from triage.runtime.wakeup import open_pipes
from triage.say import say
from triage.store.db import open_engine, read_transaction, transaction
from triage.store.pg_notify import Notifier
from triage.store.transaction_retry import first_line, is_passing, pause_after
from triage.text.sanitize import escape_visible
from triage.times import utcnow

STOPS = say("the recall role is stopping")
LONGEST_PAUSE = 1.0  # seconds: without LISTEN/NOTIFY no other machine wakes us
SHORTEST_PAUSE = 0.05  # seconds: what is due but in another recaller's hands is not worth spinning for
LONGEST_WAIT = 30.0  # seconds that a claim lies before somebody sets out
TOGETHER = 16  # visits that are settled at once
SETTLED_WITHIN = 0.25  # seconds
AHEAD = 10  # mailboxes that are claimed for each worker at once
LONGEST_VISIT = recall_jobs.LEASE.total_seconds() - LONGEST_WAIT - 60  # then this worker gives up, before another one may take over
PARSER_MEMORY = 256 * 1024 * 1024  # bytes a child may take for one message (security.md)
PARSER_SECONDS = 10.0
LAST_PATIENCE = 10.0  # seconds that endings wait for a database that is down once we are to stop

log = logging.getLogger(__name__)


def run_role(settings: Settings, stop: threading.Event) -> None:
    """Recall and restore until `stop` is set; then finish the visits under way.

    BadInput when a setting is of no use. What was claimed and never settled is begun again when its lease ends.
    """
    if settings.recall.imap:
        imap_login.check_login_settings(settings.recall)
    recaller = Recaller(settings)
    try:
        while not stop.is_set():
            recaller.turn()
        recaller.finish()
    finally:
        recaller.close()


@dataclass(frozen=True, slots=True, eq=False)
class Trip:
    """Visit under way: its start and its future result."""

    visit: Visit | Sweep
    started: float  # monotonic seconds
    endings: Future[dict[int, Ending]]


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A worker has found copies and waits until they are in the audit log."""

    found: Sequence[tuple[RecallJob, list[Copy]]]
    allowed: Future[set[int]]


@dataclass(frozen=True, slots=True, eq=False)
class Chore:
    """Database write that a worker asks for and waits for."""

    write: Callable[[Session], Any]
    answer: Future[Any]


class Recaller:
    """The workers, each in a mailbox of its own, and the one thread that reads and writes the record for them."""

    def __init__(self, settings: Settings) -> None:
        """Dials and claims nothing yet. BadInput when the database or the spool directory is of no use."""
        self.settings = settings
        self.size = max(1, settings.recall.concurrency)
        self.engine = open_engine(settings.database.url)
        self.pipe, self.changed, self.relay = open_pipes(settings.spool.directory, "recall", "change", "relay")
        self.notifier = Notifier(settings, sends=[self.changed, self.relay], receives=[self.pipe])
        self.workers = ThreadPoolExecutor(self.size, thread_name_prefix="recall")
        self.under_way: set[Trip] = set()
        self.done: list[Trip] = []  # back, and not yet in the audit log
        self.done_since = 0.0  # monotonic seconds
        self.waiting: deque[tuple[float, list[RecallJob]]] = deque()  # claimed ahead, when (monotonic seconds)
        self.requests: list[Request] = []
        self.chores: list[Chore] = []
        self.parsers = Pool("triage.message.summary:summarise_json", size=1, memory_bytes=PARSER_MEMORY, seconds=PARSER_SECONDS)
        self.lock = threading.Lock()
        self.closing = False  # nothing is secured any more, so nothing is taken

    def turn(self, *, claiming: bool = True) -> None:
        """Secure what was found, settle what is done, send idle workers off, and wait until there is something to do again."""
        pause = LONGEST_PAUSE
        try:
            self.write(claiming=claiming)
            if self.done:
                pause = SETTLED_WITHIN
            elif claiming and len(self.under_way) < self.size:
                pause = self.until_due()
        except SQLAlchemyError as fault:
            pause = pause_after(fault, LONGEST_PAUSE)
        self.abort_hanging_visits()
        self.pipe.wait(pause)

    def write(self, *, claiming: bool) -> None:
        """Secure copies, settle visits and take the next claims. Answers those whose request cannot be written; nobody else waits."""
        self.collect()
        with self.lock:
            requests, chores = list(self.requests), list(self.chores)
        done = self.done if self.is_time_to_settle(claiming=claiming) else []
        ahead = self.size * AHEAD - len(self.waiting) if claiming and len(self.waiting) < self.size else 0
        if requests or chores or done or ahead:
            searches: list[mailbox_sweep.Search] = []
            try:
                searches = self.write_together(requests, chores, done, ahead)
            except Exception as fault:
                if is_passing(fault) or not (requests or chores or done):
                    raise
                log.warning("each is written by itself, since not all can be: %s", first_line(fault))
                self.write_singly(requests, chores, done)
            for search in searches:
                self.visit((Hunt if search.criteria else Sweep)(search, self.settings, self.parsers, self.ask))
        if done:
            self.changed.wake()
            self.relay.wake()  # what could not be put back is delivered again
        if claiming:
            self.send_off()

    def write_together(self, requests: list[Request], chores: list[Chore], done: list[Trip], ahead: int) -> list[mailbox_sweep.Search]:
        """All in one transaction; only then do the workers hear of it. What is to be searched."""
        with transaction(self.engine) as session:
            answers = [chore.write(session) for chore in chores]
            allowed = self.secure(session, requests)
            self.settle(session, done)
            claims, searches = self.claim(session, ahead) if ahead else ([], [])
        self.forget(*requests, *chores, *done)
        for chore, answer in zip(chores, answers, strict=True):
            chore.answer.set_result(answer)
        for request in requests:
            request.allowed.set_result(allowed)
        self.waiting.extend((time.monotonic(), jobs) for jobs in claims)
        return searches

    def write_singly(self, requests: list[Request], chores: list[Chore], done: list[Trip]) -> None:
        """Writes each in a transaction of its own: a visit that cannot be settled is begun again when its lease ends."""
        writes: list[tuple[Request | Chore | Trip, Future[Any], Callable[[Session], Any]]] = [
            *((one, one.allowed, partial(self.secure, requests=[one])) for one in requests),
            *((one, one.answer, one.write) for one in chores),
            *((one, Future(), partial(self.settle, trips=[one])) for one in done),
        ]
        for one, answer, write in writes:
            try:
                with transaction(self.engine) as session:
                    written = write(session)
            except Exception as fault:
                if is_passing(fault):
                    raise
                log.exception("a visit cannot be written down")
                self.forget(one)
                answer.set_exception(fault)
            else:
                self.forget(one)
                answer.set_result(written)

    def forget(self, *written: Request | Chore | Trip) -> None:
        """Removes written requests, chores and visits from those that wait."""
        with self.lock:
            self.requests = [one for one in self.requests if one not in written]
            self.chores = [one for one in self.chores if one not in written]
        self.done = [one for one in self.done if one not in written]

    def claim(self, session: Session, ahead: int) -> tuple[list[list[RecallJob]], list[mailbox_sweep.Search]]:
        """The jobs in so many mailboxes; and searches, the slower work, when there is nothing else."""
        claims = recall_jobs.claim_mailboxes(session, mailboxes=ahead, busy=self.busy, settings=self.settings, now=utcnow())
        room = self.size - len(self.under_way) if not claims and not self.waiting else 0
        searches = (
            mailbox_sweep.claim_mailboxes(session, mailboxes=room, busy=self.busy, settings=self.settings, now=utcnow()) if room else []
        )
        return claims, searches

    def collect(self) -> None:
        """Collects finished visits: their workers are free for the next mailbox, and what they brought is settled together with others'."""
        back = [trip for trip in self.under_way if trip.endings.done()]
        self.under_way.difference_update(back)
        self.done_since = self.done_since if self.done else time.monotonic()
        self.done.extend(back)

    def is_time_to_settle(self, *, claiming: bool) -> bool:
        """Settling many at once costs little more than settling one; nobody waits longer than the eye can see."""
        idle = not self.waiting or not claiming
        return bool(self.done) and (len(self.done) >= TOGETHER or idle or time.monotonic() - self.done_since > SETTLED_WITHIN)

    @property
    def busy(self) -> set[str]:
        """The mailboxes that are somebody's already."""
        trips = [*self.under_way, *self.done]
        return {jobs[0].mailbox for _, jobs in self.waiting} | {trip.visit.address for trip in trips}

    def send_off(self) -> None:
        """Sends each idle worker to the next mailbox."""
        while self.waiting and len(self.under_way) < self.size:
            claimed, jobs = self.waiting.popleft()
            if time.monotonic() - claimed < LONGEST_WAIT:  # otherwise its lease would end in the middle: it is claimed again then
                self.set_out(jobs)

    def secure(self, session: Session, requests: list[Request]) -> set[int]:
        """Records copies before they are removed; returns the deliveries whose copies may be removed."""
        found = [one for request in requests for one in request.found]
        allowed = recall_jobs.secure_copies(session, found, now=utcnow()) if found else set()
        for job, _ in found:
            if job.delivery_id not in allowed:
                left = {"delivery": format_id(job.delivery_id), "message": job.marker}
                log.warning("delivery %(delivery)s of message %(message)s: nothing is taken, another worker has taken over", left)
        return allowed

    def settle(self, session: Session, trips: list[Trip]) -> None:
        """Records how visits ended. Another worker may have taken over: its word counts, ours is logged."""
        ended = [(job, trip.endings.result()[job.delivery_id]) for trip in trips for job in trip.visit.jobs]
        settled = recall_jobs.settle_jobs(session, ended, settings=self.settings, now=utcnow()) if ended else set()
        for job, _ in ended:
            if job.delivery_id not in settled:
                late = {"delivery": format_id(job.delivery_id), "message": job.marker, "attempt": job.number}
                log.warning("delivery %(delivery)s of message %(message)s: the ending of attempt %(attempt)d came too late", late)

    def set_out(self, jobs: list[RecallJob]) -> None:
        """Send a worker to a mailbox; it rings when it is done."""
        self.visit(Visit(jobs, self.settings, self.ask_to_secure, self.parsers))

    def visit(self, visit: Visit | Sweep) -> None:
        """Starts a worker for one mailbox."""
        endings = self.workers.submit(carry_out, visit)
        self.under_way.add(Trip(visit, time.monotonic(), endings))
        endings.add_done_callback(lambda _: self.pipe.wake())

    def ask_to_secure(self, found: Sequence[tuple[RecallJob, list[Copy]]]) -> set[int]:
        """Asks, from a worker's thread, of which deliveries the copies may be taken; answered after the commit."""
        request = Request(found, Future())
        with self.lock:
            if self.closing:
                return set()
            self.requests.append(request)
        self.pipe.wake()
        return request.allowed.result()

    def ask(self, write: Callable[[Session], Any]) -> Any:
        """A worker's writing, done after the commit; Unreachable when nothing is written any more."""
        chore = Chore(write, Future())
        with self.lock:
            if self.closing:
                raise Unreachable(STOPS)
            self.chores.append(chore)
        self.pipe.wake()
        return chore.answer.result()

    def until_due(self) -> float:
        """Seconds until the next job is due, within reason."""
        with read_transaction(self.engine) as session:
            due = min(filter(None, (recall_jobs.next_due(session), mailbox_sweep.next_due(session))), default=None)
        wait = (due - utcnow()).total_seconds() if due else LONGEST_PAUSE
        return min(max(wait, SHORTEST_PAUSE), LONGEST_PAUSE)

    def abort_hanging_visits(self) -> None:
        """Hang up on servers that hang."""
        now = time.monotonic()
        for trip in self.under_way:
            if now - trip.started > LONGEST_VISIT and (mailbox := trip.visit.mailbox):
                mailbox.abort()

    def finish(self) -> None:
        """Waits for running visits and records them, for a short time also without a database."""
        deadline = time.monotonic() + LAST_PATIENCE
        while (self.under_way or self.done) and time.monotonic() < deadline:
            self.turn(claiming=False)
        self.say_no()
        for trip in (*self.under_way, *self.done):
            log.error("the visit to %s was not recorded, so it starts again when its lease ends", escape_visible(trip.visit.address))
            if mailbox := trip.visit.mailbox:
                mailbox.abort()

    def say_no(self) -> None:
        """To who waits for the record, and to who asks from now on: nothing is written any more, so nothing is taken."""
        with self.lock:
            self.closing = True
            requests, chores, self.requests, self.chores = self.requests, self.chores, [], []
        for request in requests:
            request.allowed.set_result(set())
        for chore in chores:
            chore.answer.set_exception(Unreachable(STOPS))

    def close(self) -> None:
        """Give everything back; after a fault of ours workers may still wait for the record."""
        self.say_no()
        self.workers.shutdown()
        self.parsers.close()
        self.notifier.close()
        for pipe in (self.pipe, self.changed, self.relay):
            pipe.close()
        self.engine.dispose()


def carry_out(visit: Visit | Sweep) -> dict[int, Ending]:
    """A worker's visit. Logs one line for each task with its result."""
    try:
        with metrics.time_block("mailroom_visit_seconds"):
            endings = visit.run()
    except Exception:  # a fault of ours is no reason to lose a worker
        log.exception("the visit to %s broke off", escape_visible(visit.address))
        broken = Ending("deferred", BROKEN_OFF)
        endings = {one.delivery_id: visit.endings.get(one.delivery_id, broken) for one in visit.jobs}
    for job in visit.jobs:
        ending = endings[job.delivery_id]
        metrics.count_event("mailroom_recalls", ending=ending.kind)
        level = logging.WARNING if ending.kind in ("deferred", "refused") else logging.INFO
        about = {"delivery": format_id(job.delivery_id), "message": job.marker, "mailbox": escape_visible(visit.address)}
        said = about | {"outcome": ending.kind, "why": escape_visible(ending.why)}
        log.log(level, "delivery %(delivery)s of message %(message)s in %(mailbox)s: %(outcome)s. %(why)s", said)
    return endings
