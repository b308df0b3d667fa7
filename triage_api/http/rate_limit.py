"""How often a token may ask: a bucket of requests that a minute fills, one for each API process."""

import time
from collections.abc import Callable
from datetime import timedelta

from triage.errors import Refused
from triage.say import say


class TooFast(Refused):
    """A token asks more often than api.token_requests_per_minute; `wait` says how long it should not."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(say("This token sends too many requests: wait as long as Retry-After says."))
        self.wait = wait


class Pace:
    """How many requests each token has left."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute, self.clock = per_minute, clock
        self.left: dict[int, tuple[float, float]] = {}  # token -> (requests left, as of when)

    def take(self, token_id: int) -> None:
        """One request of this token; TooFast when none is left."""
        if not self.per_minute:
            return
        now, most = self.clock(), float(self.per_minute)
        left, since = self.left.get(token_id, (most, now))
        left = min(most, left + (now - since) * most / 60)
        if left < 1:
            raise TooFast(timedelta(seconds=(1 - left) * 60 / most))
        self.left[token_id] = left - 1, now
