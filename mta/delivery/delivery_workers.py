"""The workers towards one next hop: each with a connection of its own, a little work claimed ahead, patience while it is away."""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from mta.delivery.arc_seal import open_sealer
from mta.delivery.delivery_attempt import DeliveryBatch, deliver_claims, group_claims
from mta.delivery.next_hop import NextHop, open_nexthop
from mta.delivery.sasl_client import Logins
from mta.delivery.starttls import Encryption
from triage.config.settings import Settings
from triage.delivery import queue
from triage.delivery.queue import Claim, Outcome
from triage.delivery.routes import Destination
from triage.runtime import metrics
from triage.say import say

AHEAD = 0.5  # seconds of work that is claimed ahead, so that nobody waits for the database
MOST_AHEAD = 128  # batches
GIVE_BACK = 30.0  # seconds that what was claimed ahead waits for a worker; then anybody may have it again
LULL = 4  # times shorter that outcomes wait for others while nothing is under way: what is due next need not wait for a commit
KEPT_OPEN = 10.0  # seconds that connections stay when there is nothing to send
LONGEST_SEND = queue.LEASE.total_seconds() - GIVE_BACK - 15  # then another worker may take over, so this one gives up before
FIRST_PAUSE, LONGEST_AWAY = 1.0, 300.0  # seconds until a next hop that is away is asked again, doubling
LONG = 3600.0  # seconds that a next hop is away before mail is given up for it
RESTS = 15.0  # seconds that a worker rests whose connection was refused while others are served

Ended = tuple[Claim, Outcome]

log = logging.getLogger(__name__)


