"""Sends on what is due: claim, send, settle; every attempt is in the audit log before anybody dials."""

import logging
import sys
import threading
import time
from datetime import timedelta

from sqlalchemy import and_, true
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from mta.delivery.delivery_workers import Carriers, Ended
from mta.delivery.sasl_client import left_over
from triage.config.settings import Settings
from triage.delivery import outbound_notices, queue, queue_admin
from triage.delivery.queue import RELAY, Claim
from triage.delivery.routes import list_destinations
from triage.ids import format_id
from triage.runtime.wakeup import open_pipes
from triage.store.db import at_latest, carry_out, open_engine, read_transaction, transaction
from triage.store.models.deliveries import Delivery
from triage.store.pg_notify import Notifier
from triage.store.transaction_retry import pause_after
from triage.times import utcnow

LONGEST_PAUSE = 1.0  # seconds: without LISTEN/NOTIFY no other machine wakes us
SHORTEST_PAUSE = 0.05  # seconds: what is due but in another relay's hands is not worth spinning for
LATE_EVERY = 5.0  # seconds between two looks for mail of ours that is late, or due in a future that a wrong clock has made
GATHER = 0.1  # seconds that outcomes wait for others, so that one transaction settles many
SWITCH = 0.0005  # seconds: a worker whose next hop has answered waits so long for the thread that settles
LAST_PATIENCE = 10.0  # seconds that outcomes wait for a database that is down once we are to stop

log = logging.getLogger(__name__)


def run_role(settings: Settings, stop: threading.Event) -> None:
    """Send on what is due until `stop` is set; then finish what is under way.

    BadInput when a setting is of no use. A database that is down is waited for, and what was claimed and never
    settled is sent again when its lease ends: possibly twice, never lost.
    """
    relay = Relay(settings)
    sys.setswitchinterval(SWITCH)
    try:
        try:
            while not stop.is_set():
                relay.turn()
        finally:
            relay.finish()  # after a mistake of ours too: what was delivered and is not in the audit log would be sent again
    finally:
        relay.close()


