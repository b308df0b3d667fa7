"""The unix socket at which commands of this machine ask the running API, so that they need no database of their own.

The kernel says who asks (SO_PEERCRED), before a byte is read: root, and the user that the API runs as. Both may open the database anyway
and be whom they say; here they get what `mailroom` gives them without an API, and nothing that belongs to people in a browser.
A command with another version or other settings is sent away, and works on the database itself.
"""

import asyncio
import errno
import logging
import os
import pwd
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message

from triage.actor import Actor
from triage.config.settings import Settings
from triage.config.settings_loader import digest_of
from triage.errors import Refused
from triage_api.http.local_caller import KEY, Caller
from triage_api.http.token_scopes import API, is_peoples, path_resource
from triage_api.local_socket import socket_frames as wire

Ready = Callable[[Engine], object]  # Refused when commands would refuse this database

COMMANDS = 16  # at once; others work on the database themselves
BACKLOG = 64
PATIENCE = 5.0  # seconds in which a command has said hello
GRACE = 5.0  # seconds that a request under way has when we stop
LISTENS = frozenset({"events"})  # resources that never come to an end
NAMES = 255  # characters of a login, or of where somebody comes from
OVERFLOW = Path("/proc/sys/kernel/overflowuid")  # the user whom the kernel names where it may not name the true one

log = logging.getLogger(__name__)


