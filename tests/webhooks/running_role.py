"""The role `webhooks`, run in threads of a test's process."""

import contextlib
import threading
from collections.abc import Iterator

from triage.config.settings import Settings
from webhooks import sender


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[None]:
    """Runs the role as long as it is needed."""
    stop = threading.Event()
    thread = threading.Thread(target=sender.run_role, args=(settings, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
