"""What the relay's thread and the workers share is looked at under the lock only."""

from collections import deque
from collections.abc import Iterator

from mta.carriers import Carriers
from mta.errand import Errand
from triage.routes import destinations
from triage.settings import Settings


def test_the_backlog_is_counted_while_no_worker_takes_from_it(settings: Settings) -> None:
    (destination,) = destinations(settings)
    carriers = Carriers(destination, settings, lambda: None)

    class Watched(deque[Errand]):
        """A backlog that nobody may walk through beside the others."""

        def __iter__(self) -> Iterator[Errand]:
            assert carriers.lock.locked()
            return super().__iter__()

    carriers.backlog = Watched()
    assert carriers.bytes_left() > 0
    assert carriers.room() > 0
    assert carriers.hungry()
    assert carriers.collect(stopping=True) == []
    carriers.close()