class Carriers:
    """The workers of one destination. The relay's thread gives and takes; everything shared is under the lock."""

    def __init__(self, destination: Destination, settings: Settings, wake: Callable[[], None]) -> None:
        """Dials nothing yet. BadInput when the next hop or the key of our seal is of no use."""
        self.destination, self.settings, self.wake = destination, settings, wake
        self.sealer = open_sealer(settings)
        workers = max(1, settings.relay.concurrency)
        self.idle = [open_hop(destination.next_hop, settings) for _ in range(workers)]
        self.workers = ThreadPoolExecutor(workers, thread_name_prefix="relay")
        self.lock = threading.Lock()
        self.backlog: deque[DeliveryBatch] = deque()
        self.claimed: set[int] = set()  # deliveries whose outcomes the relay has not collected
        self.busy: dict[NextHop, float] = {}  # since when, monotonic seconds
        self.resting: dict[NextHop, float] = {}  # until when
        self.ended: list[Ended] = []
        self.first_ended = self.last_used = time.monotonic()
        self.pace = 0.0  # seconds a batch takes; 0: not known yet
        self.failures, self.away_since, self.away_until, self.away_reply = 0, 0.0, 0.0, ""
        self.back = False  # the next hop has answered since it was away
        self.returned = False  # and all that was said before is collected, so that the queue may be told
        self.was_away = True  # for all that we know
        self.too_fast_at = 0.0  # when it last wanted mail more slowly, monotonic seconds

    @property
    def in_hand(self) -> int:
        """Batches under way or waiting for a worker."""
        return len(self.busy) + len(self.backlog)

    def wanted(self) -> int:
        """Returns how many batches there should be in hand. One at a time while the next hop is on probation."""
        workers = len(self.busy) + len(self.idle)
        if self.failures:
            return 1 if time.monotonic() >= self.away_until else 0
        return min(max(workers, int(AHEAD * workers / self.pace)), MOST_AHEAD) if self.pace else workers

    def room(self) -> int:
        """Returns how many more batches may be claimed."""
        with self.lock:
            return max(0, self.wanted() - self.in_hand) if self.free_bytes() else 0

    def bytes_left(self) -> int:
        """Returns how many bytes of messages may still be claimed ahead."""
        with self.lock:
            return self.free_bytes()

    def free_bytes(self) -> int:
        """The same, for who has the lock."""
        return max(0, queue.MOST_BYTES - sum(batch.size for batch in self.backlog))

    def hungry(self) -> bool:
        """Whether it is time to claim: a worker will soon have nothing to do."""
        with self.lock:
            wanted = self.wanted()
            idle = bool(self.idle) and not self.backlog
            return wanted > self.in_hand and self.free_bytes() > 0 and (idle or self.in_hand <= wanted // 2)

    def take(self, claims: Sequence[Claim]) -> None:
        """Set out with what was claimed."""
        if not claims:
            return
        with self.lock:
            self.backlog.extend(group_claims(claims))
            self.claimed.update(claim.delivery_id for claim in claims)
            self.last_used = time.monotonic()
        self.set_out()

    def set_out(self) -> None:
        """Wake as many workers as there is work for."""
        with self.lock:
            now = time.monotonic()
            rested = [hop for hop, until in self.resting.items() if until <= now and hop not in self.busy]
            for hop in rested:
                del self.resting[hop]
                self.idle.append(hop)
            ready = 0 if self.is_stale(now) else len(self.backlog)
            woken = [self.idle.pop() for _ in range(min(len(self.idle), ready))]  # few connections stay warm
            self.busy.update(dict.fromkeys(woken, now))
        for hop in woken:
            self.workers.submit(self.work, hop)

    def work(self, hop: NextHop) -> None:
        """Delivers batch after batch, until there is none or the next hop is away."""
        while (batch := self.next_batch(hop)) is not None:
            begun = time.monotonic()
            outcomes = deliver_claims(batch, hop, self.settings, self.destination.next_hop, self.sealer)
            if self.note(batch, outcomes, hop, time.monotonic() - begun):
                hop.close()
        self.wake()

    def next_batch(self, hop: NextHop) -> DeliveryBatch | None:
        """The next one in the backlog; without one the worker is idle."""
        with self.lock:
            self.busy.pop(hop, None)
            self.last_used = now = time.monotonic()
            if not self.backlog or self.is_stale(now) or hop in self.resting or (self.failures and now < self.away_until):
                if hop not in self.resting:
                    self.idle.append(hop)
                return None
            self.busy[hop] = now
            return self.backlog.popleft()

    def note(self, batch: DeliveryBatch, outcomes: list[Outcome], hop: NextHop, seconds: float) -> bool:
        """Notes the outcomes of a batch and what they say about the next hop; returns whether this worker is to rest."""
        with self.lock:
            now = time.monotonic()
            if any(outcome.unreachable for outcome in outcomes):
                outcomes = self.note_refused(outcomes, hop, now)
            elif slow := next((outcome for outcome in outcomes if outcome.too_fast), None):
                self.note_too_fast(slow, hop, now)
            elif now - seconds > self.too_fast_at:
                self.note_served(seconds)
            if not self.ended:
                self.first_ended = now
            self.ended.extend(zip(batch.claims, outcomes, strict=True))
            return hop in self.resting

    def note_served(self, seconds: float) -> None:
        """The next hop is there."""
        self.pace = 0.8 * self.pace + 0.2 * seconds if self.pace else seconds
        self.back |= self.was_away
        self.failures, self.was_away = 0, False

    def note_refused(self, outcomes: list[Outcome], hop: NextHop, now: float) -> list[Outcome]:
        """A connection did not come about. While others are served it is one too many: its worker rests, its mail goes with the others."""
        refused = next(one for one in outcomes if one.unreachable)
        if refused.shut_out:
            self.report_refusal(refused)
        if not self.was_away and self.others_are_busy(hop):
            self.resting[hop] = now + (LONGEST_AWAY if refused.shut_out else RESTS)
            return [replace(one, kind="untried", unreachable=False) if one.unreachable else one for one in outcomes]
        self.pause_use(refused, now)
        return outcomes

    def note_too_fast(self, slow: Outcome, hop: NextHop, now: float) -> None:
        """Slows down for a next hop that takes messages, but not so fast: a pause for all, and one worker less for a while."""
        metrics.count_event("mailroom_next_hop_refusals", reason="too-fast")
        if self.others_are_busy(hop):
            self.resting[hop] = now + RESTS
        self.too_fast_at = now
        self.pause_use(slow, now)

    def others_are_busy(self, hop: NextHop) -> bool:
        """Whether another connection is in use, and good for more than its last batch."""
        return any(other is not hop and other not in self.resting for other in self.busy)

    def pause_use(self, refused: Outcome, now: float) -> None:
        """Pauses sending, longer each time; a password that was refused once is not tried in quick succession."""
        is_news = now >= self.away_until
        if not self.failures or now - self.away_until > LONGEST_AWAY:  # or nobody has asked since
            self.away_since = now
        self.failures += is_news
        if is_news or refused.shut_out:
            pause = LONGEST_AWAY if refused.shut_out else min(FIRST_PAUSE * 2 ** (self.failures - 1), LONGEST_AWAY)
            self.away_until = now + pause * random.uniform(1 - queue.JITTER, 1 + queue.JITTER)
        self.was_away, self.back = True, False
        self.away_reply = refused.reply

    def report_refusal(self, refused: Outcome) -> None:
        """Tells the operator: it does not recover by itself."""
        metrics.count_event("mailroom_next_hop_refusals", reason="sign-in")
        log.error(
            "next hop %(next_hop)s: %(reply)s. Put it right, `mailroom doctor` tries it; mail waits meanwhile",
            {"next_hop": refused.next_hop, "reply": refused.reply},
        )

    def collect(self, *, stopping: bool) -> list[Ended]:
        """Returns ended deliveries, and those given back untried: they waited too long, the next hop is away, or we are to stop."""
        with self.lock:
            now = time.monotonic()
            away = bool(self.failures) and now < self.away_until
            parting = [stopping or away or now - batch.since > GIVE_BACK for batch in self.backlog]
            back = [batch for batch, parts in zip(self.backlog, parting, strict=True) if parts]
            self.backlog = deque(batch for batch, parts in zip(self.backlog, parting, strict=True) if not parts)
            said = self.away_reply if away else say("it was not tried: the next hop is busy with other messages")
            untried = Outcome("untried", said, self.destination.next_hop)
            ended = self.ended + [(claim, untried) for batch in back for claim in batch.claims]
            self.ended = []
            self.claimed.difference_update(claim.delivery_id for claim, _ in ended)
            self.returned, self.back = self.returned or self.back, False
            return ended

    def settling_is_due(self, gather: float, *, stopping: bool) -> bool:
        """Whether there is something to settle or to give back that should not wait for more to come. `gather`: as of `patience`."""
        with self.lock:
            now = time.monotonic()
            parting = self.is_stale(now) or (stopping and bool(self.backlog or (self.ended and not self.busy)))
            return parting or (bool(self.ended) and now - self.first_ended >= self.patience(gather))

    def patience(self, gather: float) -> float:
        """Returns how many seconds outcomes wait for others: `gather` while more will come, less while nothing is under way."""
        return gather if self.in_hand else gather / LULL

    def is_stale(self, now: float) -> bool:
        """Whether the backlog has waited too long to set out with it.

        Whoever did could meet another relay that has it since its lease ended.
        """
        return bool(self.backlog) and now - self.backlog[0].since > GIVE_BACK

    def away_for(self) -> float:
        """Seconds until the next hop is asked again; 0 when it may be asked now."""
        with self.lock:
            return max(0.0, self.away_until - time.monotonic()) if self.failures else 0.0

    def is_away_for_long(self) -> bool:
        """Whether messages for it are given up. After a standstill the next hop may only be slower to start than we are."""
        with self.lock:
            return bool(self.failures) and time.monotonic() - self.away_since >= LONG

    def close_stale_connections(self) -> None:
        """Hang up on a next hop that hangs, and on one that we have had nothing for in a while."""
        with self.lock:
            now = time.monotonic()
            for hop, since in self.busy.items():
                if now - since > LONGEST_SEND:
                    hop.abort()
            if not self.in_hand and now - self.last_used > KEPT_OPEN:
                for hop in (*self.idle, *self.resting):
                    hop.close()

    def close(self) -> None:
        """Give everything back; what is under way is waited for."""
        self.workers.shutdown()
        for hop in (*self.idle, *self.resting, *self.busy):
            hop.close()


def open_hop(next_hop: str, settings: Settings) -> NextHop:
    """A next hop of this URL, as the settings want it."""
    relay = settings.relay
    return open_nexthop(
        next_hop,
        timeout=max(1, relay.timeout),
        final_timeout=relay.final_timeout,
        hostname=settings.company.hostname,
        encryption=Encryption(relay.tls, relay.tls_ca, relay.tls_name),
        logins=Logins(relay),
    )
