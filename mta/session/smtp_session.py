"""SMTP session with a client: its commands, its message, and the reply to each (RFC 5321; LMTP: RFC 2033)."""

import asyncio
import re
import select
from concurrent.futures import Future

from mta.peer import proxy_protocol, trusted_edges
from mta.peer.client_limits import client_address
from mta.peer.smtp_peer import LOCAL, Visitor
from mta.session import admission, replies, sasl_auth, session_log
from mta.session.envelope_transaction import Transaction
from mta.session.incoming_message import Incoming, envelope_of
from mta.session.server_context import ServerContext
from mta.session.session_limits import Patience
from mta.session.smtp_library import IN_OUR_WORDS, MOST_AT_ONCE, LibrarySession, library_configuration
from mta.session.submission import Submission
from triage.addressing.envelope import Envelope

LONGEST_LINE = 512  # bytes; RFC 5321, 4.5.3.1.4
LONGER = {
    b"MAIL": LONGEST_LINE + 26 + 16 + 10 + 500,  # SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), AUTH (RFC 4954, 3)
    b"XFORWARD": 2048,
    b"AUTH": 2048,  # RFC 4954, 4: with an initial response
}
HELO_NAME = re.compile(r"[!-~]{1,255}")
WEB_VERBS = frozenset({b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"CONNECT", b"DELETE", b"PATCH", b"TRACE"})
TLS_RECORD = b"\x16\x03"
COMMANDS = frozenset({b"MAIL", b"RCPT", b"DATA", b"RSET", b"NOOP", b"HELP", b"VRFY", b"EXPN", b"QUIT", b"STARTTLS", b"XFORWARD", b"AUTH"})
SMTP_COMMANDS, LMTP_COMMANDS = COMMANDS | {b"HELO", b"EHLO"}, COMMANDS | {b"LHLO"}
IDLE_COMMANDS = frozenset({b"HELO", b"EHLO", b"LHLO", b"RSET", b"NOOP", b"HELP", b"VRFY"})


