"""From the spool into the record: what the lanes have found out is entered.

Several judges may read one spool: a batch is locked while one reads it. On SQLite only one works at a time, which a
lock file in the spool sees to; the others wait.
"""

import contextlib
import fcntl
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Engine, text
from sqlmodel import Session

from mail_auth.dns.resolver_factory import open_resolver
from mta.processing import abuse_reporter, rspamd_learning, scanners
from mta.processing.abuse_reporter import AbuseReporter
from mta.processing.code_reader import CodeReader
from mta.processing.dnsbl import asked_about_clients
from mta.processing.examine_message import Examiner, Found
from mta.processing.partner_reader import PartnerReader
from mta.processing.recipient_map_writer import RecipientMapWriter
from mta.processing.report_reader import ReportReader
from mta.processing.rspamd_learning import Teacher, choose_controller
from mta.processing.rule_dns_check import Surveyor
from mta.processing.worker_pool import Judged, Lane
from mta.spool.spool import Spool
from triage.config.settings import Settings
from triage.errors import NotYet
from triage.ids import format_id
from triage.intake import receive as intake
from triage.intake.stages import Arrival, with_first_look
from triage.message.authentication import Authentication
from triage.message.fingerprint import Fingerprint
from triage.message.summary import Summary
from triage.quarantine.campaigns import assign as campaigns
from triage.runtime import metrics
from triage.runtime.sandbox_pool import Pool
from triage.runtime.spool_stats import OFTEN
from triage.runtime.wakeup import WakeupPipe
from triage.say import say
from triage.store.db import carry_out, open_engine, transaction
from triage.store.pg_notify import Notifier
from triage.text.sanitize import escape_visible
from triage.times import utcnow

FAST_WORKERS = 32  # most of the time they wait for DNS
FAST_DNS = 5  # seconds, for a message that comes for the first time; what takes longer goes on in the slow lane
SLOW_WORKERS = 32
PARSERS = 2
PARSER_MEMORY = 256 * 1024 * 1024  # bytes
FAST_PARSER, SLOW_PARSER = 2.0, 10.0  # seconds
GROUP = 96  # messages in one transaction at most, while a backlog waits; as a rule those that a worker each has just examined
BREATH = 0.003  # seconds between transactions: the others get their turn at the SQLite file (building.md)
PATIENCE = timedelta(minutes=15)  # with DNS that does not answer
FEWEST_TRIES = 5  # however long a message waited for a judge: its DNS may come up after us
FIRST_DELAY = timedelta(seconds=5)  # each further one is three times as long
LONGEST_DELAY = timedelta(minutes=10)
GLANCE = 0.2  # seconds between looks whether to stop
PAUSE = 1.0  # seconds: to look again without a wake-up, and until a database that is down is tried again
LESSON_PAUSE = 30.0  # seconds between looks for decisions that Rspamd may learn from
MAP_CHECK_EVERY = 0.5  # seconds between looks for a new directory or block made on another machine: their wake-up pipes may not reach us

log = logging.getLogger(__name__)


