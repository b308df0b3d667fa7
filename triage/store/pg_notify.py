"""Bells that ring on other machines too: PostgreSQL tells them (LISTEN, NOTIFY). On SQLite there is one machine, and nothing to tell.

A hint, not a promise: who waits for a bell looks by itself as well. A pooler that passes no notifications on, or a line that
is down, costs a second and no messages.
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
GAP = 0.1  # seconds from one telling to the next, however often bells ring
PAUSE = 1.0  # seconds until a line that is down is tried again
PATIENCE = 2.0  # seconds that a notification may take
HEARTBEAT = 30.0  # seconds of silence until it is asked whether the line is there

if TYPE_CHECKING:  # where the database is SQLite nobody needs it
    import psycopg

    Line = psycopg.Connection[tuple[object, ...]]

log = logging.getLogger(__name__)


class Telegraph:
    """Tells other machines of the bells that ring here, and rings those here that rang elsewhere; one thread, one connection."""

    def __init__(self, settings: Settings, *, sends: Iterable[WakeupPipe] = (), hears: Iterable[WakeupPipe] = ()) -> None:
        """`sends`: bells that this process rings for others. `hears`: those that it waits for."""
        self.settings, self.here = settings, place_of(settings.spool.directory)
        self.hears = {bell.name: bell for bell in hears}
        self.rung: set[str] = set()
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.woken, self.wake = os.pipe()
        os.set_blocking(self.wake, False)
        self.thread: threading.Thread | None = None
        if settings.database.url.startswith("sqlite:"):
            return
        for bell in sends:
            bell.far = self.send
        self.thread = threading.Thread(target=self.run, name="telegraph", daemon=True)
        self.thread.start()

    def send(self, name: str) -> None:
        """A bell rang here: whoever waits for it elsewhere is told soon. Waits for nobody."""
        with self.lock:
            self.rung.add(name)
        self.rouse()

    def rouse(self) -> None:
        """Let the thread look."""
        with contextlib.suppress(BlockingIOError):
            os.write(self.wake, b"!")

    def run(self) -> None:
        """Keep a line open until closed."""
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
        """Hear and tell as long as the line holds. What rang while there was none is not known, so every bell rings once."""
        if self.hears:
            line.execute(f"LISTEN {CHANNEL}")
        for bell in self.hears.values():
            bell.ring_here()
        last_notified = 0.0
        while not self.closing.is_set():
            for one in line.notifies(timeout=0):
                self.heard(one.payload)
            if self.rung and time.monotonic() >= last_notified + GAP:
                self.tell(line)
                last_notified = time.monotonic()
            else:  # what came while it told has been read with the answer, and would wake nobody
                self.wait_on(line, last_notified + GAP - time.monotonic() if self.rung else HEARTBEAT)

    def wait_on(self, line: "Line", seconds: float) -> None:
        """Until something is heard, a bell rings or so much time is over; after a long silence the line is tried."""
        ready, _, _ = select.select([line.fileno(), self.woken], [], [], max(0.0, seconds))
        if self.woken in ready:
            os.read(self.woken, 65536)
        if not ready and not self.rung:
            line.execute("SELECT 1")

    def tell(self, line: "Line") -> None:
        """Tell what rang."""
        with self.lock:
            names, self.rung = sorted(self.rung), set()
        for name in names:
            line.execute("SELECT pg_notify(%s, %s)", (CHANNEL, f"{name} {self.here}"))

    def heard(self, payload: str) -> None:
        """A bell rang somewhere; of this machine we know by its pipe."""
        name, _, place = payload.partition(" ")
        if name in self.hears and place != self.here:
            self.hears[name].ring_here()

    def close(self) -> None:
        """Tell nothing more."""
        self.closing.set()
        self.rouse()
        if self.thread:
            self.thread.join()
        os.close(self.woken)
        os.close(self.wake)


def notify_others(settings: Settings, names: Iterable[str]) -> None:
    """Tell other machines of bells that have been rung here, once; a database that is away is told nothing."""
    if settings.database.url.startswith("sqlite:"):
        return
    here = place_of(settings.spool.directory)
    with contextlib.suppress(*connection_errors()), contextlib.closing(line_of(settings)) as line:
        for name in sorted(set(names)):
            line.execute("SELECT pg_notify(%s, %s)", (CHANNEL, f"{name} {here}"))


def check_reach(settings: Settings) -> bool:
    """Whether a notification comes through, on the way that bells take. One of `connection_errors` where there is no way at all."""
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
