"""Rate limit of tokens: a bucket of requests that a minute fills; and how often their uses are written. For each API process."""

import math
import time
from collections.abc import Callable
from datetime import timedelta

from triage.access.api_tokens import SEEN_EVERY
from triage.errors import Refused
from triage.say import say

MOST = 10_000  # uses that are remembered


class TooFast(Refused):
    """A token asks more often than api.token_requests_per_minute; `wait` says how long it should not."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(say("This token sends too many requests: wait as long as Retry-After says."))
        self.wait = wait


class Pace:
    """Counts how many requests each token has left."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute, self.clock = per_minute, clock
        self.left: dict[int, tuple[float, float]] = {}  # token -> (requests left, as of when)

    def take(self, token_id: int) -> None:
        """Takes a request from this token's allowance; TooFast when none is left."""
        if not self.per_minute:
            return
        now, most = self.clock(), float(self.per_minute)
        left, since = self.left.get(token_id, (most, now))
        left = min(most, left + (now - since) * most / 60)
        if left < 1:
            raise TooFast(timedelta(seconds=(1 - left) * 60 / most))
        self.left[token_id] = left - 1, now


class Sightings:
    """From which networks each token's use was written lately. One that alternates is written once for each, every SEEN_EVERY."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.at: dict[tuple[int, str], float] = {}

    def is_due(self, token_id: int, place: str) -> bool:
        """Whether a use from this network should be written."""
        return self.clock() - self.at.get((token_id, place), -math.inf) >= SEEN_EVERY.total_seconds()

    def note(self, token_id: int, place: str) -> None:
        """Records that it was written."""
        if len(self.at) >= MOST:
            self.at.clear()
        self.at[token_id, place] = self.clock()