def run_role(settings: Settings, stop: threading.Event) -> None:
    """Judge what is in the spool until `stop`. What is not entered by then stays in the spool. BadInput as the settings deserve."""
    engine = open_engine(settings.database.url)
    directory = settings.spool.directory
    spool = Spool(directory)
    fast_resolver = open_resolver(replace(settings.dns, timeout=min(FAST_DNS, settings.dns.timeout)))
    slow_resolver = open_resolver(settings.dns)
    judged: queue.SimpleQueue[Judged] = queue.SimpleQueue()
    pipes = [WakeupPipe(directory, name) for name in ("judge", "door", "relay", "change")]
    with contextlib.ExitStack() as closing, wait_for_turn(settings, stop):
        spool.tidy()
        for pipe in pipes:
            closing.callback(pipe.close)
        closing.callback(engine.dispose)
        closing.callback(Notifier(settings, sends=pipes[2:], receives=[pipes[1]]).close)
        fast_pool, slow_pool = bounded_parsers(PARSERS, FAST_PARSER), bounded_parsers(1, SLOW_PARSER)
        closing.callback(fast_pool.close)
        closing.callback(slow_pool.close)
        asked = asked_about_clients(settings), scanners.choose_scanners(settings)
        readers = closing.enter_context(CodeReader()), closing.enter_context(ReportReader(settings.dmarc_addresses))
        partners = (
            closing.enter_context(PartnerReader(settings.partner_addresses, settings.report_partners)) if settings.report_partners else None
        )
        edges = (settings.smtp.trusted_authserv_ids, settings.smtp.edge_token)
        fast = Lane(spool, Examiner(fast_resolver, fast_pool, *asked, *readers, *edges, partners=partners), judged, workers=FAST_WORKERS)
        slow = Lane(spool, Examiner(slow_resolver, slow_pool, *asked, *readers, *edges, partners=partners), judged, workers=SLOW_WORKERS)
        surveyor = Surveyor(engine, slow_resolver)
        controller = choose_controller(settings)
        rounds = [
            repeat_in_thread(stop, "reading the spool", lambda: fast.feed(spool.batches()), pipes[0].wait),
            repeat_in_thread(stop, "reading the retry spool", lambda: slow.feed(spool.due(utcnow())), stop.wait),
            repeat_in_thread(
                stop, "writing the recipient map", RecipientMapWriter(settings, engine).write_if_due, pipes[1].wait, MAP_CHECK_EVERY
            ),
            repeat_in_thread(stop, "asking what senders publish", lambda: survey_rules(surveyor, pipes[3]), stop.wait),
        ]
        if settings.notices.abuse_reports_to:
            reporter = AbuseReporter(engine, settings, pipes[2])
            rounds.append(repeat_in_thread(stop, "reporting abuse", reporter.report_due, stop.wait, LESSON_PAUSE))
        else:
            abuse_reporter.end_reports(engine)
        if controller:
            teach = Teacher(engine, controller).teach_due
            rounds.append(repeat_in_thread(stop, "telling Rspamd what staff decided", teach, stop.wait, LESSON_PAUSE))
        else:
            rspamd_learning.end_lessons(engine)
        Writer(engine, spool, settings, pipes[2:]).write(judged, stop)
        fast.close()
        slow.close()
        pipes[0].wake()
        pipes[1].wake()
        for thread in rounds:
            thread.join()
        fast.unlock_batches()
        slow.unlock_batches()


def survey_rules(surveyor: Surveyor, change: WakeupPipe) -> None:
    """Tell browsers when a new rule turns out not to work."""
    if surveyor.check_new():
        change.wake()


def bounded_parsers(size: int, seconds: float) -> Pool:
    """The bounded parser."""
    return Pool("triage.message.summary:summarise_json", size=size, memory_bytes=PARSER_MEMORY, seconds=seconds)


def repeat_in_thread(
    stop: threading.Event, what: str, task: Callable[[], None], pause: Callable[[float], bool], seconds: float = PAUSE
) -> threading.Thread:
    """Repeats a function in a thread of its own, with pauses of at most `seconds`; a fault is logged, and it is tried again."""

    def go_on() -> None:
        while not stop.is_set():
            try:
                task()
                pause(seconds)
            except Exception as fault:
                log.error("%s failed and is tried again: %s", what, describe_exception(fault))
                stop.wait(PAUSE)

    thread = threading.Thread(target=go_on, name=what, daemon=True)
    thread.start()
    return thread


@contextlib.contextmanager
def wait_for_turn(settings: Settings, stop: threading.Event) -> Iterator[None]:
    """Waits, on SQLite, until no other judge works on this spool."""
    if not settings.database.url.startswith("sqlite:"):
        yield
        return
    with (settings.spool.directory / "judge.lock").open("w") as file:
        while not take_lock(file.fileno()) and not stop.is_set():
            stop.wait(PAUSE)
        yield


