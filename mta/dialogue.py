"""One SMTP session with a client: its commands, its envelope, its message, and the reply to each (RFC 5321)."""

import asyncio
import logging
import re
import ssl
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from select import POLLIN, poll
from typing import cast

from aiosmtpd.smtp import SMTP

from mta import replies
from mta.data import Content
from mta.header_scan import scan
from mta.limits import Clients, Memory, client_address
from mta.snapshot import SnapshotFile
from mta.spool import Spool
from triage.door import DoorSnapshot
from triage.envelope import Address, Envelope
from triage.ids import new_id, show
from triage.settings import Settings
from triage.times import utcnow
from triage.visible import visible

LINE_LIMIT = 64 * 1024  # bytes of the stream that are buffered while a line end is looked for
LONGEST_LINE = 512  # RFC 5321, 4.5.3.1.4
LONGEST_MAIL_LINE = LONGEST_LINE + 26 + 16 + 10  # SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531)
CHUNK = 1024 * 1024  # more than the stream ever buffers: after a read it is empty
MOST_ERRORS = 20
MOST_IDLE_COMMANDS = 100
SLOWEST = 500  # bytes a second of a message
SLOW_GRACE = 30.0  # seconds until SLOWEST counts
HANDSHAKE_SECONDS = 30.0
LINGER = 10.0  # seconds until a last word that nobody reads is given up

PATH = re.compile(r' *<(?P<path>(?:"(?:[^"\\]++|\\.)*+"|[^"<>]++)*+)>(?: +(?P<parameters>.*))?')
# RFC 5321, 4.1.2: what Address.parse does not read and yet is a legal sender
ODD_SENDER = re.compile(r'(?:"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*"|[^\x00-\x20\x7f"(),:;<>@\[\\\]]+)@(?:\[[0-9A-Za-z.:]+\]|[A-Za-z0-9._-]+)')
HELO_NAME = re.compile(r"[!-~]{1,255}")
WEB_VERBS = frozenset({b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"CONNECT", b"DELETE", b"PATCH", b"TRACE"})
TLS_RECORD = b"\x16\x03"

log = logging.getLogger(__name__)
logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's: several lines a connection, with the client's words as they came


@dataclass
class Door:
    """What all sessions of a receiving process share."""

    settings: Settings
    spool: Spool
    snapshot: SnapshotFile
    clients: Clients
    memory: Memory
    tls: Callable[[], ssl.SSLContext | None] = lambda: None  # the context of the present certificate
    sessions: "set[Dialogue]" = field(default_factory=set)
    stopping: bool = False


