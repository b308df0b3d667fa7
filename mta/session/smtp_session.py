"""One session with a client: what comes in, step by step, and the reply to each (RFC 5321; LMTP: RFC 2033).

It is told what has come and says what goes out; a `Line` carries both. All replies to what came together leave together
(RFC 2920, 3.2).
"""

import ssl
from collections.abc import Callable
from concurrent.futures import Future

from mta.peer import proxy_protocol
from mta.peer.smtp_peer import Visitor
from mta.session import admission, commands, replies, session_log
from mta.session.envelope_transaction import Transaction
from mta.session.incoming_message import Incoming, envelope_of
from mta.session.line_buffer import Unread
from mta.session.sasl_auth import Exchange
from mta.session.server_context import Door
from mta.session.session_limits import Patience
from mta.session.submission import Submission
from mta.session.transport import Line
from triage.addressing.envelope import Envelope

LONGEST_LINE = 512  # bytes; RFC 5321, 4.5.3.1.4
LONGER = {
    b"MAIL": LONGEST_LINE + 26 + 16 + 10 + 500,  # SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), AUTH (RFC 4954, 3)
    b"XFORWARD": 2048,
    b"AUTH": 2048,  # RFC 4954, 4: with an initial response
}
MOST_AT_ONCE = 100  # steps until others have their turn
MOST_UNREAD = 64 * 1024  # bytes that may wait while a message is stored
WEB_VERBS = frozenset({b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"CONNECT", b"DELETE", b"PATCH", b"TRACE"})
TLS_RECORD = b"\x16\x03"


