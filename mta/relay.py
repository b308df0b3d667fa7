"""Sends on what is due: claim, send, settle; every attempt is on the record before anybody dials."""

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from mta.encryption import Encryption
from mta.nexthop import NextHop, open_nexthop
from mta.trace import stamp
from triage import queue
from triage.bell import Bell
from triage.db import open_engine, reading, transaction
from triage.errors import BadInput, Refused
from triage.ids import show
from triage.queue import Claim, Outcome
from triage.settings import Settings
from triage.times import utcnow
from triage.visible import visible

LONGEST_PAUSE = 1.0  # seconds: the bell of another machine does not reach us
SHORTEST_PAUSE = 0.05  # seconds: what is due but in another relay's hands is not worth spinning for
KEPT_OPEN = 10.0  # seconds that connections stay when there is nothing to send
LONGEST_SEND = queue.LEASE.total_seconds() - 30  # then another worker may take over, so this one lets go before
LAST_PATIENCE = 10.0  # seconds that outcomes wait for a database that is down once we are to stop

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Errand:
    """One delivery under way: over which connection, since when, and what will come of it."""

    claim: Claim
    hop: NextHop
    started: float  # monotonic seconds
    outcome: Future[Outcome]


def run(settings: Settings, stop: threading.Event) -> None:
    """Send on what is due until `stop` is set; then finish what is under way.

    BadInput when a setting is of no use. A database that is down is waited for, and what was claimed and never
    settled is sent again when its lease ends: possibly twice, never lost.
    """
    relay = Relay(settings)
    try:
        while not stop.is_set():
            relay.turn()
        relay.finish()
    finally:
        relay.close()


class Relay:
    """The workers, each with a connection of its own, and the one thread that claims for them and settles what they bring back."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is dialled or claimed yet. BadInput when the next hop, the database or the spool directory is of no use."""
        self.settings = settings
        workers = max(1, settings.relay.concurrency)
        self.idle = [open_hop(settings) for _ in range(workers)]
        self.engine = open_engine(settings.database.url)
        self.bell, self.changed = open_bell(settings, "relay"), open_bell(settings, "change")
        self.workers = ThreadPoolExecutor(workers, thread_name_prefix="relay")
        self.under_way: set[Errand] = set()
        self.last_sent = time.monotonic()

    def turn(self, *, claiming: bool = True) -> None:
        """Settle what is done, set every idle worker to work, and wait until there is something to do again."""
        pause = LONGEST_PAUSE
        try:
            self.settle_and_claim(claiming=claiming)
            if self.idle and claiming:
                pause = self.until_due()
        except SQLAlchemyError as fault:
            log.warning("the database does not answer, trying again: %s", visible(str(fault)))
        self.let_go()
        self.bell.wait(pause)

    def settle_and_claim(self, *, claiming: bool) -> None:
        """One transaction puts outcomes on the record and takes the next claims; only then do the workers hear of them."""
        done = sorted((errand for errand in self.under_way if errand.outcome.done()), key=lambda errand: errand.claim.delivery_id)
        limit = len(self.idle) + len(done) if claiming else 0
        if not done and not limit:
            return
        with transaction(self.engine) as session:
            for errand in done:
                self.settle(session, errand)
            claims = self.claim(session, limit)
        for errand in done:
            self.under_way.remove(errand)
            self.idle.append(errand.hop)  # the one used last is used next: few connections stay warm
        if done or claims:
            self.last_sent = time.monotonic()
            self.changed.ring()
        for claim in claims:
            self.set_out(claim)

    def settle(self, session: Session, errand: Errand) -> None:
        """Put one outcome on the record. Another worker may have taken over: its word counts, ours is logged."""
        claim, outcome = errand.claim, errand.outcome.result()
        try:
            with session.begin_nested():
                queue.settle(session, claim, outcome, settings=self.settings, now=utcnow())
        except Refused as refusal:
            log.warning("delivery %s: the outcome of attempt %d came too late: %s", show(claim.delivery_id), claim.number, refusal)

    def claim(self, session: Session, limit: int) -> list[Claim]:
        """At most `limit` claims. A claim that cannot be made keeps no outcome from the record."""
        if not limit:
            return []
        try:
            with session.begin_nested():
                return queue.claim(session, limit=limit, settings=self.settings, now=utcnow())
        except Refused as refusal:
            log.error("nothing can be claimed: %s", refusal)
            return []

    def set_out(self, claim: Claim) -> None:
        """Give a claim to an idle worker, who rings when it is done."""
        hop = self.idle.pop()
        outcome = self.workers.submit(carry, claim, hop, self.settings)
        self.under_way.add(Errand(claim, hop, time.monotonic(), outcome))
        outcome.add_done_callback(lambda _: self.bell.ring())

    def until_due(self) -> float:
        """Seconds until the next delivery is due, within reason."""
        with reading(self.engine) as session:
            due = queue.next_due(session)
        wait = (due - utcnow()).total_seconds() if due else LONGEST_PAUSE
        return min(max(wait, SHORTEST_PAUSE), LONGEST_PAUSE)

    def let_go(self) -> None:
        """Hang up on next hops that hang, and on those we have had nothing for in a while."""
        now = time.monotonic()
        for errand in self.under_way:
            if now - errand.started > LONGEST_SEND:
                errand.hop.abort()
        if not self.under_way and now - self.last_sent > KEPT_OPEN:
            for hop in self.idle:
                hop.close()

    def finish(self) -> None:
        """Wait for what is under way and put it on the record, for a little while also without a database."""
        patience = LAST_PATIENCE
        while self.under_way and patience > 0:
            waiting_for_database = all(errand.outcome.done() for errand in self.under_way)
            since = time.monotonic()
            self.turn(claiming=False)
            if waiting_for_database:
                patience -= time.monotonic() - since
        for errand in self.under_way:
            log.error(
                "delivery %s: its outcome is not on the record, so it is sent again when its lease ends", show(errand.claim.delivery_id)
            )

    def close(self) -> None:
        """Give everything back."""
        self.workers.shutdown()
        for hop in (*self.idle, *(errand.hop for errand in self.under_way)):
            hop.close()
        self.bell.close()
        self.changed.close()
        self.engine.dispose()


