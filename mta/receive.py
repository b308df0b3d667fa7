"""A receiving process: accepts connections, keeps time, writes accepted mail into the spool, stops gracefully.

It opens no connection, reads no mail that is in, and knows no secret but its TLS key.
"""

import asyncio
import contextlib
import functools
import logging
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable
from types import ModuleType

from mta import replies
from mta.certificate import Certificate
from mta.connection import Connection
from mta.door import Door
from mta.edges import Edges
from mta.limits import Clients, Memory
from mta.snapshot import SnapshotFile
from mta.sockets import BACKLOG, Listeners, listeners
from mta.spool import Spool
from triage.bell import Bell
from triage.settings import Settings

MESSAGE_MEMORY = 512 * 1024 * 1024  # bytes of messages that are coming in, all sessions together
LOOK_EVERY = 0.5  # seconds between looks at the sessions' time
GRACE = 15.0  # seconds that a session has to finish its message when we stop
LAST_WORD = 0.1  # seconds for the last replies to leave

log = logging.getLogger(__name__)


def run(
    settings: Settings,
    ready: Callable[[], None] | None = None,
    stop: threading.Event | None = None,
    *,
    own: Listeners | None = None,
) -> None:
    """Receive mail until SIGTERM, SIGINT or `stop`; what is under way is finished before it returns.

    `ready` is called when connections are accepted. `own` are listening sockets; without them systemd's are used, or
    smtp.listen is bound. BadInput when the port, the spool or the certificate cannot be used.
    """
    certificate = Certificate(settings.smtp)
    edges = Edges(settings.smtp.trusted_edges, settings.smtp.edge_protocol)
    directory = settings.spool.directory
    spool = Spool(directory)
    bell = Bell(directory, "judge")
    spool.after_batch = bell.ring
    own = own or listeners(settings.smtp)
    spool.start()
    with contextlib.closing(own), asyncio.Runner(loop_factory=loop_factory()) as runner:
        loop = runner.get_loop()
        door = Door(
            settings=settings,
            spool=spool,
            snapshot=SnapshotFile(directory),
            clients=Clients(settings.smtp),
            memory=Memory(max(MESSAGE_MEMORY, 2 * settings.smtp.max_size)),
            clock=loop.time,
            later=Later(loop),
            edges=edges,
            tls=certificate.context,
        )
        runner.run(serve(door, own, ready, stop or threading.Event()))
        spool.close()
    bell.close()
    log.info("stopped")


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed: a third more messages a second."""
    uvloop = optional_uvloop()
    return uvloop.new_event_loop if uvloop else None


def optional_uvloop() -> ModuleType | None:
    """The module, where there is one."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop


class Later:
    """What other threads want the loop's thread to do. Asked many times at once, it is woken once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.waiting: deque[Callable[[], None]] = deque()
        self.is_woken = False

    def __call__(self, task: Callable[[], None]) -> None:
        """Have it done soon."""
        self.waiting.append(task)
        if not self.is_woken:
            self.is_woken = True
            self.loop.call_soon_threadsafe(self._do)

    def _do(self) -> None:
        self.is_woken = False  # before the tasks: who comes from here on wakes again
        while self.waiting:
            try:
                self.waiting.popleft()()
            except Exception as fault:  # the others are done all the same
                self.loop.call_exception_handler({"message": "a session could not go on", "exception": fault})


async def serve(door: Door, own: Listeners, ready: Callable[[], None] | None, stop: threading.Event) -> None:
    """Accept connections until told to stop, then let the sessions finish."""
    loop = asyncio.get_running_loop()
    stopped = stop_requested(loop, stop)
    servers = [
        await open_server(loop, functools.partial(Connection, door, loop, lmtp=lmtp), one)
        for lmtp, sockets in ((False, own.smtp), (True, own.lmtp))
        for one in sockets
    ]
    looking = loop.create_task(look_at_times(door))
    log.info("listening on %s", str(own))
    if ready:
        ready()
    await stopped.wait()
    for server in servers:
        server.close()
    own.close()
    await finish(door)
    looking.cancel()


async def open_server(loop: asyncio.AbstractEventLoop, connection: Callable[[], Connection], listener: socket.socket) -> asyncio.Server:
    """Accept what comes to a socket."""
    if listener.family == socket.AF_UNIX:
        return await loop.create_unix_server(connection, sock=listener, backlog=BACKLOG)
    return await loop.create_server(connection, sock=listener, backlog=BACKLOG)


async def look_at_times(door: Door) -> None:
    """Send away who takes too long."""
    while True:
        await asyncio.sleep(LOOK_EVERY)
        now = door.clock()
        for connection in list(door.connections):
            connection.dialogue.look(now)


def stop_requested(loop: asyncio.AbstractEventLoop, stop: threading.Event) -> asyncio.Event:
    """Set by SIGTERM, SIGINT or `stop`."""
    stopped = asyncio.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)

    def wait() -> None:
        stop.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(stopped.set)

    threading.Thread(target=wait, name="stop", daemon=True).start()
    return stopped


async def finish(door: Door) -> None:
    """Send idle clients away and wait for the others."""
    door.stopping = True
    for connection in list(door.connections):
        connection.dialogue.stop()
    if not await everybody_left(door, GRACE):
        log.warning("%d sessions did not finish within %d s and are cut", len(door.connections), GRACE)
        for connection in list(door.connections):
            connection.dialogue.hang_up(replies.SHUTTING_DOWN)
        await everybody_left(door, LAST_WORD)
        for connection in list(door.connections):
            connection.transport.abort()
        await everybody_left(door, LAST_WORD)


async def everybody_left(door: Door, seconds: float) -> bool:
    """Wait until no connection is left, at most so long; are they all gone?"""
    door.emptied.clear()
    if door.connections:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(door.emptied.wait(), seconds)
    return not door.connections