def take_lock(descriptor: int) -> bool:
    """Take the lock; False when somebody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# the record


class Writer:
    """The one that enters messages: up to GROUP in a transaction, and one by one where the database will not have them together."""

    def __init__(self, engine: Engine, spool: Spool, settings: Settings, pipes: list[WakeupPipe]) -> None:
        self.engine, self.spool, self.settings, self.pipes = engine, spool, settings, pipes
        self.shares_database = engine.dialect.name == "postgresql"  # with other judges

    def write(self, judged: "queue.SimpleQueue[Judged]", stop: threading.Event) -> None:
        """Settle what the lanes hand over, until `stop`."""
        stuck: list[Judged] = []  # neither record nor retry spool took them
        while not stop.is_set():
            group = gather_group(judged)
            stuck = self.settle(stuck + group, stop) if stuck or group else []
            if stuck:
                stop.wait(PAUSE)
            elif group:
                time.sleep(BREATH)

    def settle(self, messages: list[Judged], stop: threading.Event) -> list[Judged]:
        """Enter the messages or put them off; those that neither could be done with."""
        now = utcnow()
        later = [(message, why) for message in messages if (why := self.why_later(message))]
        ready = [message for message in messages if not self.why_later(message)]
        failed = self.enter(ready, stop) if ready else []
        left = [(message, why) for message, why in later + failed if not self.enter_unread(message, why, stop)]
        return [message for message, why in left if not stop.is_set() and not self.defer_message(message, why, now)]

    def why_later(self, message: Judged) -> str:
        """Returns why the message is not ready to be entered, "" when it is."""
        if message.fault:
            return message.fault
        if message.found.overran and not message.attempt:
            return "the parser gave up; the slow one has more time"
        return ""

    def enter(self, messages: list[Judged], stop: threading.Event) -> list[tuple[Judged, str]]:
        """Enter messages; those that could not be, and why."""
        try:
            return self.enter_together(messages)
        except Exception as fault:
            log.warning("a transaction failed, its %d messages are entered one by one: %s", len(messages), describe_exception(fault))
        return [(message, why) for message in messages if (why := self.enter_alone(message, stop))]

    def enter_unread(self, message: Judged, why: str, stop: threading.Event) -> bool:
        """Enters a message that we failed over often enough as unreadable, for people to look at; returns whether that was possible."""
        if message.attempt + 1 < OFTEN or may_wait(message, utcnow()):
            return False
        unread = Found(Authentication(""), Summary(problems=(say("Mailroom failed to process it: {why}", why=why),)))
        self.forget_campaign(message)  # before: whoever is stopped in between tries again
        if self.enter_alone(replace(message, found=unread, fault=""), stop) or stop.is_set():
            return False
        number = format_id(message.envelope.spool_id)
        metrics.count_event("mailroom_entered_unread")
        log.error("%(message)s is entered unread, since we failed over it again and again: %(why)s", {"message": number, "why": why})
        return True

    def forget_campaign(self, message: Judged) -> None:
        """Forget the campaign that a message began and will not be in, since it is entered without its words."""
        if not self.shares_database:
            return
        try:
            if fingerprint := Fingerprint.from_text(message.found.summary.fingerprint):
                carry_out(self.engine, lambda session: campaigns.forget_begun(session, fingerprint))
        except Exception as fault:
            log.warning("what an unread message began a campaign with is not forgotten: %s", describe_exception(fault))

    def enter_together(self, messages: list[Judged]) -> list[tuple[Judged, str]]:
        """Enter them in one transaction; those that could not be, and why. Raises when none could."""
        outcomes = self.receive(messages)
        self.entered([message for message, fault in zip(messages, outcomes, strict=True) if fault is None])
        return [(message, describe_failure(fault)) for message, fault in zip(messages, outcomes, strict=True) if fault is not None]

    def enter_alone(self, message: Judged, stop: threading.Event) -> str:
        """Enter one message, waiting for a database that is down; why it could not be, "" when it was or `stop` came."""
        while not stop.is_set():
            try:
                (fault,) = self.receive([message])
            except Exception as refused:
                if self.database_answers():
                    return describe_failure(refused)
                log.warning("the database does not answer, what was accepted waits in the spool: %s", describe_exception(refused))
                stop.wait(PAUSE)
            else:
                self.entered([message] if fault is None else [])
                return describe_failure(fault) if fault else ""
        return ""

    def receive(self, messages: list[Judged]) -> list[Exception | None]:
        """Enter messages in one transaction: of each why it was not entered, None when it was. Raises when none could."""
        return carry_out(self.engine, self.work(messages))

    def work(self, messages: list[Judged]) -> Callable[[Session], list[Exception | None]]:
        """The house's verb for these messages, with all done beforehand that needs no database: who writes keeps others waiting."""
        arrivals = [build_arrival(message, self.settings, utcnow()) for message in messages]
        presorted = self.sort(arrivals) if self.shares_database else None

        def take(session: Session) -> list[Exception | None]:
            entered = intake.receive_all(session, arrivals, settings=self.settings, now=utcnow(), presorted=presorted)
            return [one if isinstance(one, Exception) else None for one in entered]

        return take

    def sort(self, arrivals: list[Arrival]) -> intake.SortedArrivals:
        """Put messages into campaigns, in a short transaction of its own: other judges that begin one wait until it is committed."""
        return carry_out(self.engine, lambda session: intake.sort_arrivals(session, arrivals, settings=self.settings, now=utcnow()))

    def entered(self, messages: list[Judged]) -> None:
        """Removes the batches of committed messages, and wakes other roles."""
        for message in messages:
            message.settled()
            metrics.count_event("mailroom_judged")
            metrics.observe_seconds("mailroom_judging_seconds", (utcnow() - message.envelope.received_at).total_seconds())
            log.info("entered %(message)s", {"message": format_id(message.envelope.spool_id)})
        if messages:
            for pipe in self.pipes:
                pipe.wake()

    def database_answers(self) -> bool:
        """Whether the database answers, so that the message is at fault."""
        try:
            with transaction(self.engine) as session:
                session.execute(text("SELECT 1"))
        except Exception:
            return False
        return True

    def defer_message(self, message: Judged, why: str, now: datetime) -> bool:
        """Keep the message in the retry spool for later; False when even that cannot be done."""
        not_before = retry_at(message, now)
        number = format_id(message.envelope.spool_id)
        try:
            self.spool.defer_message(message.envelope, message.raw, not_before=not_before, attempt=min(message.attempt + 1, 999), why=why)
        except OSError as fault:
            log.error("%(message)s cannot be deferred, it stays in its batch: %(why)s", {"message": number, "why": str(fault)})
            return False
        message.settled()
        metrics.count_event("mailroom_deferred")
        log.warning("%(message)s is judged again at %(at)s: %(why)s", {"message": number, "at": f"{not_before:%H:%M:%S}", "why": why})
        return True


