"""The receiving daemon: listens, keeps the limits, writes accepted mail into the spool, stops gracefully.

It opens no connection, reads no mail that is in, and knows no secret but its TLS key.
"""

import asyncio
import contextlib
import errno
import functools
import logging
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from mta import replies
from mta.dialogue import Dialogue, Door
from mta.limits import Clients, Memory
from mta.snapshot import SnapshotFile
from mta.spool import Spool
from triage.bell import Bell
from triage.errors import BadInput
from triage.settings import Settings, Smtp, host_port

BACKLOG = 1024
MESSAGE_MEMORY = 512 * 1024 * 1024  # bytes of messages that are coming in, all sessions together
GRACE = 15.0  # seconds that a session has to finish its message when we stop
LAST_WORD = 0.1  # seconds for the last replies to leave
CERTIFICATE_CHECK = 1.0  # seconds between looks for a new certificate
ACTIVATED = 3  # the first socket that systemd hands over (sd_listen_fds(3))

log = logging.getLogger(__name__)


def run(
    settings: Settings,
    ready: Callable[[], None] | None = None,
    stop: threading.Event | None = None,
    *,
    listener: socket.socket | None = None,
) -> None:
    """Receive mail until SIGTERM, SIGINT or `stop`; what is under way is finished before it returns.

    `ready` is called when connections are accepted. `listener` is a listening socket; without one, systemd's is
    used, or smtp.listen is bound. BadInput when the port, the spool or the certificate cannot be used.
    """
    certificate = Certificate(settings.smtp)
    directory = settings.spool.directory
    spool = Spool(directory)
    bell = Bell(directory, "judge")
    spool.after_batch = bell.ring
    door = Door(
        settings=settings,
        spool=spool,
        snapshot=SnapshotFile(directory),
        clients=Clients(settings.smtp),
        memory=Memory(max(MESSAGE_MEMORY, 2 * settings.smtp.max_size)),
        tls=certificate.context,
    )
    own = listener or activated() or bound(settings.smtp.listen)
    spool.start()
    with own, asyncio.Runner(loop_factory=loop_factory()) as runner:
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


async def serve(door: Door, listener: socket.socket, ready: Callable[[], None] | None, stop: threading.Event) -> None:
    """Accept connections until told to stop, then let the sessions finish."""
    loop = asyncio.get_running_loop()
    stopped = stop_requested(loop, stop)
    server = await loop.create_server(functools.partial(Dialogue, door, loop), sock=listener, backlog=BACKLOG)
    log.info("listening on %s", socket_name(listener))
    if ready:
        ready()
    await stopped.wait()
    server.close()
    await finish(door)


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
    for session in list(door.sessions):
        session.stop()
    conversations = [session.conversation() for session in door.sessions]
    if conversations:
        _, late = await asyncio.wait(conversations, timeout=GRACE)
        if late:
            log.warning("%d sessions did not finish within %d s and are cut", len(late), GRACE)
        for session in list(door.sessions):
            session.hang_up(replies.SHUTTING_DOWN)
        await asyncio.sleep(LAST_WORD)


def bound(listen: str) -> socket.socket:
    """A socket listening on smtp.listen; BadInput says what is in the way."""
    host, port = host_port(listen, "smtp.listen")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as fault:
        raise BadInput(listen_fault(listen, fault)) from fault


def listen_fault(listen: str, fault: OSError) -> str:
    """What to do when the address cannot be used."""
    if isinstance(fault, socket.gaierror):
        return f"smtp.listen names {listen}, which is no address of this machine; change smtp.listen"
    if isinstance(fault, PermissionError):
        return f"{listen} needs more rights; use a port above 1023, or start mailroom by its systemd socket"
    if fault.errno == errno.EADDRINUSE:
        return f"{listen} is in use; stop the other program or change smtp.listen"
    return f"{listen} cannot be listened on: {fault.strerror}; change smtp.listen"


def activated() -> socket.socket | None:
    """The listening socket that systemd opened for us, if it did."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS", "0") == "0":
        return None
    return socket.socket(fileno=ACTIVATED)


def socket_name(listener: socket.socket) -> str:
    """HOST:PORT."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Certificate:
    """The TLS context of smtp.tls_cert and smtp.tls_key, made again when the files change."""

    def __init__(self, limits: Smtp) -> None:
        """BadInput when the files cannot be used."""
        self.files = (limits.tls_cert, limits.tls_key)
        self._context: ssl.SSLContext | None = None
        self._seen: tuple[int, ...] = ()
        self._check_at = 0.0
        if any(self.files):
            self._load()

    def context(self) -> ssl.SSLContext | None:
        """The present context; None without a certificate. New files that cannot be used leave the old ones in force."""
        now = time.monotonic()
        if self._context and now >= self._check_at:
            self._check_at = now + CERTIFICATE_CHECK
            try:
                if self._stamps() != self._seen:
                    self._load()
            except (BadInput, OSError) as fault:
                log.error("the new certificate is not used: %s", fault)
        return self._context

    def _stamps(self) -> tuple[int, ...]:
        return tuple(Path(file).stat().st_mtime_ns for file in self.files)

    def _load(self) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            stamps = self._stamps()
            context.load_cert_chain(*self.files)
        except OSError as fault:  # SSLError is one
            reason = fault.strerror or str(fault)
            raise BadInput(f"smtp.tls_cert {self.files[0]} and smtp.tls_key {self.files[1]} cannot be used: {reason}") from fault
        self._context, self._seen = context, stamps
