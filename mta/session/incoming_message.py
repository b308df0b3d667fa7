"""The message of a transaction: from 354 to what is put into the spool, or why it is not."""

import functools

from mta.peer.smtp_peer import Visitor
from mta.session import replies
from mta.session.data_reader import Content
from mta.session.envelope_transaction import Transaction
from mta.session.header_scan import scan_header
from mta.session.server_context import ServerContext
from triage.addressing.envelope import Envelope
from triage.ids import new_id
from triage.times import utcnow

SLOWEST = 500  # bytes a second of a message
SLOW_GRACE = 30.0  # seconds until SLOWEST counts
SLOWEST_FOR_LONG = 4096  # bytes a second of one that takes longer than a session may last: what a modem does
LONGEST_REST = 120.0  # seconds without a byte that a fast beginning earns
MOST_OWN_HOPS = 3  # in, out by an alias to a list outside, in again, out again by somebody's forward: that is no loop yet


class Pace:
    """Slowest pace at which a message may arrive on the whole, once the grace is over. A fast beginning earns a short rest only."""

    __slots__ = ("counted", "grace", "rate", "seen")

    def __init__(self, rate: float, grace: float) -> None:
        self.rate, self.grace = rate, grace
        self.counted = self.seen = 0.0  # bytes that count, and all at the last look

    def is_fast_enough(self, received: int, elapsed: float) -> bool:
        """Whether so many bytes in so many seconds are fast enough."""
        self.counted = min(self.counted + received - self.seen, self.rate * (elapsed + LONGEST_REST))
        self.seen = received
        return elapsed <= self.grace or self.counted >= self.rate * elapsed


class Incoming:
    """A message that is coming in. What is not kept is read to its end all the same."""

    def __init__(self, server: ServerContext, client: str) -> None:
        self.server, self.client = server, client
        self.content = Content(server.settings.smtp.max_size)
        self.started = server.clock()
        self.paces = Pace(SLOWEST, SLOW_GRACE), Pace(SLOWEST_FOR_LONG, server.settings.smtp.session_timeout)

    def feed(self, chunk: bytes) -> bytes | None:
        """Take a chunk. None: there is more to come. Otherwise this is what came behind the final dot."""
        content = self.content
        if content.kept and not content.reserve(chunk, functools.partial(self.server.memory.take, client=self.client)):
            content.drop()
        rest = content.feed(chunk)
        if not content.kept:
            self.give_back()
        return rest

    def is_too_slow(self, now: float) -> bool:
        """Whether the message comes slower than it may. Only then the session stops waiting for its end."""
        return not all(pace.is_fast_enough(self.content.received, now - self.started) for pace in self.paces)

    def give_back(self) -> None:
        """Frees the memory that the message has reserved."""
        self.server.memory.give_back(self.content.reserved, self.client)
        self.content.reserved = 0

    def complete(self, transaction: Transaction) -> tuple[bytes, bool, str]:
        """The message, whether its line ends were normalised, and why it is refused, "" when it is not."""
        raw, normalised = self.content.message() if self.content.kept else (b"", False)
        if self.content.too_large:
            return b"", False, replies.TOO_LARGE
        if not self.content.kept:
            return b"", False, replies.NO_STORAGE
        return raw, normalised, self.fault(raw, transaction)

    def fault(self, raw: bytes, transaction: Transaction) -> str:
        """Returns the reply that refuses the message for its content, "" when it is not refused.

        A loop is ended for edges too: whoever answers for the message must learn of it. A blocked author is not their fault.
        """
        smtp = self.server.settings.smtp
        seen = scan_header(raw, self.server.settings.company.hostname)
        if seen.hops > smtp.max_hops or seen.own_hops > MOST_OWN_HOPS:
            return replies.LOOP
        if self.server.submitters:
            return ""  # whom we block is about mail that comes in
        snapshot = self.server.snapshot.current()
        if transaction.visitor.is_edge or seen.author is None or snapshot is None:
            return ""
        entry = snapshot.refused_by(seen.author, seen.signers)
        if not entry:
            return ""
        if any(snapshot.takes_from_anybody(recipient) for recipient in transaction.recipients.values()):
            return ""  # the judge sorts out who gets it
        return self.server.refuse_blocked(entry, len(transaction.recipients))


def envelope_of(transaction: Transaction, visitor: Visitor, *, normalised: bool) -> Envelope:
    """The transaction as it is kept."""
    return Envelope(
        spool_id=new_id(),
        received_at=utcnow(),
        reverse_path=transaction.reverse_path or "",
        recipients=tuple(transaction.recipients),
        client=visitor.client,
        helo=visitor.helo,
        tls=visitor.tls,
        protocol=visitor.protocol(transaction.smtputf8),
        smtputf8=transaction.smtputf8,
        normalised=normalised,
        edge=visitor.edge,
        edge_helo=visitor.greeting if visitor.is_edge else "",
        proxy=visitor.proxy,
        client_name=visitor.client_name,
        client_protocol=visitor.client_protocol,
    )