class Relay:
    """The one thread that claims for the carriers of every destination, and settles what they bring back."""

    def __init__(self, settings: Settings) -> None:
        """Dials and claims nothing yet. BadInput when a next hop, the database or the spool directory is of no use."""
        self.settings = settings
        self.carriers = [Carriers(one, settings, self.wake) for one in list_destinations(settings)]
        for next_hop in left_over(settings):
            log.warning("relay.logins_file has a line for %(next_hop)s, which is no next hop", {"next_hop": next_hop})
        self.engine = open_engine(settings.database.url)
        self.pipe, self.changed = open_pipes(settings.spool.directory, "relay", "change")
        self.notifier = Notifier(settings, sends=[self.changed], receives=[self.pipe])
        self.unsettled: list[Ended] = []
        self.look_again = 0.0  # monotonic seconds: when to look for what is due
        self.look_for_late = 0.0  # the same for what is late

    def wake(self) -> None:
        """A worker has nothing more to do."""
        self.pipe.wake()

    def turn(self, *, claiming: bool = True) -> None:
        """Settle what has ended, claim what is due, and wait until there is something to do again."""
        try:
            claims = claiming and self.something_is_due()
            if claims or self.settling_is_due(stopping=not claiming):
                self.settle_and_claim(claiming=claiming)
            if claiming and time.monotonic() >= self.look_for_late:
                self.look_for_late = time.monotonic() + LATE_EVERY
                self.notify_delays()
                self.set_clocks_right()
        except SQLAlchemyError as fault:
            self.look_again = time.monotonic() + pause_after(fault, LONGEST_PAUSE)
        for one in self.carriers:
            one.close_stale_connections()
            one.set_out()
        if self.pipe.wait(self.pause()):
            self.look_again = 0.0

    def settling_is_due(self, *, stopping: bool) -> bool:
        """Whether there is something to settle or to give back that should not wait for more."""
        return bool(self.unsettled) or any(one.settling_is_due(GATHER, stopping=stopping) for one in self.carriers)

    def something_is_due(self) -> bool:
        """Whether a delivery is due for carriers who will soon have nothing to do."""
        hungry = [one for one in self.carriers if one.hungry()]
        if not hungry or time.monotonic() < self.look_again:
            return False
        with read_transaction(self.engine) as session:
            due = [found for one in hungry if (found := queue.next_due(session, one.destination.condition))]
        wait = (min(due) - utcnow()).total_seconds() if due else LONGEST_PAUSE
        self.look_again = time.monotonic() + min(max(wait, SHORTEST_PAUSE), LONGEST_PAUSE)
        return wait <= 0

    def settle_and_claim(self, *, claiming: bool) -> None:
        """Records outcomes and claims the next deliveries in one transaction; the workers get them after the commit.

        Outcomes that may wait do not hold up a claim: somebody may be looking at the clock.
        """
        if self.settling_is_due(stopping=not claiming) or any(one.settling_is_due(GATHER / 2, stopping=False) for one in self.carriers):
            for one in self.carriers:
                self.unsettled += one.collect(stopping=not claiming)
        with transaction(self.engine) as session:
            late = queue.settle_many(session, self.unsettled, settings=self.settings, now=utcnow()) if self.unsettled else []
            back = [one for one in self.carriers if one.returned]
            for one in self.carriers:
                self.postpone_due(session, one)
            claims = [(one, self.claim(session, one)) for one in self.carriers if claiming]
        for claim in late:
            tardy = {"delivery": format_id(claim.delivery_id), "message": format_id(claim.message_id), "attempt": claim.number}
            log.warning("delivery %(delivery)s of message %(message)s: the outcome of attempt %(attempt)d came too late", tardy)
        if self.unsettled or any(taken for _, taken in claims):
            self.changed.wake()
        self.unsettled = []
        for one in back:
            one.returned = False
        for one, taken in claims:
            one.take(taken)

    def notify_delays(self) -> None:
        """Let whoever of ours wrote a message know that it is late."""
        with read_transaction(self.engine) as session:
            late = outbound_notices.any_late(session, settings=self.settings, now=utcnow())
        while late:
            late = carry_out(self.engine, lambda session: outbound_notices.note_delayed(session, settings=self.settings, now=utcnow()) > 0)
            self.look_again = 0.0

    def set_clocks_right(self) -> None:
        """Sends now what a clock that was ahead has deferred too far."""
        with read_transaction(self.engine) as session:
            strayed = queue_admin.any_strayed(session, settings=self.settings, now=at_latest(session, utcnow()))
        if strayed:
            number = carry_out(self.engine, self.bring_back)
            log.warning("%d deliveries were due in a far future: the clock was ahead, and they go now", number)
            self.look_again = 0.0

    def bring_back(self, session: Session) -> int:
        """Make what has strayed due; how much that was."""
        now = at_latest(session, utcnow())
        return queue_admin.set_right(session, settings=self.settings, lease=queue.LEASE, by=RELAY, now=now)

    def postpone_due(self, session: Session, one: Carriers) -> None:
        """While a next hop is away, what is due there waits for it without an attempt; it goes as soon as the next hop is back."""
        if seconds := one.away_for():
            until = utcnow() + timedelta(seconds=seconds)
            why, long = one.away_reply, one.is_away_for_long()
            queue_admin.defer_deliveries(session, one.destination, until, why, give_up=long, settings=self.settings, by=RELAY, now=utcnow())
        elif one.returned:
            queue_admin.bring_forward(session, one.destination, now=utcnow())

    def claim(self, session: Session, one: Carriers) -> list[Claim]:
        """Claims as many deliveries as there is room for, and none twice: after a jump of the clock every lease has ended."""
        room = one.room()
        if not room:
            return []
        theirs = true() if one.destination.condition is None else one.destination.condition
        where = and_(theirs, col(Delivery.id).not_in(one.claimed))
        return queue.claim_deliveries(session, limit=room, settings=self.settings, now=utcnow(), where=where, most_bytes=one.bytes_left())

    def pause(self) -> float:
        """Seconds until there may be something to do of which no wake-up comes."""
        if self.unsettled or any(one.backlog for one in self.carriers):
            return GATHER
        if ended := [one for one in self.carriers if one.ended]:
            return min(one.patience(GATHER) for one in ended)
        if any(one.hungry() for one in self.carriers):
            return min(max(self.look_again - time.monotonic(), 0.0), LONGEST_PAUSE)
        return min([LONGEST_PAUSE, *(seconds for one in self.carriers if (seconds := one.away_for()))])

    def finish(self) -> None:
        """Waits for running attempts and records them, for a short time also without a database."""
        patience = LAST_PATIENCE
        while self.unfinished() and patience > 0:
            waiting_for_database = bool(self.unsettled) and not any(one.in_hand for one in self.carriers)
            since = time.monotonic()
            self.turn(claiming=False)
            if waiting_for_database:
                patience -= time.monotonic() - since
        for claim, _ in (*self.unsettled, *(ended for one in self.carriers for ended in one.ended)):
            unsaid = {"delivery": format_id(claim.delivery_id), "message": format_id(claim.message_id)}
            log.error("delivery %(delivery)s of message %(message)s: its outcome is not recorded, so it is sent again later", unsaid)

    def unfinished(self) -> bool:
        """Whether anything is under way, or not in the audit log."""
        return bool(self.unsettled) or any(one.in_hand or one.ended for one in self.carriers)

    def close(self) -> None:
        """Give everything back."""
        for one in self.carriers:
            one.close()
        self.notifier.close()
        self.pipe.close()
        self.changed.close()
        self.engine.dispose()
