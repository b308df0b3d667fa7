"""Wakes processes on other machines by LISTEN/NOTIFY of PostgreSQL. On SQLite there is one machine, and no other to wake.

A hint, not a promise: a process that waits for a pipe also polls. A pooler that passes no notifications on, or a connection that is
down, costs a second and no messages.
"""

import contextlib
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from triage.config.settings import Settings
from triage.runtime.wakeup import WakeupPipe
from triage.store.db import open_engine, waits_for_server
from triage.text.sanitize import escape_visible

CHANNEL = "mailroom_bells"
GAP = 0.1  # seconds from one notification to the next, however many wake-ups there are
PAUSE = 1.0  # seconds until a connection that is down is tried again
PATIENCE = 2.0  # seconds that a notification may take
HEARTBEAT = 30.0  # seconds of silence until the connection is tried

if TYPE_CHECKING:  # where the database is SQLite nobody needs it
    import psycopg

    Line = psycopg.Connection[tuple[object, ...]]

log = logging.getLogger(__name__)


class Notifier:
    """Sends wake-ups of this machine to others, and wakes pipes here for those of others; one thread, one connection."""

    def __init__(self, settings: Settings, *, sends: Iterable[WakeupPipe] = (), receives: Iterable[WakeupPipe] = ()) -> None:
        """`sends`: pipes by which this process wakes others. `receives`: those that it waits for."""
        self.settings, self.here = settings, place_of(settings.spool.directory)
        self.receives = {pipe.name: pipe for pipe in receives}
        self.pending: set[str] = set()
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.woken, self.wake = os.pipe()
        os.set_blocking(self.wake, False)
        self.thread: threading.Thread | None = None
        if settings.database.url.startswith("sqlite:"):
            return
        for pipe in sends:
            pipe.far = self.note_wakeup
        self.thread = threading.Thread(target=self.run, name="notifier", daemon=True)
        self.thread.start()

    def note_wakeup(self, name: str) -> None:
        """Notes a wake-up of a pipe here, to be sent to other machines soon. Returns at once."""
        with self.lock:
            self.pending.add(name)
        self.wake_thread()

    def wake_thread(self) -> None:
        """Wakes the thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self.wake, b"!")

    def run(self) -> None:
        """Keeps a connection open until closed."""
        down = False
        while not self.closing.is_set():
            try:
                with contextlib.closing(line_of(self.settings)) as line:
                    if down:
                        log.info("wake-ups between machines work again")
                    down = False
                    self.serve(line)
            except connection_errors() as fault:
                if not down:
                    log.warning("no line to other machines, each looks by itself every second: %s", escape_visible(str(fault))[:500])
                down = True
                self.closing.wait(PAUSE)

    def serve(self, line: "Line") -> None:
        """Receives and sends as long as the connection lasts. It may have missed wake-ups before, so it wakes every pipe once."""
        if self.receives:
            line.execute(f"LISTEN {CHANNEL}")
        for pipe in self.receives.values():
            pipe.wake_here()
        last_notified = 0.0
        while not self.closing.is_set():
            for one in line.notifies(timeout=0):
                self.receive(one.payload)
            if self.pending and time.monotonic() >= last_notified + GAP:
                self.send_pending(line)
                last_notified = time.monotonic()
            else:  # a notification that came while it sent was read with the answer, and would wake nobody
                self.wait_on(line, last_notified + GAP - time.monotonic() if self.pending else HEARTBEAT)

    def wait_on(self, line: "Line", seconds: float) -> None:
        """Waits for a notification, a wake-up here or so many seconds; after a long silence it tries the connection."""
        ready, _, _ = select.select([line.fileno(), self.woken], [], [], max(0.0, seconds))
        if self.woken in ready:
            os.read(self.woken, 65536)
        if not ready and not self.pending:
            line.execute("SELECT 1")

    def send_pending(self, line: "Line") -> None:
        """Sends the wake-ups that are pending."""
        with self.lock:
            names, self.pending = sorted(self.pending), set()
        for name in names:
            line.execute("SELECT pg_notify(%s, %s)", (CHANNEL, f"{name} {self.here}"))

    def receive(self, payload: str) -> None:
        """Wakes the pipe that a notification names, unless this machine sent it."""
        name, _, place = payload.partition(" ")
        if name in self.receives and place != self.here:
            self.receives[name].wake_here()

    def close(self) -> None:
        """Ends the thread and closes the connection."""
        self.closing.set()
        self.wake_thread()
        if self.thread:
            self.thread.join()
        os.close(self.woken)
        os.close(self.wake)


def notify_machines(settings: Settings, names: Iterable[str]) -> None:
    """Sends wake-ups to other machines once. Does nothing when the database does not answer."""
    if settings.database.url.startswith("sqlite:"):
        return
    here = place_of(settings.spool.directory)
    with contextlib.suppress(*connection_errors()), contextlib.closing(line_of(settings)) as line:
        for name in sorted(set(names)):
            line.execute("SELECT pg_notify(%s, %s)", (CHANNEL, f"{name} {here}"))


def check_notifications(settings: Settings) -> bool:
    """Whether a notification comes through. Raises one of `connection_errors` where no connection can be made."""
    name = f"{CHANNEL}_try_{os.getpid()}"
    with contextlib.closing(line_of(settings)) as line:
        line.execute(f"LISTEN {name}")
        with contextlib.closing(line_of(settings)) as other:
            other.execute("SELECT pg_notify(%s, '')", (name,))
        return any(True for _ in line.notifies(timeout=PATIENCE, stop_after=1))


def connection_errors() -> tuple[type[Exception], ...]:
    """Returns the errors of a connection that cannot be made, or breaks."""
    import psycopg

    return (psycopg.Error, SQLAlchemyError, OSError)


def line_of(settings: Settings) -> "Line":
    """A connection of its own, straight to the server."""
    import psycopg

    engine = open_engine(settings.database.listen_url or settings.database.url)
    _, told = engine.dialect.create_connect_args(engine.url)
    return psycopg.connect(**waits_for_server(engine.url), **told, autocommit=True)


def place_of(directory: Path) -> str:
    """Returns an id of this machine and spool, which tells its wake-up pipes from others'."""
    try:
        found = directory.stat()
    except OSError:  # a machine without a spool
        return socket.gethostname()
    return f"{socket.gethostname()}:{found.st_dev}:{found.st_ino}"
