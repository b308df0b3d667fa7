"""A session and its client without a network: a transport in memory, and a spool that says when a message is safe."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from mta.peer.client_limits import Clients, Memory
from mta.peer.trusted_edges import Edges
from mta.session.server_context import ServerContext
from mta.session.smtp_session import Session
from mta.spool.recipient_map_file import SnapshotFile
from tests.peers.receiving import RECIPIENT_MAP
from triage.addressing.envelope import Envelope
from triage.config.settings import Company, Settings, Smtp, Spool as Directory
from triage.directory.recipient_map import RecipientMap

MOST_TURNS = 10_000  # of the loop until what was said is answered
QUIET = 3  # turns without a word: nothing more comes


class Wire(asyncio.Transport):
    """Transport that keeps what a session writes, write by write."""

    def __init__(self, protocol: Any, loop: asyncio.AbstractEventLoop, peer: tuple[str, int]) -> None:
        super().__init__({"peername": peer})
        self.protocol, self.loop = protocol, loop
        self.writes: list[bytes] = []
        self.is_paused = self.is_shut = self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.is_closed:
            self.writes.append(bytes(data))

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.loop.call_soon(self.protocol.connection_lost, None)

    abort = close

    def is_closing(self) -> bool:
        return self.is_closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_shut = True

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


class Client:
    """Client of a session in this loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: Any, *, early: bytes = b"", peer: str = "192.0.2.1") -> None:
        """`early`: what is said before the greeting."""
        self.loop, self.protocol = loop, protocol
        self.wire = Wire(protocol, loop, (peer, 4711))
        protocol.connection_made(self.wire)
        self.say(early)

    def say(self, data: bytes, *, last: bool = False) -> bytes:
        """Say something, all at once, and shut our side when it was the last; what was answered."""
        heard = len(self.wire.writes)
        if data and not self.wire.is_closed:
            self.protocol.data_received(data)
        if last and not self.wire.is_closed and not self.protocol.eof_received():
            self.wire.close()
        self.settle()
        return b"".join(self.wire.writes[heard:])

    def settle(self) -> None:
        """Let the session do all that it can do now."""
        self.loop.run_until_complete(self._settled())

    async def _settled(self) -> None:
        quiet = said = 0
        for _ in range(MOST_TURNS):
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self.wire.writes) == said else 0
            said = len(self.wire.writes)
            if quiet > QUIET:
                return

    @property
    def received(self) -> bytes:
        """Bytes that the server sent."""
        return b"".join(self.wire.writes)

    @property
    def has_been_left(self) -> bool:
        """Has the server hung up, or shut its side?"""
        return self.wire.is_closed or self.wire.is_shut


class Shelf:
    """A spool in memory. `is_slow`: messages are safe when `finish_writes` is called."""

    def __init__(self) -> None:
        self.kept: list[tuple[Envelope, bytes]] = []
        self.waiting: list[tuple[Envelope, bytes, Future[None]]] = []
        self.is_slow = False

    def append(self, envelope: Envelope, raw: bytes) -> "Future[None]":
        done: Future[None] = Future()
        self.waiting.append((envelope, raw, done))
        if not self.is_slow:
            self.finish_writes()
        return done

    def finish_writes(self) -> None:
        """Store all waiting messages safely."""
        waiting, self.waiting = self.waiting, []
        for envelope, raw, done in waiting:
            self.kept.append((envelope, raw))
            done.set_result(None)


class Snapshot(SnapshotFile):
    """A recipient map in memory."""

    def __init__(self, known: RecipientMap) -> None:
        super().__init__(Path("/nonexistent"))
        self.known = known

    def current(self) -> RecipientMap | None:
        return self.known


class House:
    """A loop, and the SMTP server that its sessions share."""

    def __init__(self, *, edges: Edges | None = None, submitters: Any = None, **smtp: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self.shelf = Shelf()
        self.clock = 0.0
        self.clients: list[Client] = []
        self.settings = Settings(
            Company(domains=("company.example",), hostname="mx.company.example"),
            spool=Directory(Path("/nonexistent")),
            smtp=Smtp(**{"max_messages_per_minute": 0} | smtp),
        )
        self.door = ServerContext(
            settings=self.settings,
            spool=self.shelf,  # type: ignore[arg-type]
            snapshot=Snapshot(RECIPIENT_MAP),
            clients=Clients(self.settings.smtp),
            memory=Memory(2**30, 2**30),
            clock=lambda: self.clock,
            later=lambda task: self.loop.call_soon_threadsafe(task) and None,  # type: ignore[arg-type]
            edges=edges or Edges(),
            submitters=submitters,
        )

    def session(self, *, lmtp: bool = False) -> Session:
        """A session of ours."""
        return Session(self.door, self.loop, lmtp=lmtp)

    def client(self, make: Callable[[], Any] | None = None, **how: Any) -> Client:
        """Connect and read the greeting; the session is ours or made by `make`."""
        client = Client(self.loop, (make or self.session)(), **how)
        self.clients.append(client)
        client.settle()
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.wire.close()
        self.loop.run_until_complete(self._ended())
        self.loop.close()

    async def _ended(self) -> None:
        """Waits until the tasks of all sessions are done."""
        await asyncio.sleep(0)
        mine = asyncio.current_task()
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not mine), return_exceptions=True)