def open_hop(settings: Settings) -> NextHop:
    """The next hop that the settings name."""
    relay = settings.relay
    encryption = Encryption(relay.tls, relay.tls_ca, relay.tls_name)
    return open_nexthop(
        relay.next_hop,
        timeout=max(1, relay.timeout),
        final_timeout=relay.final_timeout,
        hostname=settings.company.hostname,
        encryption=encryption,
    )


def open_bell(settings: Settings, name: str) -> Bell:
    """One of the bells in the spool directory; BadInput when it cannot be hung there."""
    directory = settings.spool.directory
    try:
        return Bell(directory, name)
    except OSError as fault:
        raise BadInput(f"the spool directory {directory} cannot be used: {fault.strerror}; change spool.directory or its owner") from fault


def carry(claim: Claim, hop: NextHop, settings: Settings) -> Outcome:
    """A worker's errand: the trace fields on top, and over to the next hop. One line in the log, whatever came of it."""
    try:
        raw = stamp(
            claim.raw,
            envelope=claim.envelope,
            authentication=claim.authentication,
            hostname=settings.company.hostname,
            authserv_id=settings.authserv_id,
            message_id_text=show(claim.message_id),
            rule=claim.rule,
        )
        (outcome,) = hop.send(claim.reverse_path, [claim.mailbox], raw)
    except Exception:  # a fault of ours is no reason to lose mail or a worker
        log.exception("delivery %s: attempt %d broke off", show(claim.delivery_id), claim.number)
        hop.close()
        outcome = Outcome("deferred", "an internal fault broke this attempt off; the log says more", settings.relay.next_hop)
    level = logging.INFO if outcome.kind == "delivered" else logging.WARNING
    log.log(
        level,
        "delivery %s of message %s to %s: %s in attempt %d by %s: %s",
        show(claim.delivery_id),
        show(claim.message_id),
        visible(claim.mailbox),
        outcome.kind,
        claim.number,
        outcome.next_hop,
        outcome.reply,
    )
    return outcome
