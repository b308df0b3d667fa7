"""Memory that only cycles of objects hold is looked for seldom: they are few where mail is read, and looking is felt with each message."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = 20_000, 20, 20  # objects more than before, until the youngest are looked through; and how often, until the older ones are too


def collect_rarely() -> None:
    """From now on, and never again through what is there now: it was imported, and stays."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


@contextmanager
def pause_gc() -> Iterator[None]:
    """No look meanwhile, where much is imported: that stays, and is not looked through later either."""
    was_looking = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_looking:
            gc.freeze()
            gc.enable()