class ShellSocket:
    """Answers commands as long as the app runs."""

    def __init__(self, settings: Settings, ready: Ready) -> None:
        """Opens the local socket. If that fails, the log says why, and commands use the database directly."""
        self.settings, self.ready = settings, ready
        self.hello = {"version": version("mailroom"), "settings": digest_of(settings)}
        self.admitted = admitted_users()
        self.commands: set[asyncio.Task[None]] = set()
        self.resting: set[asyncio.Task[None]] = set()  # of these, those that wait for their next request
        self.listener = open_socket(settings.spool.directory / wire.DIRECTORY) if self.admitted else None

    @asynccontextmanager
    async def answering(self, app: ASGIApp, engine: Engine) -> AsyncIterator[None]:
        """Answer commands meanwhile; those under way are finished."""
        if self.listener is None:
            yield
            return
        accepting = asyncio.create_task(self.accept(self.listener, app, engine))
        try:
            yield
        finally:
            accepting.cancel()
            self.listener.close()
            for task in self.resting:
                task.cancel()
            if self.commands:
                _, late = await asyncio.wait(self.commands, timeout=GRACE)
                for task in late:
                    task.cancel()

    async def accept(self, listener: socket.socket, app: ASGIApp, engine: Engine) -> None:
        """Take commands in, one after the other."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, _ = await loop.sock_accept(listener)
            except OSError as fault:
                log.warning("no command can be answered: %s", fault.strerror)
                await asyncio.sleep(1)
                continue
            if why := self.refusal(wire.uid_of(peer)):
                send_away(peer, why)
                continue
            task = asyncio.create_task(self.serve(peer, app, engine))
            self.commands.add(task)
            task.add_done_callback(self.commands.discard)

    def refusal(self, uid: int) -> str:
        """Returns the reason why a user of this machine gets no answer; "" when they get one."""
        if uid not in self.admitted:
            log.warning("user %d of this machine may not ask here", uid)
            return f"only {' and '.join(map(name_of, sorted(self.admitted)))} may ask here; use the console, or a token over HTTP"
        return "too many commands ask at once" if len(self.commands) >= COMMANDS else ""

    async def serve(self, peer: socket.socket, app: ASGIApp, engine: Engine) -> None:
        """Serves a command, from its hello until it hangs up."""
        reader, writer = await asyncio.open_unix_connection(sock=peer, limit=wire.LINE)
        try:
            caller = await self.greeted(reader, writer, engine)
            while caller and (request := await self.next_request(reader)):
                await carry_out(app, caller, request, writer)
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError):
            log.info("a command hung up, or spoke otherwise than commands do")
        except Exception:
            log.exception("a command was not answered to the end")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def greeted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, engine: Engine) -> Caller | None:
        """Returns the caller; None when the command has to work on the database itself."""
        async with asyncio.timeout(PATIENCE):
            said = wire.values_of(await reader.readuntil())
        caller = Caller(Actor.shell(*(text_of(said.get(name), NAMES) for name in ("login", "place"))))
        why = self.difference(said) or await asyncio.to_thread(self.unready, engine)
        writer.write(wire.line_of({"no": why} if why else {"ok": wire.WELCOME}))
        await writer.drain()
        return None if why else caller

    def difference(self, said: dict[str, Any]) -> str:
        """Names what a command and this process do not have in common; "" when both would do the same."""
        return next((f"another {name}" for name, ours in self.hello.items() if said.get(name) != ours), "")

    def unready(self, engine: Engine) -> str:
        """Returns the fault for which a command would refuse this database; the command reports it itself."""
        try:
            self.ready(engine)
        except (Refused, SQLAlchemyError) as fault:
            return type(fault).__name__
        return ""

    async def next_request(self, reader: asyncio.StreamReader) -> tuple[str, str, bytes] | None:
        """Method, target and body; None when the command has hung up."""
        task = asyncio.current_task()
        assert task is not None
        self.resting.add(task)
        try:
            line = await reader.readline()
        finally:
            self.resting.discard(task)
        if not line:
            return None
        said = wire.values_of(line)
        length = said["length"]
        if not isinstance(length, int) or not 0 <= length <= wire.MOST:
            raise ValueError("length")
        return text_of(said.get("method"), 16), text_of(said.get("target"), wire.LINE), await reader.readexactly(length)


async def carry_out(app: ASGIApp, caller: Caller, request: tuple[str, str, bytes], writer: asyncio.StreamWriter) -> None:
    """Answer one request."""
    method, target, body = request
    asked: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return asked.pop() if asked else await asyncio.Future()  # who hangs up is noticed by writing

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            writer.write(wire.line_of({"status": message["status"]}))
            return
        if piece := message.get("body", b""):
            writer.write(wire.piece_of(piece))
        if not message.get("more_body"):
            writer.write(wire.piece_of(b""))
        await writer.drain()

    await app(scope_of(method, target, bool(body)) | {KEY: caller}, receive, send)


def scope_of(method: str, target: str, has_body: bool) -> dict[str, Any]:
    """A request of a command as the app gets it. ValueError when it is none that a command may make."""
    path, _, query = target.partition("?")
    if not path.startswith(f"{API}/") or is_peoples(inside := path.removeprefix(API)) or path_resource(inside) in LISTENS:
        raise ValueError("target")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(b"content-type", b"application/json")] if has_body else [],
        "client": None,
        "server": None,
    }


def text_of(given: object, most: int) -> str:
    """A text of a frame. ValueError when it is none, or longer than that."""
    if not isinstance(given, str) or len(given) > most or "\0" in given:
        raise ValueError("text")
    given.encode()
    return given


def admitted_users() -> frozenset[int]:
    """Users of this machine who may ask; nobody where the kernel calls others by our own number."""
    try:
        unknown = int(OVERFLOW.read_text())
    except (OSError, ValueError):
        unknown = 65534
    ours = os.geteuid()
    return frozenset() if ours == unknown else frozenset({0, ours})


def open_socket(directory: Path) -> socket.socket | None:
    """The listening socket, in a directory that nobody else can enter; None where there can be none."""
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        with wire.address_in(directory) as address:
            found = Path(address).parent.stat()
            if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
                raise PermissionError(errno.EPERM, "others may enter it")
            remove_left_over(address)
            return bind_socket(address)
    except OSError as fault:
        log.warning("commands work on the database themselves: %s cannot be used: %s", directory, fault.strerror or fault)
        return None


def bind_socket(address: str) -> socket.socket:
    """A socket that listens there."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(address)
        Path(address).chmod(0o600)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def remove_left_over(address: str) -> None:
    """Remove a socket that nobody listens on any more. OSError when somebody does."""
    with suppress(FileNotFoundError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PATIENCE)
        if (fault := probe.connect_ex(address)) == errno.ECONNREFUSED:
            Path(address).unlink()
        elif not fault:
            raise OSError(errno.EADDRINUSE, "another API answers there")


def send_away(peer: socket.socket, why: str) -> None:
    """Says why nobody answers, without waiting for the reader."""
    with peer, suppress(OSError):
        peer.setblocking(False)
        peer.send(wire.line_of({"no": why}))


def name_of(uid: int) -> str:
    """A user's name, or the number of who has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