def build_arrival(message: Judged, settings: Settings, now: datetime) -> Arrival:
    """The message as the house takes it in, looked at already; a fault in that is met again where it takes no other message with it."""
    found = message.found
    patient = may_wait(message, now)
    said = found.authentication, found.summary, found.listed, found.scan
    one = Arrival(message.envelope, message.raw, *said, patient, report=found.report, pointed=found.pointed)
    try:
        return with_first_look(one, settings=settings, now=now)
    except Exception:
        return one


def gather_group(judged: "queue.SimpleQueue[Judged]") -> list[Judged]:
    """Gathers ready messages, up to GROUP; waits a while for the first one."""
    group: list[Judged] = []
    with contextlib.suppress(queue.Empty):
        group.append(judged.get(timeout=GLANCE))
        while len(group) < GROUP:
            group.append(judged.get_nowait())
    return group


def may_wait(message: Judged, now: datetime) -> bool:
    """Whether there is time to judge it again.

    What a clock that was ahead took in a far future gets only the tries that everything gets.
    """
    return abs(now - message.envelope.received_at) < PATIENCE or message.attempt + 1 < FEWEST_TRIES


def retry_at(message: Judged, now: datetime) -> datetime:
    """Returns when a message is judged again: later each time, and once at the end of PATIENCE, when DNS has its last chance."""
    again: datetime = now + min(FIRST_DELAY * 3 ** min(message.attempt, 10), LONGEST_DELAY)
    last = message.envelope.received_at + PATIENCE
    return min(again, last) if now < last else again


def describe_failure(fault: Exception) -> str:
    """Describes why a message is not entered."""
    return str(fault) if isinstance(fault, NotYet) else describe_exception(fault)


def describe_exception(fault: BaseException) -> str:
    """A fault in one harmless line."""
    return escape_visible(f"{type(fault).__name__}: {fault}")[:500]
