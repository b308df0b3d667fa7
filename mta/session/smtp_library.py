"""aiosmtpd as this server uses it: the only module that imports the library and touches its private members.

The library has the command loop, its dispatch to smtp_* methods, and RSET, NOOP, QUIT and EXPN. What comes in and goes out is
ours: the library would keep lines and messages without a bound, and cancel a message that is being stored.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, cast

import aiosmtpd
from aiosmtpd.smtp import SMTP

from mta.session import replies
from mta.session.line_buffer import LONGEST_KEPT, Unread

PINNED = "1.4.6"
PRIVATE: Mapping[str, tuple[str, ...]] = {  # each member that is called or overridden, and what it must still use
    "__init__": ("loop", "event_handler", "hostname", "session", "transport", "_timeout_handle", "_handler_coroutine", "_smtp_methods"),
    "connection_made": ("_set_rset_state", "_reset_timeout", "transport", "_handle_client", "_handler_coroutine"),
    "connection_lost": ("_timeout_handle", "_handler_coroutine", "transport"),
    "eof_received": ("_handler_coroutine", "cancel"),
    "push": ("_writer", "write", "drain"),
    "handle_exception": ("event_handler",),
    "_handle_client": ("push", "hostname", "__ident__", "transport", "_reader", "readuntil", "_writer", "close", "_smtp_methods", "get"),
    "_reset_timeout": ("call_later",),
    "_set_rset_state": ("_set_post_data_state",),
    "smtp_QUIT": ("push", "_handler_coroutine", "transport", "close"),
    "smtp_RSET": ("_set_rset_state", "push"),
    "smtp_NOOP": ("push",),
    "smtp_EXPN": ("push",),
}
PER_SESSION = frozenset({"_smtp_methods", "_auth_methods"})  # these are bound to the one session that they were made for
IN_OUR_WORDS = {  # the library's replies have no enhanced status codes (RFC 2034)
    "250 OK": replies.OK,
    "221 Bye": replies.BYE,
    "502 EXPN not implemented": replies.NOT_EXPANDED,
    "501 Syntax: RSET": replies.NO_ARGUMENT,
    "501 Syntax: QUIT": replies.NO_ARGUMENT,
}
MOST_UNREAD = 64 * 1024  # bytes that may wait while a message is stored
MOST_AT_ONCE = 100  # commands until others have their turn
HANDSHAKE_SECONDS = 30.0
LINGER = 10.0  # seconds until a last word that nobody reads is given up
FAREWELL = 2.0  # seconds that a client whom we have sent away may go on speaking

logging.getLogger("mail.log").setLevel(logging.ERROR)  # it writes what clients say, passwords too, without escapes


def changed_members(library: type) -> Iterator[str]:
    """Members of PRIVATE that this class lacks, or has in another form."""
    for name, used in PRIVATE.items():
        code = getattr(getattr(library, name, None), "__code__", None)
        missing = set(used) - set(code.co_names) if code else set(used)
        if missing:
            yield f"{library.__name__}.{name}" + (f" without {', '.join(sorted(missing))}" if code else " is gone")


def check_library(library: type, version: str) -> None:
    """ImportError names the members that have changed since the version that this module was written for."""
    if changed := "; ".join(changed_members(library)):
        raise ImportError(f"aiosmtpd {version} is not the {PINNED} that mailroom was written for: {changed}; install aiosmtpd=={PINNED}")


check_library(SMTP, aiosmtpd.__version__)


def library_configuration(loop: asyncio.AbstractEventLoop, hostname: str, protocol: str) -> dict[str, Any]:
    """Configuration that the library's constructor finds out.

    It looks through all members, which takes 0.3 ms: done once, not for each connection.
    """
    whole = vars(SMTP(None, hostname=hostname, ident=protocol, enable_SMTPUTF8=True, loop=loop))
    ended = loop.call_later(0, int)  # connection_lost cancels a timer; a session has none
    ended.cancel()
    own = vars(asyncio.StreamReaderProtocol(cast(asyncio.StreamReader, None), loop=loop)).keys() | PER_SESSION
    return {name: value for name, value in whole.items() if name not in own} | {"_timeout_handle": ended}


class Methods:
    """The commands by name, bound to a session only while one is obeyed: a table in each would tie it to itself."""

    def __init__(self, session: "LibrarySession") -> None:
        self.session = session

    def get(self, command: str) -> Any:
        """Returns the method that carries out an SMTP command."""
        return getattr(self.session, f"smtp_{command}")


class LibrarySession(SMTP):
    """Connection of the SMTP library. The library reads from the session itself and closes it: asyncio's streams would be one more copy."""

    command_size_limit = LONGEST_KEPT  # each command has its own, looked at before; the library's table grows for all sessions at once
    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop, library: Mapping[str, Any]) -> None:
        asyncio.StreamReaderProtocol.__init__(self, cast(asyncio.StreamReader, None), loop=loop)
        vars(self).update(library)
        self.unread = Unread()
        self.replies: list[str] = []
        self.steps = 0  # since something has come
        self.waiting: asyncio.Future[None] | None = None
        self.has_ended = self.is_over = self.is_held = False  # the client has said its last word; we have said ours; it must wait
        self.is_shaking_hands = self.is_secured = False

    @property
    def _reader(self) -> "LibrarySession":  # type: ignore[override]
        return self

    @property
    def _writer(self) -> "LibrarySession":  # type: ignore[override]
        return self

    @property
    def _smtp_methods(self) -> Methods:  # type: ignore[override]
        return Methods(self)

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Does nothing: the library's timer closes a session that has just stored a message, and each NOOP restarts it."""

    # what comes in

    def data_received(self, data: bytes) -> None:
        """Buffers received bytes. The library itself would take a line or message of any length."""
        if self.is_over:
            return
        self.unread.put(data)
        if self.waiting is not None:
            self.wake()
        elif len(self.unread) > MOST_UNREAD and not self.is_shaking_hands:
            self.is_held = True
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """The client has shut its side. The library would cancel what it still has to answer; over TLS there is no half-close."""
        self.has_ended = True
        self.wake()
        return not (self.is_secured or self.is_shaking_hands)

    def wake(self) -> None:
        """Go on with what waits."""
        waiting, self.waiting = self.waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def more(self) -> "asyncio.Future[None]":
        """Waits until something has come. What was said leaves before, all of it in one write (RFC 2920, 3.2)."""
        if self.replies:
            self.flush()
        if self.has_ended or self.is_over:
            raise asyncio.CancelledError  # the library's loop ends with it and calls `close`
        if self.is_held:
            self.is_held = False
            self.transport.resume_reading()
        self.steps = 0
        self.waiting = waiting = self.loop.create_future()
        return waiting

    def forget(self, error: Exception | None) -> None:
        """The connection is gone. The task that ends has this session in its last traceback: only the garbage collector could undo that."""
        super().connection_lost(error)
        self._handler_coroutine = None

    async def go_on_in_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands. The library does so by three private members of asyncio, in Python also where the loop has its own way."""
        self.is_shaking_hands = True
        self.unread.clear()  # what was pipelined behind STARTTLS in clear text; later it could be what came right behind the handshake
        try:
            secure = await self.loop.start_tls(self.transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS)
        except OSError:  # ssl.SSLError and ConnectionError are: the client is gone, or speaks no TLS that we do
            secure = None
        if secure is None:
            self.transport.abort()
            self.connection_lost(None)  # asyncio does not say so
            raise asyncio.CancelledError
        self.transport, self.is_shaking_hands, self.is_secured = secure, False, True

    async def take_turn(self) -> None:
        """Wait for a client that does not read, and let others go on after many commands."""
        self.steps = 0
        self.flush()
        await self._drain_helper()  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    # what goes out

    def say(self, reply: str) -> None:
        """To be said with the next flush."""
        self.replies.append(reply)

    def flush(self) -> None:
        """Say what is to be said, in one piece, but nothing in clear text into a handshake."""
        if self.replies and self.transport is not None and not self.is_shaking_hands:
            self.replies.append("")
            self.transport.write("\r\n".join(self.replies).encode())
        self.replies.clear()

    def leave(self, *, gently: bool = False) -> None:
        """Ends the session; a client that does not listen has LINGER to do so.

        Closing a socket while the client still speaks resets the connection and takes our last word from it. `gently`:
        shut our side, and let the client speak to nobody for FAREWELL at most.
        """
        if self.is_over:
            return
        self.flush()
        self.is_over = True
        self.unread.clear()
        if self.transport is None:
            return
        unsaid = self.transport.get_write_buffer_size()
        if gently and not (self.is_secured or self.is_shaking_hands or self.transport.is_closing()):
            self.transport.write_eof()
            self.transport.resume_reading()
            self.loop.call_later(LINGER if unsaid else FAREWELL, self.transport.abort)
            return
        self.transport.close()
        if unsaid:
            self.loop.call_later(LINGER, self.cut)

    def close(self) -> None:
        """Called by the library's loop when it ends."""
        self.leave()

    def cut(self) -> None:
        """Close at once."""
        with contextlib.suppress(AttributeError):  # Python 3.11.2 raises it where TLS has ended
            self.transport.abort()