class Session(LibrarySession):
    """SMTP session: commands of the client, and our replies."""

    def __init__(self, server: ServerContext, loop: asyncio.AbstractEventLoop, *, lmtp: bool = False) -> None:
        protocol = "LMTP" if lmtp else "ESMTP"
        if protocol not in server.library:
            server.library[protocol] = library_configuration(loop, server.settings.company.hostname, protocol)
        super().__init__(loop, server.library[protocol])
        self.server = server
        self.visitor = Visitor(LOCAL, lmtp=lmtp)
        self.commands = LMTP_COMMANDS if lmtp else SMTP_COMMANDS
        self.transaction = Submission(server, self.visitor) if server.submitters else Transaction(server, self.visitor)
        self.patience = Patience(server.settings.smtp, server.clock())
        self.verb = b""
        self.incoming: Incoming | None = None
        self.storing: Envelope | None = None

    # told by asyncio and by the process

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins a session. Behind a proxy its client is not known yet."""
        self.visitor.peer = client_address(transport.get_extra_info("peername")) or LOCAL
        self.server.sessions.add(self)
        if self.is_behind_proxy:
            self.server.clients.came("")
        else:
            admission.count_connection(self.server, self.visitor, self.visitor.peer)
        super().connection_made(transport)

    @property
    def is_behind_proxy(self) -> bool:
        """Whether the client is not known yet, since a proxy will name it."""
        return not self.visitor.lmtp and self.server.edges.passes_through(self.visitor.peer)

    def connection_lost(self, error: Exception | None) -> None:
        """Ends the session; a store that is under way continues."""
        if self not in self.server.sessions:
            return
        self.server.sessions.remove(self)
        self.is_over = True
        self.server.clients.left(self.visitor.counted)
        if self.storing is not None:
            session_log.log_disconnected(self.storing, self.visitor)
        else:
            self.give_back()
        self.forget(error)
        if not self.server.sessions:
            self.server.emptied.set()

    def enforce_time_limits(self, now: float) -> None:
        """Ends the session when its time is over. A message that comes as fast as it must is heard to its end."""
        if self.incoming is not None and self.incoming.is_too_slow(now):
            self.hang_up(replies.TOO_SLOW)
        elif last := self.patience.at(now, in_message=self.incoming is not None):
            self.hang_up(last)

    def stop(self) -> None:
        """The daemon stops: who is idle goes now, others when their message is answered."""
        if not self.transaction.is_open:
            self.hang_up(replies.SHUTTING_DOWN)

    def hang_up(self, reply: str) -> None:
        """Say one last thing and close, unless a message is just being stored."""
        if self.storing is None and not self.is_over:
            session_log.log_refused(reply, self.visitor, self.transaction.reverse_path)
            self.say(reply)
            self.leave(gently=True)

    # asked by the library

    async def _handle_client(self) -> None:
        """Greet who is welcome. The library greets everybody, and who has spoken already; it says nothing to a proxy that is none."""
        if self.is_behind_proxy and not await self.read_proxy_header():
            self.hang_up(replies.NO_PROXY_HEADER)
        elif unwelcome := admission.refuse_visitor(self.server, self.visitor):
            session_log.log_refused(unwelcome, self.visitor)
            self.say(unwelcome)
            self.leave()  # at once: a flood of connections must not last longer
        elif len(self.unread) or self.has_spoken():
            self.hang_up(replies.TALKED_EARLY)
        else:
            await super()._handle_client()

    async def read_proxy_header(self) -> bool:
        """Reads the client's address from the proxy; False when it does not name one."""
        try:
            while (header := proxy_protocol.read_proxy_header(self.unread.peek())) is None:
                await self.more()
        except proxy_protocol.Malformed:
            return False
        self.unread.take(header.length)
        self.visitor.proxy = self.visitor.peer if header.client else ""
        self.server.clients.left("")
        admission.count_connection(self.server, self.visitor, header.client or self.visitor.peer)
        return True

    def has_spoken(self) -> bool:
        """Whether there is something to be read already. The client must wait for the greeting (RFC 5321, 4.3.1)."""
        carrier = self.transport.get_extra_info("socket")
        if carrier is None:
            return False  # a transport in memory has handed over all that there is
        waiting = select.poll()
        waiting.register(carrier.fileno(), select.POLLIN)
        return bool(waiting.poll(0))

    async def readuntil(self, _separator: bytes = b"\n") -> bytes:
        """The next command. The library takes bare LF and NUL, web requests, and lines of any length; its commands know no budget."""
        self.steps += 1
        if self._paused or self.steps >= MOST_AT_ONCE:  # type: ignore[attr-defined]
            await self.take_turn()
        self.verb = b""
        while (line := None if self.is_over else self.unread.line()) is None:
            if self.unread.starts_with(TLS_RECORD):
                raise replies.Refusal(replies.NOT_SMTP)
            await self.more()
        self.verb, _, argument = line.partition(b" ")
        self.verb = self.verb.strip().upper()
        if fault := self.fault_of(line, argument):
            raise replies.Refusal(fault)
        if self.verb in IDLE_COMMANDS:
            self.patience.idle_commands += 1
        return self.verb + b" " + argument

    def fault_of(self, line: bytes, argument: bytes) -> str:
        """Returns the reply to a line that cannot be carried out, "" when it can."""
        if self.verb in WEB_VERBS or line.startswith(TLS_RECORD):
            return replies.NOT_SMTP
        if len(line) > LONGER.get(self.verb, LONGEST_LINE):
            return replies.LINE_TOO_LONG
        if not line.endswith(b"\r\n") or line.count(b"\r") > 1 or b"\0" in line:
            return replies.BAD_LINE
        try:
            argument.decode("utf-8")
        except UnicodeDecodeError:
            return replies.BAD_LINE
        self.patience.heard = self.server.clock()
        return "" if self.verb in self.commands else replies.UNKNOWN_COMMAND

    async def push(self, status: str | bytes) -> None:
        """The reply to a command. The library would send it at once, a packet each, and wait."""
        assert isinstance(status, str)
        if status:
            self.answer(IN_OUR_WORDS.get(status, status))

    def answer(self, reply: str) -> None:
        """Say a reply, and leave when it is the last one."""
        self.say(reply)
        if reply == replies.BYE:
            self.leave()
        elif reply == replies.NOT_SMTP or reply.startswith("421"):
            self.leave(gently=True)
        elif not self.visitor.is_edge and (last := self.patience.after(reply)):  # an edge asks for many, and not about itself
            self.hang_up(last)
        elif self.server.stopping and not self.transaction.is_open:
            self.hang_up(replies.SHUTTING_DOWN)

    async def handle_exception(self, error: Exception) -> str:
        """Our own faults are temporary and never shown. The library answers 500, with their text."""
        if isinstance(error, replies.Refusal):
            return str(error)
        session_log.log_fault(self.verb.decode("ascii", "replace"), error, self.visitor)
        self.transaction.clear()
        return replies.FAULT

    def _set_rset_state(self) -> None:
        """Forget the envelope; an edge names the client again for each message."""
        self.transaction.clear()
        self.visitor.forget_client()

    # the commands whose own way in the library keeps no promise of ours: it has no enhanced codes, and addresses of any form

    async def smtp_HELO(self, arg: str | None) -> None:
        """HELO: a client without extensions."""
        self.greet_back(arg or "", extended=False)

    async def smtp_EHLO(self, arg: str | None) -> None:
        """EHLO: a client that asks for extensions. The library does not offer PIPELINING."""
        self.greet_back(arg or "", extended=True)

    smtp_LHLO = smtp_EHLO

    def greet_back(self, name: str, *, extended: bool) -> None:
        """The client's name; nothing is believed of it."""
        if not HELO_NAME.fullmatch(name):
            self.answer(replies.LHLO_SYNTAX if self.visitor.lmtp else replies.HELO_SYNTAX)
            return
        self._set_rset_state()
        self.visitor.greeting, self.visitor.extended = name, extended
        self.answer(replies.hello_reply(self.hostname, self.extensions() if extended else []))

    def extensions(self) -> list[str]:
        """Extensions that EHLO offers."""
        offered = [f"SIZE {self.server.settings.smtp.max_size}", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"]
        if not self.visitor.tls and self.server.tls():
            offered.append("STARTTLS")
        if sasl_auth.is_offered(self.server, self.visitor):
            offered.append(f"AUTH {' '.join(sasl_auth.MECHANISMS)}")
        if self.visitor.is_edge:
            offered.append(" ".join(("XFORWARD", *trusted_edges.ATTRIBUTES)))
        return offered

    async def smtp_HELP(self, _arg: str | None) -> None:
        """HELP."""
        self.answer(replies.HELP)

    async def smtp_VRFY(self, _arg: str | None) -> None:
        """VRFY tells nobody who works here."""
        self.answer(replies.NOT_VERIFIED)

    async def smtp_XFORWARD(self, arg: str | None) -> None:
        """XFORWARD: an edge names the client of the next message. It comes before MAIL."""
        if not self.visitor.is_edge:
            raise replies.Refusal(replies.UNKNOWN_COMMAND)
        if not self.visitor.greeting or self.transaction.is_open:
            raise replies.Refusal(replies.MAIL_ALREADY if self.visitor.greeting else replies.HELO_FIRST)
        attributes = trusted_edges.parse_xforward(arg or "")
        if attributes is None:
            raise replies.Refusal(replies.XFORWARD_SYNTAX)
        trusted_edges.remember_forwarded(self.visitor, attributes)
        self.answer(replies.OK)

    async def smtp_STARTTLS(self, arg: str | None) -> None:
        """STARTTLS, once: the library would do it again inside TLS."""
        context = self.server.tls()
        if arg or self.visitor.tls or context is None:
            raise replies.Refusal(replies.NO_ARGUMENT if arg else replies.TLS_ALREADY if self.visitor.tls else replies.NO_TLS)
        self.say(replies.START_TLS)
        self.flush()
        await self.go_on_in_tls(context)
        self._set_rset_state()  # what was said in clear text is forgotten (RFC 3207, 4.2)
        self.visitor.tls = self.transport.get_extra_info("ssl_object").version() or "TLS"
        self.visitor.greeting = self.visitor.login = ""

    async def smtp_AUTH(self, arg: str | None) -> None:
        """AUTH (RFC 4954). The library lets everybody guess for ever, and knows neither "=" nor a mechanism in small letters."""
        submitters = self.server.submitters
        if submitters is None or not submitters.has_accounts:
            raise replies.Refusal(replies.UNKNOWN_COMMAND)
        if fault := sasl_auth.find_auth_fault(self.visitor, is_open=self.transaction.is_open):
            raise replies.Refusal(fault)
        mechanism, _, initial = (arg or "").partition(" ")
        questions = sasl_auth.ask_questions(mechanism)
        answers = [sasl_auth.decode_answer(initial.encode())] if initial else []
        for question in questions[len(answers) :]:
            self.say(replies.challenge_reply(question))
            while (line := self.unread.line()) is None:
                await self.more()
            self.patience.heard = self.server.clock()
            answers.append(sasl_auth.decode_answer(line))
        name, password = sasl_auth.read_credentials(answers)
        reply = sasl_auth.verify_password(name, password, submitters, self.visitor, self.server.clock())
        session_log.signed_in(reply, name, self.visitor)
        self.answer(reply)

    async def smtp_MAIL(self, arg: str | None) -> None:
        """MAIL."""
        self.answer(self.transaction.mail(arg or ""))

    async def smtp_RCPT(self, arg: str | None) -> None:
        """RCPT."""
        self.answer(self.transaction.rcpt(arg or ""))

    async def smtp_DATA(self, arg: str | None) -> None:
        """DATA, in chunks. The library reads lines, refuses long ones for good and keeps all pieces of one without an end."""
        if arg or not self.transaction.recipients:
            raise replies.Refusal(replies.NO_ARGUMENT if arg else replies.RCPT_FIRST if self.transaction.is_open else replies.MAIL_FIRST)
        self.say(replies.SEND_DATA)
        self.incoming = incoming = Incoming(self.server, self.visitor.client)
        rest = None
        while rest is None:
            while not (chunk := self.unread.take()):
                await self.more()
            self.patience.heard = self.server.clock()
            try:
                rest = incoming.feed(chunk)
            except Exception as error:  # where the message ends is not known any more: no text of it may become a command
                session_log.log_fault("the message", error, self.visitor)
                self.answer(replies.FAULT_IN_MESSAGE)
                return
        self.unread.put(rest)
        self.finish(await self.take(incoming))

    async def take(self, incoming: Incoming) -> str:
        """The final dot: store the message, or say why not."""
        try:
            raw, normalised, refusal = incoming.complete(self.transaction)
            if not refusal:
                return await self.store(raw, envelope_of(self.transaction, self.visitor, normalised=normalised))
            session_log.log_refused(refusal, self.visitor, self.transaction.reverse_path)
            self.server.note_refused(refusal, self.visitor.client, self.transaction.reverse_path or "", self.transaction.recipients)
        except Exception as error:
            session_log.log_fault("the message's end", error, self.visitor)
            refusal = replies.FAULT
        return refusal

    async def store(self, raw: bytes, envelope: Envelope) -> str:
        """Let it be made safe: the promise, or why there is none. A client that hangs up now cancels the answer, never the store."""
        safe: asyncio.Future[BaseException | None] = self.loop.create_future()
        self.flush()
        done = self.server.spool.append(envelope, raw)
        self.storing = envelope
        done.add_done_callback(lambda done: self.server.later(lambda: self.stored(done, safe)))
        if error := await safe:
            return replies.not_stored(error)
        reply = replies.queued_reply(envelope.spool_id)
        self.patience.renew()
        session_log.log_accepted(reply, envelope, len(raw), self.visitor)
        return reply

    def stored(self, done: "Future[None]", safe: "asyncio.Future[BaseException | None]") -> None:
        """The message is safe, or not."""
        self.storing = None
        if error := done.exception():
            session_log.not_stored(error, self.visitor)
        if self.is_over or safe.done():
            self.give_back()
        else:
            safe.set_result(error)

    def finish(self, reply: str) -> None:
        """The message is answered: for each recipient of its own where LMTP is spoken (RFC 2033, 4.2)."""
        answers = self.transaction.accepted if self.visitor.lmtp else 1
        self.give_back()
        self._set_rset_state()
        self.answer("\r\n".join([reply] * answers))

    def give_back(self) -> None:
        """The message needs no memory any more."""
        if self.incoming is not None:
            self.incoming.give_back()
        self.incoming = None