class Dialogue:
    """`step` reads what is expected next. False from it: more has to come, or to happen, before it goes on."""

    def __init__(self, door: Door, line: Line, visitor: Visitor) -> None:
        self.door, self.line, self.visitor = door, line, visitor
        self.commands = commands.LMTP if visitor.lmtp else commands.SMTP
        self.transaction = Submission(door, visitor) if door.submitters else Transaction(door, visitor)
        self.patience = Patience(door.settings.smtp, door.clock())
        self.unread = Unread()
        self.said: list[str] = []
        self.step: Callable[[], bool] = self.wait
        self.incoming: Incoming | None = None
        self.storing: Envelope | None = None
        self.exchange: Exchange | None = None  # while somebody signs in
        self.has_ended = self.is_over = False  # the client has said its last word; we have said ours
        self.lets_others = False  # there is more to be read, after the others' turn

    # told by the connection

    def open(self) -> None:
        """Somebody is there. Behind a proxy it is not known yet who."""
        if not self.visitor.lmtp and self.door.edges.passes_through(self.visitor.peer):
            self.door.clients.came("")
            self.step = self.read_proxy_header
        else:
            admission.arrive(self.door, self.visitor, self.visitor.peer)
            self.greet()
            self.flush()

    def feed(self, data: bytes) -> None:
        """Something has come in."""
        if not self.is_over:
            self.unread.put(data)
            if not self.lets_others:
                self.go_on()

    def go_on(self) -> None:
        """Read as far as possible now, so far as it is fair: nobody waits for all that somebody else has to say."""
        for _ in range(MOST_AT_ONCE):
            if self.line.is_full or not self.step():
                break
        else:
            self.let_others()
        self.flush()
        if len(self.unread) > MOST_UNREAD:
            self.line.pause()
        if self.has_ended and not self.has_open_end():
            self.leave()

    def let_others(self) -> None:
        """Go on after everybody else who has something to say."""
        self.lets_others = True
        self.line.pause()
        self.door.later(self.go_on_after_others)

    def go_on_after_others(self) -> None:
        """It is this client's turn again."""
        self.lets_others = False
        self.line.resume()
        self.go_on()

    def secured(self, version: str) -> None:
        """TLS stands. What was said in clear text before it is forgotten (RFC 3207, 4.2), and what was pipelined behind STARTTLS."""
        self.unread.clear()
        self.transaction.clear()
        self.visitor.forget_client()
        self.visitor.tls, self.visitor.greeting, self.visitor.login = version, "", ""
        self.step = self.read_command

    def ended(self) -> bool:
        """The client has said its last word. Is there something to be answered yet?"""
        self.has_ended = True
        return self.has_open_end()

    def has_open_end(self) -> bool:
        """Is something to be answered yet?"""
        return self.storing is not None or self.line.is_full or self.lets_others

    def gone(self) -> None:
        """The connection is lost. A store that is under way goes on."""
        self.is_over, self.step = True, nothing
        self.door.clients.left(self.visitor.counted)
        if self.storing is not None:
            session_log.left(self.storing, self.visitor)
        else:
            self.give_back()

    def look(self, now: float) -> None:
        """Time has passed: is it enough? A message that comes as fast as it must is heard to its end."""
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
            session_log.refused(reply, self.visitor, self.transaction.reverse_path)
            self.say(reply)
            self.leave(gently=True)

    # what we say

    def say(self, reply: str) -> None:
        """To be said with the next flush."""
        self.said.append(reply)

    def flush(self) -> None:
        """Say what is to be said, in one piece."""
        if self.said:
            self.said.append("")
            self.line.write("\r\n".join(self.said).encode())
            self.said.clear()

    def answer(self, reply: str) -> None:
        """Say a reply, and leave when it is the last one."""
        self.say(reply)
        if reply == replies.BYE:
            self.leave()
        elif reply == replies.NOT_SMTP or reply.startswith("421"):
            self.leave(gently=True)
        elif not self.visitor.is_edge and (last := self.patience.after(reply)):  # an edge asks for many, and not about itself
            self.hang_up(last)
        elif self.door.stopping and not self.transaction.is_open:
            self.hang_up(replies.SHUTTING_DOWN)

    def leave(self, *, gently: bool = False) -> None:
        """That was all. `gently`: to a client that may still be speaking."""
        if self.is_over:
            return
        self.flush()
        self.is_over, self.step = True, self.wait
        self.unread.clear()
        self.line.close(gently=gently)

    # the steps

    def wait(self) -> bool:
        """Nothing is read now."""
        return False

    def read_proxy_header(self) -> bool:
        """Who is behind the proxy. A proxy that does not say it is not served."""
        try:
            header = proxy_protocol.read(self.unread.peek())
        except proxy_protocol.Malformed:
            self.hang_up(replies.NO_PROXY_HEADER)
            return False
        if header is None:
            return False
        self.unread.take(header.length)
        self.visitor.proxy = self.visitor.peer if header.client else ""
        self.door.clients.left("")
        admission.arrive(self.door, self.visitor, header.client or self.visitor.peer)
        self.greet()
        return False

    def greet(self) -> None:
        """The first line that a client sees, or why it sees no other. It must wait for it (RFC 5321, 4.3.1)."""
        if unwelcome := admission.unwelcome(self.door, self.visitor):
            session_log.refused(unwelcome, self.visitor)
            self.say(unwelcome)
            self.leave()  # at once: a flood of connections must not last longer
            return
        if len(self.unread) or self.line.has_spoken():
            self.hang_up(replies.TALKED_EARLY)
            return
        self.say(replies.greeting(self.door.settings.company.hostname, "LMTP" if self.visitor.lmtp else "ESMTP"))
        self.step = self.read_command

    def read_command(self) -> bool:
        """The next command line."""
        line = self.unread.line()
        if line is not None:
            self.obey(line)
        elif self.unread.starts_with(TLS_RECORD):
            self.answer(replies.NOT_SMTP)
        return line is not None

    def obey(self, line: bytes) -> None:
        """Do what a command line asks for. Our own faults are temporary and never shown."""
        verb, _, rest = line.partition(b" ")
        verb = verb.strip().upper()
        try:
            reply = self.fault_of(verb, line) or self.reply_to(verb, rest)
        except Exception as error:
            session_log.fault(verb.decode("ascii", "replace"), error, self.visitor)
            self.transaction.clear()
            reply = replies.FAULT
        if reply:
            self.answer(reply)

    def fault_of(self, verb: bytes, line: bytes) -> str:
        """Why this is no command line, "" when it is one."""
        if verb in WEB_VERBS or line.startswith(TLS_RECORD):
            return replies.NOT_SMTP
        if len(line) > LONGER.get(verb, LONGEST_LINE):
            return replies.LINE_TOO_LONG
        return "" if line.endswith(b"\r\n") and b"\r" not in line[:-2] and b"\0" not in line else replies.BAD_LINE

    def reply_to(self, verb: bytes, rest: bytes) -> str:
        """The reply to a command, "" when there is none now."""
        try:
            argument = rest.decode("utf-8").strip()
        except UnicodeDecodeError:
            return replies.BAD_LINE
        self.patience.heard = self.door.clock()
        command = self.commands.get(verb)
        return command(self, argument) if command else replies.UNKNOWN_COMMAND

    def go_on_in_tls(self, context: ssl.SSLContext) -> None:
        """Say so in clear text, then nothing more."""
        self.say(replies.START_TLS)
        self.flush()
        self.step = self.wait
        self.line.start_tls(context)

    def sign_in(self, exchange: Exchange) -> str:
        """Go on with signing in: what is asked next, or the outcome."""
        if exchange.question:
            self.exchange, self.step = exchange, self.read_response
            return exchange.question
        assert self.door.submitters is not None
        reply = exchange.outcome(self.door.submitters, self.visitor, self.door.clock())
        session_log.signed_in(reply, exchange.name, self.visitor)
        return reply

    def read_response(self) -> bool:
        """The answer of a client that signs in."""
        assert self.exchange is not None
        line = self.unread.line()
        if line is None:
            return False
        self.patience.heard = self.door.clock()
        exchange, self.exchange, self.step = self.exchange, None, self.read_command
        self.answer(exchange.take(line) or self.sign_in(exchange))
        return True

    def expect_message(self) -> None:
        """What comes next is a message."""
        self.incoming = Incoming(self.door, self.visitor.client)
        self.step = self.read_message

    def read_message(self) -> bool:
        """More of the message."""
        assert self.incoming is not None
        chunk = self.unread.take()
        if not chunk:
            return False
        self.patience.heard = self.door.clock()
        try:
            rest = self.incoming.feed(chunk)
        except Exception as error:  # where the message ends is not known any more: no text of it may become a command
            session_log.fault("the message", error, self.visitor)
            self.answer(replies.FAULT_IN_MESSAGE)
            return False
        if rest is None:
            return False
        self.unread.put(rest)
        self.take(self.incoming)
        return True

    def take(self, incoming: Incoming) -> None:
        """The final dot: store the message, or say why not."""
        self.step = self.read_command
        try:
            raw, normalised, refusal = incoming.complete(self.transaction)
            if not refusal:
                self.store(raw, envelope_of(self.transaction, self.visitor, normalised=normalised))
                return
            session_log.refused(refusal, self.visitor, self.transaction.reverse_path)
        except Exception as error:
            session_log.fault("the message's end", error, self.visitor)
            refusal = replies.FAULT
        self.finish(refusal)

    def store(self, raw: bytes, envelope: Envelope) -> None:
        """Let it be made safe. A client that hangs up now does not cancel that."""
        done = self.door.spool.append(envelope, raw)
        self.storing, self.step = envelope, self.wait
        done.add_done_callback(lambda safe: self.door.later(lambda: self.stored(envelope, len(raw), safe)))

    def stored(self, envelope: Envelope, size: int, safe: "Future[None]") -> None:
        """The promise, or why there is none."""
        self.storing = None
        if error := safe.exception():
            session_log.not_stored(error, self.visitor)
        if self.is_over:
            self.give_back()
            return
        if error:
            reply = replies.not_stored(error)
        else:
            reply = replies.queued(envelope.spool_id)
            self.patience.renew()
            session_log.accepted(reply, envelope, size, self.visitor)
        self.step = self.read_command
        self.finish(reply)
        self.line.resume()
        self.go_on()

    def finish(self, reply: str) -> None:
        """The message is answered: for each recipient of its own where LMTP is spoken (RFC 2033, 4.2)."""
        answers = self.transaction.accepted if self.visitor.lmtp else 1
        self.give_back()
        self.transaction.clear()
        self.visitor.forget_client()
        self.answer("\r\n".join([reply] * answers))

    def give_back(self) -> None:
        """The message needs no memory any more."""
        if self.incoming is not None:
            self.incoming.give_back()
        self.incoming = None


def nothing() -> bool:
    """The last step. A method would tie the dialogue to itself, and only the garbage collector could undo that."""
    return False
