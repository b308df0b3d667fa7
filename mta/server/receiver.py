"""A receiving process: accepts connections, keeps time, writes accepted mail into the spool, stops gracefully.

It opens no connection, reads no message that is in, and knows no secret but its TLS key.
"""

import asyncio
import contextlib
import functools
import logging
import socket
import threading
from collections.abc import Callable
from types import ModuleType

from mta.peer.client_limits import Clients, Memory
from mta.peer.shared_counters import Tally
from mta.peer.trusted_edges import Edges
from mta.server.loop_calls import Later
from mta.server.sockets import BACKLOG, Listeners, open_listeners
from mta.server.tls_context import Certificate
from mta.server.worker_control import Orders
from mta.session import replies
from mta.session.server_context import ServerContext
from mta.session.smtp_session import Session
from mta.session.submitters import Submitters
from mta.spool.recipient_map_file import SnapshotFile
from mta.spool.spool import Spool
from triage.config.settings import Settings, Smtp
from triage.runtime.wakeup import WakeupPipe

MESSAGE_MEMORY = 512 * 1024 * 1024  # bytes of messages that are coming in, all sessions of all workers together
LOOK_EVERY = 0.5  # seconds between looks at the sessions' time
GRACE = 15.0  # seconds that a session has to finish its message when we stop
LAST_WORD = 0.1  # seconds for the last replies to leave

log = logging.getLogger(__name__)


def run_role(
    settings: Settings,
    ready: Callable[[], None] | None = None,
    stop: threading.Event | None = None,
    *,
    own: Listeners | None = None,
    tally: Tally | None = None,
    lifeline: int | None = None,
) -> None:
    """Receive mail in this process until it is ordered to stop; what is under way is finished before it returns.

    `ready` is called when connections are accepted. `own` are listening sockets; without them systemd's are used, or
    smtp.listen is bound. `tally` is shared with other workers. BadInput when port, spool or certificate cannot be used.
    """
    certificate = Certificate(settings.smtp, "receive")
    edges = Edges(settings.smtp.trusted_edges, settings.smtp.edge_protocol)
    directory = settings.spool.directory
    spool = Spool(directory)
    with contextlib.closing(WakeupPipe(directory, "judge")) as pipe:
        spool.after_batch = pipe.wake
        own = own or open_listeners(settings.smtp)
        serve_sessions(settings, certificate, spool, own, stop, ready, edges=edges, tally=tally, lifeline=lifeline)


def serve_sessions(
    settings: Settings,
    certificate: Certificate,
    spool: Spool,
    own: Listeners,
    stop: threading.Event | None,
    ready: Callable[[], None] | None,
    *,
    edges: Edges | None = None,
    submitters: Submitters | None = None,
    tally: Tally | None = None,
    lifeline: int | None = None,
) -> None:
    """Accept connections on these sockets until it is ordered to stop, and put what is accepted into the spool."""
    spool.start()
    with contextlib.closing(own), asyncio.Runner(loop_factory=loop_factory()) as runner:
        loop = runner.get_loop()
        server = ServerContext(
            settings=settings,
            spool=spool,
            snapshot=SnapshotFile(settings.spool.directory),
            clients=Clients(settings.smtp, tally),
            memory=memory_budget(settings.smtp),
            clock=loop.time,
            later=Later(loop),
            edges=edges or Edges(),
            submitters=submitters,
            tls=certificate.context,
        )
        runner.run(serve_connections(server, own, lambda: Orders(loop, stop, lifeline), ready))
        spool.close()
    log.info("stopped")


def memory_budget(limits: Smtp) -> Memory:
    """Returns one worker's memory budget for incoming messages. No client gets more than a quarter, or one message with its dots."""
    most = max(MESSAGE_MEMORY // limits.workers, 2 * limits.max_size)
    return Memory(most, max(most // 4, limits.max_size * 3 // 2))


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


async def serve_connections(server: ServerContext, own: Listeners, listen: Callable[[], Orders], ready: Callable[[], None] | None) -> None:
    """Accept connections until ordered otherwise, then let the sessions finish."""
    loop = asyncio.get_running_loop()
    orders = listen()
    asyncio_servers = [
        await open_server(loop, functools.partial(Session, server, loop, lmtp=lmtp), one)
        for lmtp, bound in ((False, own.smtp), (True, own.lmtp))
        for one in bound
    ]
    looking = loop.create_task(close_slow_sessions(server))
    log.info("listening on %s", str(own))
    if ready:
        ready()
    await orders.any.wait()
    for one in asyncio_servers:
        one.close()
    own.close()
    if not orders.stop.is_set():
        await finish_sessions(server, orders)
    await close_connections(server)
    looking.cancel()


async def open_server(loop: asyncio.AbstractEventLoop, session: Callable[[], Session], listener: socket.socket) -> asyncio.Server:
    """Accept what comes to a socket."""
    if listener.family == socket.AF_UNIX:
        return await loop.create_unix_server(session, sock=listener, backlog=BACKLOG)
    return await loop.create_server(session, sock=listener, backlog=BACKLOG)


async def close_slow_sessions(server: ServerContext) -> None:
    """Send away who takes too long."""
    while True:
        await asyncio.sleep(LOOK_EVERY)
        now = server.clock()
        for session in list(server.sessions):
            session.enforce_time_limits(now)
        server.write_refused()


async def finish_sessions(server: ServerContext, orders: Orders) -> None:
    """Others have taken over: let the sessions end by themselves, unless everything is to stop meanwhile."""
    waiting = {asyncio.ensure_future(one) for one in (wait_until_empty(server), orders.stop.wait())}
    _, late = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for one in late:
        one.cancel()


async def close_connections(server: ServerContext) -> None:
    """Send idle clients away and wait for the others."""
    server.write_refused()
    server.stopping = True
    for session in list(server.sessions):
        session.stop()
    if not await wait_until_empty(server, GRACE):
        log.warning("%d sessions did not finish within %d s and are cut", len(server.sessions), GRACE)
        for session in list(server.sessions):
            session.hang_up(replies.SHUTTING_DOWN)
        await wait_until_empty(server, LAST_WORD)
        for session in list(server.sessions):
            session.cut()
        await wait_until_empty(server, LAST_WORD)


async def wait_until_empty(server: ServerContext, seconds: float | None = None) -> bool:
    """Waits until no connection is left, at most so long; returns whether they are all gone."""
    server.emptied.clear()
    if server.sessions:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.emptied.wait(), seconds)
    return not server.sessions
