"""A next hop for tests, SMTP or LMTP over aiosmtpd, that answers as it is told and keeps what it took."""

import asyncio
import base64
import contextlib
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, AuthResult

from tests.peers import processes

ROUNDS = 3  # of ending sessions: one that is just being made on a busy machine shows only after the first
DROP = "drop the connection"  # in place of a reply
TORN = "drop the connection within 250"
HANG = "say nothing until told"
DRIP = "a reply that never ends, a letter at a time"


@dataclass(frozen=True)
class Taken:
    """Message that the next hop accepted with 250, or dropped the connection over."""

    reverse_path: str
    options: tuple[str, ...]
    mailbox: str
    raw: bytes
    encrypted: bool


@dataclass
class Peer:
    """Scripted next hop: its answers, command by command, and what it has received."""

    url: str = ""
    hides: tuple[str, ...] = ()  # EHLO keywords that it does not offer
    offers: tuple[str, ...] = ()  # EHLO keywords that aiosmtpd itself does not name
    script: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))  # MAIL, RCPT, DATA, RSET, or with " <address>"
    taken: list[Taken] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    lenient: bool = False  # goes on after a refused MAIL as if it had been accepted
    most: int = 1000  # connections at once; whoever comes then is told 421
    open: int = 0
    transactions: int = 0  # that came to the final dot
    accounts: dict[str, str] = field(default_factory=dict)  # who may sign in, over TLS; where there is one nobody else may send
    go_on: threading.Event = field(default_factory=threading.Event)  # lets HANG go on
    arrived: threading.Event = field(default_factory=threading.Event)  # something hangs now

    def answer(self, command: str, *replies: str) -> None:
        """Give these replies to the next such commands, then the usual one again."""
        self.script[command].extend(replies)

    async def choose_reply(self, command: str, server: Any, usual: str) -> str:
        """The reply to give now."""
        self.commands.append(command)
        name = command if self.script.get(command) else command.partition(" ")[0]
        reply = self.script[name].popleft() if self.script.get(name) else usual
        if reply == TORN:
            server.transport.write(b"250")
        if reply in {DROP, TORN}:
            server.transport.close()
        if reply == HANG:
            self.arrived.set()
            await asyncio.get_running_loop().run_in_executor(None, self.go_on.wait, processes.HANG)
            return usual
        while reply == DRIP and not server.transport.is_closing():
            self.arrived.set()
            server.transport.write(b"2")
            await asyncio.sleep(0.02)
        return reply

    async def handle_EHLO(self, _server: Any, _session: Any, _envelope: Any, hostname: str, responses: list[str]) -> list[str]:
        """Hide what is to be hidden."""
        _session.host_name = hostname
        shown = [line for line in responses if not line[4:].upper().startswith(self.hides or ("\0",))]
        return [shown[0], *(f"250-{keyword}" for keyword in self.offers), *shown[1:]]

    async def handle_LHLO(self, *arguments: Any) -> list[str]:
        """The same in LMTP."""
        return await self.handle_EHLO(*arguments)

    async def handle_RSET(self, server: Any, _session: Any, _envelope: Any) -> str:
        return await self.choose_reply("RSET", server, "250 OK")

    def knows(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, told: Any) -> AuthResult:
        """Whether that is the password. (aiosmtpd's authenticator)"""
        return AuthResult(success=self.accounts.get(told.login.decode()) == told.password.decode(), handled=False)

    async def auth_XOAUTH2(self, server: Any, arguments: list[str]) -> AuthResult:
        """A token in place of a password; why not is said before it is refused."""
        user, token, *_ = base64.b64decode(arguments[1]).decode().split("\1")
        if self.accounts.get(user.removeprefix("user=")) == token.removeprefix("auth=Bearer "):
            return AuthResult(success=True)
        await server.challenge_auth('{"status":"401"}')
        return AuthResult(success=False, handled=False)

    async def handle_MAIL(self, server: Any, _session: Any, envelope: Any, address: str, options: list[str]) -> str:
        reply = await self.choose_reply(f"MAIL {address}", server, "250 2.1.0 OK")
        if reply.startswith("2") or self.lenient:
            envelope.mail_from, envelope.mail_options = address, options
        return reply

    async def handle_RCPT(self, server: Any, _session: Any, envelope: Any, address: str, options: list[str]) -> str:
        reply = await self.choose_reply(f"RCPT {address}", server, "250 2.1.5 OK")
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Replies once for all recipients, or in LMTP once for each."""
        names = [f"DATA {mailbox}" for mailbox in envelope.rcpt_tos] if isinstance(server, LMTP) else ["DATA"]
        replies = [await self.choose_reply(name, server, "250 2.0.0 taken") for name in names]
        options = tuple(envelope.mail_options)
        encrypted = server.transport.get_extra_info("sslcontext") is not None
        for place, mailbox in enumerate(envelope.rcpt_tos):
            reply = replies[place if len(replies) > 1 else 0]
            if reply.startswith("2") or reply in {DROP, TORN}:
                self.taken.append(Taken(envelope.mail_from, options, mailbox, envelope.original_content, encrypted))
        self.transactions += 1
        return "\r\n".join(replies)


@contextlib.contextmanager
def next_hop(
    *,
    lmtp: bool = False,
    socket: Path | None = None,
    tls: ssl.SSLContext | None = None,
    implicit_tls: ssl.SSLContext | None = None,
    port: int = 0,
    kind: type[Peer] = Peer,
    accounts: dict[str, str] | None = None,
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN"),
    size: int = 1_000_000,
    hides: tuple[str, ...] = (),
    offers: tuple[str, ...] = (),
) -> Iterator[Peer]:
    """A running next hop on a spare port, or on a unix socket; it is gone afterwards."""
    peer = kind(hides=hides, offers=offers, accounts=accounts or {})
    left_out = {"PLAIN", "LOGIN", "XOAUTH2"} - set(mechanisms if accounts else ())
    loop = asyncio.new_event_loop()
    protocols: list[SMTP] = []

    class Counted(LMTP if lmtp else SMTP):  # type: ignore[misc]
        async def smtp_STARTTLS(self, arg: str) -> None:
            reply = await peer.choose_reply("STARTTLS", self, "")
            await (self.push(reply) if reply else super().smtp_STARTTLS(arg))

        async def smtp_AUTH(self, arg: str) -> None:
            reply = await peer.choose_reply(f"AUTH {(arg or '').partition(' ')[0]}", self, "")
            await (self.push(reply) if reply else super().smtp_AUTH(arg))

        def connection_made(self, transport: Any) -> None:
            if transport.get_extra_info("sslcontext") is implicit_tls:  # STARTTLS makes it again
                peer.connections += 1
                peer.open += 1
                if peer.open > peer.most:
                    transport.write(b"421 4.7.0 too many connections\r\n")
                    transport.close()
            protocols.append(self)
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            peer.open -= 1
            super().connection_lost(error)

    def protocol() -> SMTP:
        return Counted(
            peer,
            hostname="next-hop.test",
            data_size_limit=size,
            enable_SMTPUTF8=True,
            tls_context=tls,
            loop=loop,
            ident="test",
            authenticator=peer.knows,
            auth_exclude_mechanism=left_out,
            auth_required=bool(accounts) and implicit_tls is None,  # aiosmtpd takes the other way for cleartext
            auth_require_tls=implicit_tls is None,
        )

    async def listen() -> asyncio.Server:
        if socket:
            return await loop.create_unix_server(protocol, str(socket))
        return await loop.create_server(protocol, "127.0.0.1", port, ssl=implicit_tls)

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(processes.HANG)
    scheme = ("lmtp" if lmtp else "smtp") + ("s" if implicit_tls else "")
    peer.url = f"{scheme}://{socket}" if socket else f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield peer
    finally:
        peer.go_on.set()
        asyncio.run_coroutine_threadsafe(shut_server(server, protocols), loop).result(processes.HANG)
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(processes.HANG)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def shut_server(server: asyncio.Server, protocols: list[SMTP]) -> None:
    """Stop listening and end every session."""
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if accepting := [task for task in others if "_accept_connection" in repr(task.get_coro())]:
        await asyncio.wait(accepting, timeout=1)  # who was accepted a moment ago gets a transport that can be ended
    for _ in range(ROUNDS):
        for protocol in protocols:
            if isinstance(protocol.transport, asyncio.Transport):
                with contextlib.suppress(AttributeError):  # Python 3.11.2: of TLS that has ended
                    protocol.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)
