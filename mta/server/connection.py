"""One client's connection: carries a dialogue over a socket, in clear text or TLS."""

import asyncio
import select
import ssl
from typing import cast

from mta.peer.client_limits import client_address
from mta.peer.smtp_peer import LOCAL, Visitor
from mta.session.server_context import Door
from mta.session.smtp_session import Dialogue

HANDSHAKE_SECONDS = 30.0
LINGER = 10.0  # seconds until a last word that nobody reads is given up
FAREWELL = 2.0  # seconds that a client whom we have sent away may go on speaking


class Connection(asyncio.Protocol):
    """asyncio's side of a session: no task and no future belongs to it, what comes is answered where it comes."""

    def __init__(self, door: Door, loop: asyncio.AbstractEventLoop, *, lmtp: bool = False) -> None:
        self.door, self.loop, self.lmtp = door, loop, lmtp
        self.is_full = self.is_shaking_hands = False
        self.transport: asyncio.Transport
        self.dialogue: Dialogue
        self._handshake: asyncio.Task[None] | None = None

    # told by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        self.transport = cast(asyncio.Transport, transport)
        peer = client_address(transport.get_extra_info("peername")) or LOCAL
        self.dialogue = Dialogue(self.door, self, Visitor(peer, lmtp=self.lmtp))
        self.door.connections.add(self)
        self.dialogue.open()

    def data_received(self, data: bytes) -> None:
        """Something has come."""
        self.dialogue.feed(data)

    def eof_received(self) -> bool:
        """The client has shut its side. What it has said is still answered, except over TLS, which has no half-close."""
        return self.dialogue.ended() and not self.dialogue.visitor.tls

    def pause_writing(self) -> None:
        """The client does not read."""
        self.is_full = True
        self.pause()

    def resume_writing(self) -> None:
        """It reads again."""
        self.is_full = False
        self.resume()
        self.dialogue.go_on()

    def connection_lost(self, _error: Exception | None) -> None:
        """They are gone. asyncio does not say so after a handshake that failed."""
        if self in self.door.connections:
            self.door.connections.remove(self)
            self.dialogue.gone()
            if not self.door.connections:
                self.door.emptied.set()

    # asked by the dialogue

    def has_spoken(self) -> bool:
        """Is there something to be read already?"""
        waiting = select.poll()
        waiting.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(waiting.poll(0))

    def write(self, text: bytes) -> None:
        """Say something, but nothing in clear text into a handshake."""
        if not self.is_shaking_hands:
            self.transport.write(text)

    def pause(self) -> None:
        """Let the client wait."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if not self.transport.is_closing() and not self.is_full and not self.is_shaking_hands:
            self.transport.resume_reading()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Nothing that comes before the handshake is looked at."""
        self.transport.pause_reading()
        self.is_shaking_hands = True
        self._handshake = self.loop.create_task(self._shake_hands(context))

    async def _shake_hands(self, context: ssl.SSLContext) -> None:
        try:
            secure = await self.loop.start_tls(self.transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS)
        except OSError:  # ssl.SSLError and ConnectionError are: the client is gone, or speaks no TLS that we do
            secure = None
        if secure is None:
            self.transport.abort()
            self.connection_lost(None)
            return
        self.transport, self.is_shaking_hands = secure, False
        self.dialogue.secured(secure.get_extra_info("ssl_object").version() or "TLS")

    def close(self, *, gently: bool = False) -> None:
        """Hang up when everything was said; a client that does not listen has LINGER to do so.

        Closing a socket while the client still speaks resets the connection and takes our last word from it. `gently`:
        shut our side, and let the client speak to nobody for FAREWELL at most.
        """
        unsaid = self.transport.get_write_buffer_size()
        if gently and not self.dialogue.visitor.tls and not self.is_shaking_hands and not self.transport.is_closing():
            self.transport.write_eof()
            self.transport.resume_reading()
            self.loop.call_later(LINGER if unsaid else FAREWELL, self.transport.abort)
            return
        self.transport.close()
        if unsaid:
            self.loop.call_later(LINGER, self.transport.abort)
