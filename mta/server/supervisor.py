"""Several receiving processes on the same sockets, and the one that watches over them: it starts, replaces and stops them.

It reads no messages and answers nobody. Workers are forked, so that they share sockets, limits and all that is loaded.
"""

import gc
import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace

from mta.peer.shared_counters import ROWS, Tally
from mta.peer.trusted_edges import Edges
from mta.server import receiver
from mta.server.sockets import Listeners, open_listeners
from mta.server.tls_context import Certificate
from mta.server.worker import Worker
from mta.server.worker_control import RETIRE_SIGNAL, SIGNALS, STOP_SIGNALS
from mta.spool.spool import Spool
from triage.config.settings import Settings, Smtp
from triage.errors import BadInput
from triage.runtime import metrics
from triage.runtime.systemd import notify_ready

LOOK_EVERY = 0.5  # seconds between looks at who is to be replaced after a pause
START_SECONDS = 30.0  # until a worker must accept connections
SHORT_LIFE = 1.0  # seconds; who ends sooner is replaced after a pause as long
GRACE = receiver.GRACE + 5.0  # seconds until a worker that was told to stop is killed
MOST_WORKERS = ROWS // 4  # at least three renewals may be under way

RELOAD_SIGNAL = signal.SIGHUP
WATCHED = SIGNALS | {signal.SIGCHLD}

log = logging.getLogger(__name__)


def supervise_workers(read: Callable[[], Settings]) -> None:
    """Keep smtp.workers processes receiving until SIGTERM or SIGINT.

    SIGHUP: read the settings again and let new workers take over. BadInput when it cannot begin like this.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)  # they are waited for; workers begin with them blocked
    settings = check_settings(read())
    crew = Crew(settings, open_listeners(settings.smtp))
    gc.freeze()  # what is loaded now stays: workers share it and need not look through it again and again
    try:
        if not crew.fill() and crew.has_given_up():
            raise BadInput("the receiving processes did not start; the log above says why")
        notify_ready()
        while (told := number_of(signal.sigtimedwait(WATCHED, LOOK_EVERY))) not in STOP_SIGNALS:
            if told == RELOAD_SIGNAL:
                renew_settings(crew, read)
            crew.replace_ended()
    finally:
        crew.stop_workers()


def number_of(told: signal.struct_siginfo | None) -> int:
    """Returns the number of a signal, 0 for none."""
    return told.si_signo if told else 0


def renew_settings(crew: "Crew", read: Callable[[], Settings]) -> None:
    """Take new settings over where they can be used; sockets and spool stay until the next start."""
    before = crew.settings
    try:
        wanted = read()
        settings = check_settings(replace(wanted, spool=before.spool))  # its judge still reads the one of before
    except BadInput as fault:
        log.error("the settings of before stay in force: %s", fault)
        return
    if fixed_settings(wanted) != fixed_settings(before):
        log.warning("smtp.listen, smtp.lmtp_listen and spool.directory change at the next start only")
    if crew.renew(settings):
        log.info("new workers have taken over; sessions of before are finished by the old ones")


def fixed_settings(settings: Settings) -> tuple[object, ...]:
    """Returns the settings that cannot change until the next start."""
    return settings.smtp.listen, settings.smtp.lmtp_listen, settings.spool


def check_settings(settings: Settings) -> Settings:
    """The settings, if workers can begin with them; otherwise BadInput."""
    check_number(settings.smtp)
    Certificate(settings.smtp, "receive")
    Edges(settings.smtp.trusted_edges, settings.smtp.edge_protocol)
    Spool(settings.spool.directory)
    return settings


def check_number(smtp: Smtp) -> None:
    """BadInput when there cannot be so many."""
    if not 1 <= smtp.workers <= MOST_WORKERS:
        raise BadInput(f"smtp.workers must be from 1 to {MOST_WORKERS}, not {smtp.workers}")


class Crew:
    """The workers of one set of listening sockets."""

    def __init__(self, settings: Settings, own: Listeners) -> None:
        self.settings, self.own = settings, own
        self.tally = Tally()
        self.serving: list[Worker] = []
        self.retired: list[Worker] = []
        self.lifeline, self.hold = os.pipe()  # a worker that sees it end has lost its supervisor
        self.again_at = 0.0

    def hire(self) -> Worker:
        """Start a worker."""
        taken = {worker.row for worker in (*self.serving, *self.retired)}
        row = next(row for row in range(ROWS) if row not in taken)
        self.tally.open_row(row)
        worker = Worker.fork(row, lambda ready: self.work(row, ready))
        self.serving.append(worker)
        return worker

    def work(self, row: int, ready: Callable[[], None]) -> int:
        """A worker's life."""
        os.close(self.hold)
        name = f"receive-{row}"
        try:
            self.tally.take_row(row)
            metrics.begin_metrics(self.settings.spool.directory, name)
            receiver.run_role(self.settings, ready, own=self.own, tally=self.tally, lifeline=self.lifeline)
        except BadInput as fault:
            log.error("%s", fault)
            return 1
        except BaseException:
            log.exception("a worker has failed")
            return 1
        finally:
            metrics.end_metrics(self.settings.spool.directory, name)
        return 0

    def fill(self) -> bool:
        """Starts as many workers as are missing; returns whether they all accept connections."""
        fresh = [self.hire() for _ in range(self.settings.smtp.workers - len(self.serving))]
        deadline = time.monotonic() + START_SECONDS
        return all(worker.is_ready(deadline) for worker in fresh)

    def has_given_up(self) -> bool:
        """Whether every worker has ended by itself. Who was killed is replaced."""
        return all(worker.has_ended() and (worker.code or 0) > 0 for worker in self.serving)

    def replace_ended(self) -> None:
        """Replace who has ended."""
        for worker in [one for one in (*self.serving, *self.retired) if one.has_ended()]:
            self.tally.clear(worker.row)  # its clients are gone with it
            if worker in self.retired:
                self.retired.remove(worker)
                continue
            self.serving.remove(worker)
            log.error("a worker has ended with code %s and is replaced", worker.code)
            if time.monotonic() - worker.started < SHORT_LIFE:
                self.again_at = time.monotonic() + SHORT_LIFE
        if len(self.serving) < self.settings.smtp.workers and time.monotonic() >= self.again_at:
            self.fill()

    def renew(self, settings: Settings) -> bool:
        """Let new workers with these settings take over, while those of before finish their sessions. False: nothing has changed."""
        if len(self.serving) + len(self.retired) + settings.smtp.workers > ROWS:
            log.error("workers of three renewals before still finish their sessions; reload again later")
            return False
        before, last = self.serving, self.settings
        self.serving, self.retired, self.settings = [], self.retired + before, settings
        if self.fill():
            for worker in before:
                worker.signal_process(RETIRE_SIGNAL)
            return True
        log.error("workers with the new settings did not start, those of before go on")
        self.stop(self.serving)
        self.serving, self.settings = before, last
        self.retired = [worker for worker in self.retired if worker not in before]
        return False

    def stop(self, workers: list[Worker]) -> None:
        """Let these finish what is under way; end those that do not."""
        for worker in workers:
            worker.signal_process(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for worker in workers:
            if not worker.end(deadline):
                log.error("worker %d did not stop and was killed", worker.pid)
            self.tally.clear(worker.row)

    def stop_workers(self) -> None:
        """Stops all workers; the addresses are free for a successor at once."""
        self.own.close()
        self.stop([*self.serving, *self.retired])
        os.close(self.lifeline)
        os.close(self.hold)