class Dialogue(SMTP):
    """The commands of one client, answered one after the other; pipelined ones too (RFC 2920).

    aiosmtpd carries the connection. Its command loop is not used: it answers faults with 500 and their text, reads
    messages line by line and cancels a store when the client hangs up.
    """

    line_length_limit = LINE_LIMIT

    def __init__(self, door: Door, loop: asyncio.AbstractEventLoop) -> None:
        limits = door.settings.smtp
        super().__init__(None, loop=loop, hostname=door.settings.company.hostname, data_size_limit=None, enable_SMTPUTF8=True)
        self.door = door
        self.limits = limits
        self.client = ""
        self.tls = ""
        self.helo_name = ""
        self.extended = False
        self.errors = 0
        self.idle_commands = 0
        self.in_message = False  # what comes from the client is a message, not commands
        self.storing = False
        self.started = self.heard = loop.time()
        self.reverse_path: str | None = None  # None: no transaction is under way
        self.smtputf8 = False
        self.recipients: dict[str, None] = {}  # as the client wrote them, in order, each once

    def __dir__(self) -> list[str]:
        """Nothing: aiosmtpd looks through it for commands at each connection, a fifth of all work; ours are in COMMANDS."""
        return []

    # the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        self.client = client_address(transport.get_extra_info("peername"))
        self.door.clients.came(self.client)
        self.door.sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """They are gone. A store that is under way goes on."""
        if self in self.door.sessions:
            self.door.sessions.discard(self)
            self.door.clients.left(self.client)
        super().connection_lost(error)

    def eof_received(self) -> bool:
        """The client has said its last word; what it said before is still answered, except over TLS, which has no half-close."""
        self._reader.feed_eof()
        return not self.tls

    def _reset_timeout(self, duration: float | None = None) -> None:
        """The client was heard. One timer runs for the whole session."""
        self.heard = self.loop.time()
        if self._timeout_handle is None:
            self._timeout_handle = self.loop.call_at(self._give_up_at(), self._timeout_cb)

    def _give_up_at(self) -> float:
        """When the session ends if nothing more is heard, in seconds of the loop's clock."""
        return min(self.heard + self.limits.idle_timeout, self.started + self.limits.session_timeout)

    def _timeout_cb(self) -> None:
        now = self.loop.time()
        if self.storing or now < self._give_up_at():
            self._timeout_handle = self.loop.call_at(max(now + 1, self._give_up_at()), self._timeout_cb)
            return
        self.hang_up(replies.SESSION_TOO_LONG if now >= self.started + self.limits.session_timeout else replies.IDLE_TOO_LONG)

    def hang_up(self, reply: str) -> None:
        """Say one last thing and close, unless a message is just being stored."""
        if self.transport is not None and not self.storing:
            self.note(reply)
            self._writer.write(reply.encode() + b"\r\n")
            self._writer.close()
            self.loop.call_later(LINGER, cast(asyncio.Transport, self.transport).abort)  # a client that does not read

    def stop(self) -> None:
        """The daemon stops: idle clients go now, others when their message is answered."""
        if self.reverse_path is None:
            self.hang_up(replies.SHUTTING_DOWN)

    def conversation(self) -> "asyncio.Task[None]":
        """The task that ends with the session."""
        assert self._handler_coroutine is not None
        return self._handler_coroutine

    # the command loop

    async def _handle_client(self) -> None:
        try:
            await self.converse()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # the client is gone
        finally:
            self._writer.close()

    async def converse(self) -> None:
        """From the greeting to the last reply."""
        if unwelcome := self.unwelcome():
            self.note(unwelcome)
            await self.push(unwelcome)
            return
        await self.push(replies.greeting(self.hostname))
        while True:
            reply = await self.answer_to(await self.next_line())
            if reply:
                await self.push(reply)
            if reply == replies.BYE or reply == replies.NOT_SMTP or reply.startswith("421"):
                return
            if last := self.enough(reply):
                self.note(last)
                await self.push(last)
                return

    def unwelcome(self) -> str:
        """Why this client is not served at all, "" when it is."""
        if self.door.stopping:
            return replies.SHUTTING_DOWN
        if self.door.clients.is_full():
            return replies.BUSY
        if self.door.clients.has_too_many(self.client):
            return replies.TOO_MANY_CONNECTIONS
        return replies.TALKED_EARLY if self.has_spoken() else ""

    def has_spoken(self) -> bool:
        """Has the client sent something already? (RFC 5321, 4.3.1: it waits for the greeting)"""
        assert self.transport is not None
        waiting = poll()
        waiting.register(self.transport.get_extra_info("socket").fileno(), POLLIN)
        return bool(waiting.poll(0)) or bool(self._reader._buffer)  # type: ignore[attr-defined]

    def enough(self, reply: str) -> str:
        """Why the session ends after this reply, "" when it goes on."""
        self.errors += replies.is_error(reply)
        if self.errors >= MOST_ERRORS:
            return replies.TOO_MANY_ERRORS
        if self.idle_commands >= MOST_IDLE_COMMANDS:
            return replies.TOO_MANY_IDLE_COMMANDS
        return replies.SHUTTING_DOWN if self.door.stopping and self.reverse_path is None else ""

    async def next_line(self) -> bytes:
        """The next command line with its line end; one that is longer than the buffer comes as an endless one: LINE_LIMIT bytes."""
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as overrun:
            consumed = overrun.consumed
        while True:
            await self._reader.read(consumed)
            try:
                await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as overrun:
                consumed = overrun.consumed
            else:
                return b" " * LINE_LIMIT

    async def answer_to(self, line: bytes) -> str:
        """The reply to a command line, "" when there is none. Our own faults are temporary and never shown."""
        verb, _, rest = line.partition(b" ")
        verb = verb.strip().upper()
        if verb in WEB_VERBS or line.startswith(TLS_RECORD):
            return replies.NOT_SMTP
        if len(line) > (LONGEST_MAIL_LINE if verb == b"MAIL" else LONGEST_LINE):
            return replies.LINE_TOO_LONG
        if not line.endswith(b"\r\n") or b"\r" in line[:-2] or b"\0" in line:
            return replies.BAD_LINE
        try:
            argument = rest.decode("utf-8").strip()
        except UnicodeDecodeError:
            return replies.BAD_LINE
        self._reset_timeout()
        return await self.reply_to(verb, argument)

    async def reply_to(self, verb: bytes, argument: str) -> str:
        """Do what the command asks for."""
        try:
            if verb == b"DATA":
                return await self.data(argument)
            if verb == b"STARTTLS":
                return await self.starttls(argument)
            command = COMMANDS.get(verb)
            return command(self, argument) if command else replies.UNKNOWN_COMMAND
        except (ConnectionError, ssl.SSLError):
            raise
        except Exception as fault:
            log.error("fault at %s: %s client=%s", verb.decode("ascii", "replace"), visible(described(fault)), self.client)
            self.reset()
            return replies.FAULT_IN_MESSAGE if self.in_message else replies.FAULT

    # commands

    def helo(self, argument: str) -> str:
        """HELO: a client without extensions."""
        return self.hello(argument, extended=False)

    def ehlo(self, argument: str) -> str:
        """EHLO: a client that asks for extensions."""
        return self.hello(argument, extended=True)

    def hello(self, argument: str, *, extended: bool) -> str:
        """The client's name; nothing is believed of it."""
        self.idle_commands += 1
        if not HELO_NAME.fullmatch(argument):
            return replies.HELO_SYNTAX
        self.reset()
        self.helo_name, self.extended = argument, extended
        return replies.hello(self.hostname, self.extensions() if extended else [])

    def extensions(self) -> list[str]:
        """What we offer."""
        offered = [f"SIZE {self.limits.max_size}", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"]
        return [*offered, "STARTTLS"] if not self.tls and self.door.tls() else offered

    def mail(self, argument: str) -> str:
        """MAIL: the reverse-path, and what is said of the message before it comes."""
        if not self.helo_name:
            return replies.HELO_FIRST
        if self.reverse_path is not None:
            return replies.MAIL_ALREADY
        found = path_of("FROM:", argument)
        if found is None:
            return replies.MAIL_SYNTAX
        path, parameters = found
        if refusal := self.parameter_fault(parameters) or sender_fault(path, "SMTPUTF8" in parameters):
            return refusal
        if not self.door.clients.may_send(self.client, self.loop.time()):
            self.note(replies.SLOW_DOWN)
            return replies.SLOW_DOWN
        self.reverse_path, self.smtputf8 = path, "SMTPUTF8" in parameters
        return replies.SENDER_OK

    def parameter_fault(self, parameters: dict[str, str]) -> str:
        """What is wrong with the parameters of MAIL, "" when nothing is."""
        for name, value in parameters.items():
            if not self.extended or name not in ("SIZE", "BODY", "SMTPUTF8"):
                return replies.UNKNOWN_PARAMETER
            if name == "SIZE" and value.isascii() and value.isdigit() and len(value) <= 20:
                if int(value) > self.limits.max_size:
                    return replies.TOO_LARGE
            elif name == "SIZE" or (name == "BODY" and value.upper() not in ("7BIT", "8BITMIME")) or (name == "SMTPUTF8" and value):
                return replies.BAD_PARAMETER
        return ""

    def rcpt(self, argument: str) -> str:
        """RCPT: somebody here, or no."""
        if self.reverse_path is None:
            return replies.MAIL_FIRST
        found = path_of("TO:", argument)
        if found is None or not found[0]:
            return replies.RCPT_SYNTAX
        path, parameters = found
        if parameters:
            return replies.UNKNOWN_PARAMETER
        if path.casefold() == "postmaster":  # RFC 5321, 4.5.1
            path = f"postmaster@{self.door.settings.company.domains[0]}"
        refusal = self.recipient_fault(path)
        if refusal:
            self.note(refusal, path)
            return refusal
        self.recipients[path] = None
        return replies.RECIPIENT_OK

    def recipient_fault(self, path: str) -> str:
        """Why this recipient is refused, "" when it is not."""
        if not path.isascii() and not self.smtputf8:
            return replies.NOT_ASCII
        try:
            recipient = Address.parse(path)
        except ValueError:
            return replies.BAD_RECIPIENT
        if path != path.strip():
            return replies.BAD_RECIPIENT
        snapshot = self.door.snapshot.current()
        if snapshot is None:
            return replies.NOT_READY
        if not snapshot.admits(recipient):
            return replies.UNKNOWN_RECIPIENT if recipient.domain in snapshot.domains else replies.NO_RELAY
        if self.reverse_path_is_blocked(snapshot) and not snapshot.takes_from_anybody(recipient):
            return replies.SENDER_BLOCKED
        if path not in self.recipients and len(self.recipients) >= self.limits.max_recipients:
            return replies.TOO_MANY_RECIPIENTS
        return ""

    def reverse_path_is_blocked(self, snapshot: DoorSnapshot) -> bool:
        """Has the company said no to this envelope sender?"""
        try:
            return bool(self.reverse_path) and snapshot.refuses_reverse_path(Address.parse(self.reverse_path or ""))
        except ValueError:
            return False

    def rset(self, argument: str) -> str:
        """RSET: forget the envelope."""
        self.idle_commands += 1
        if argument:
            return replies.NO_ARGUMENT
        self.reset()
        return replies.OK

    def noop(self, _argument: str) -> str:
        """NOOP."""
        self.idle_commands += 1
        return replies.OK

    def help(self, _argument: str) -> str:
        """HELP."""
        self.idle_commands += 1
        return replies.HELP

    def vrfy(self, _argument: str) -> str:
        """VRFY tells nobody who works here."""
        self.idle_commands += 1
        return replies.NOT_VERIFIED

    def expn(self, _argument: str) -> str:
        """EXPN neither."""
        return replies.NOT_EXPANDED

    def quit(self, argument: str) -> str:
        """QUIT."""
        return replies.NO_ARGUMENT if argument else replies.BYE

    async def starttls(self, argument: str) -> str:
        """STARTTLS once; what was said in clear text before it is forgotten (RFC 3207, 4.2), and what is pipelined behind it."""
        context = self.door.tls()
        if argument:
            return replies.NO_ARGUMENT
        if self.tls:
            return replies.TLS_ALREADY
        if context is None:
            return replies.NO_TLS
        await self.push(replies.START_TLS)
        self._reader._buffer.clear()  # type: ignore[attr-defined]
        plain = cast(asyncio.Transport, self.transport)
        secure = await self.loop.start_tls(plain, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS)
        if secure is None:
            raise ConnectionResetError
        # as asyncio.StreamWriter.start_tls does, and the reader as well: flow control acts on the new transport
        self.transport = self._writer._transport = self._reader._transport = secure  # type: ignore[attr-defined]
        self.tls = secure.get_extra_info("ssl_object").version() or "TLS"
        self.helo_name = ""
        self.reset()
        return ""

    # the message

    async def data(self, argument: str) -> str:
        """DATA: take the message, and promise it only when it is safe."""
        if argument:
            return replies.NO_ARGUMENT
        if self.reverse_path is None:
            return replies.MAIL_FIRST
        if not self.recipients:
            return replies.RCPT_FIRST
        await self.push(replies.SEND_DATA)
        content = Content(self.limits.max_size)
        try:
            return await self.whole(content) or await self.take(content)
        finally:
            self.door.memory.give_back(content.reserved)
            self.reset()

    async def whole(self, content: Content) -> str:
        """Read to the final dot; why that failed, "" when it did not. What is not kept is read on all the same."""
        started = self.loop.time()
        self.in_message, rest = True, None
        while rest is None:
            chunk = await self._reader.read(CHUNK)
            if not chunk:
                raise ConnectionResetError
            self._reset_timeout()
            if content.kept and not content.reserve(chunk, self.door.memory.take):
                content.drop()
            rest = content.feed(chunk)
            elapsed = self.heard - started
            if rest is None and elapsed > SLOW_GRACE and content.received < SLOWEST * elapsed:
                self.note(replies.TOO_SLOW)
                return replies.TOO_SLOW
        self.in_message = False
        self._reader._buffer[:0] = rest  # type: ignore[attr-defined]  # commands that were pipelined behind the final dot
        return ""

    async def take(self, content: Content) -> str:
        """The reply to the final dot."""
        size = content.size
        raw, normalised = content.message() if content.kept else (b"", False)
        if content.too_large or not content.kept:
            refusal = replies.TOO_LARGE if content.too_large else replies.NO_STORAGE
        else:
            refusal = self.content_fault(raw)
        if refusal:
            self.note(refusal)
            return refusal
        envelope = self.envelope_of(normalised=normalised)
        self.storing = True
        try:
            # a client that hangs up now does not cancel the store
            await asyncio.shield(asyncio.wrap_future(self.door.spool.append(envelope, raw)))
        except asyncio.CancelledError:
            log.info("left before the answer %s", visible(f"{show(envelope.spool_id)} {self.about()}"))
            raise
        except Exception as fault:
            log.error("not stored: %s client=%s", visible(described(fault)), self.client)
            return replies.not_stored(fault)
        finally:
            self.storing = False
        self.errors = self.idle_commands = 0
        reply = replies.queued(envelope.spool_id)
        log.info("accepted %s", visible(f'"{reply}" {self.about()} to={len(envelope.recipients)} size={size} tls={self.tls}'))
        return reply

    def content_fault(self, raw: bytes) -> str:
        """Why the message is refused, "" when it is not."""
        seen = scan(raw, self.hostname)
        if seen.hops > self.limits.max_hops or seen.own_hops > 1:
            return replies.LOOP
        snapshot = self.door.snapshot.current()
        if seen.author is None or snapshot is None or not snapshot.refuses(seen.author, seen.signers):
            return ""
        if any(snapshot.takes_from_anybody(Address.parse(path)) for path in self.recipients):
            return ""  # the judge sorts out who gets it
        return replies.SENDER_BLOCKED

    def envelope_of(self, *, normalised: bool) -> Envelope:
        """The transaction as it is kept."""
        return Envelope(
            spool_id=new_id(),
            received_at=utcnow(),
            reverse_path=self.reverse_path or "",
            recipients=tuple(self.recipients),
            client=self.client,
            helo=self.helo_name,
            tls=self.tls,
            protocol=protocol_word(self.extended, bool(self.tls), self.smtputf8),
            smtputf8=self.smtputf8,
            normalised=normalised,
        )

    def reset(self) -> None:
        """Forget the transaction."""
        self.reverse_path, self.smtputf8, self.recipients = None, False, {}

    # the log

    def note(self, reply: str, recipient: str = "") -> None:
        """One line about a refusal."""
        to = f" to=<{recipient}>" if recipient else ""
        log.info("refused %s", visible(f'"{reply}" {self.about()}{to}'))

    def about(self) -> str:
        """Who is speaking."""
        return f"client={self.client} helo={self.helo_name} from=<{self.reverse_path or ''}>"


COMMANDS: dict[bytes, Callable[[Dialogue, str], str]] = {
    b"HELO": Dialogue.helo,
    b"EHLO": Dialogue.ehlo,
    b"MAIL": Dialogue.mail,
    b"RCPT": Dialogue.rcpt,
    b"RSET": Dialogue.rset,
    b"NOOP": Dialogue.noop,
    b"HELP": Dialogue.help,
    b"VRFY": Dialogue.vrfy,
    b"EXPN": Dialogue.expn,
    b"QUIT": Dialogue.quit,
}


def path_of(keyword: str, argument: str) -> tuple[str, dict[str, str]] | None:
    """The path and the parameters of MAIL or RCPT; None when it is not `keyword<path> …`."""
    if argument[: len(keyword)].upper() != keyword:
        return None
    found = PATH.fullmatch(argument[len(keyword) :])
    if found is None:
        return None
    pairs = (word.partition("=") for word in (found["parameters"] or "").split())
    return found["path"], {name.upper(): value for name, _, value in pairs}


def sender_fault(path: str, smtputf8: bool) -> str:
    """What is wrong with a reverse-path, "" when nothing is. The null one is fine."""
    if not path.isascii() and not smtputf8:
        return replies.NOT_ASCII
    if not path or (len(path) <= 254 and ODD_SENDER.fullmatch(path)):
        return ""
    try:
        Address.parse(path)
    except ValueError:
        return replies.BAD_SENDER
    return ""


def protocol_word(extended: bool, tls: bool, smtputf8: bool) -> str:
    """The "with" word (RFC 3848, RFC 6531)."""
    return ("UTF8SMTP" if smtputf8 else "ESMTP" if extended else "SMTP") + ("S" if tls and extended else "")


def described(fault: BaseException) -> str:
    """A fault in one line: what and where."""
    where = traceback.extract_tb(fault.__traceback__)[-1:]
    return f"{type(fault).__name__}: {fault}" + "".join(f" at {place.name}, line {place.lineno}" for place in where)
