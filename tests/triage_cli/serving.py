"""A company whose API is served on a port of this machine, as `mailroom api` serves it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from triage.settings import Settings
from triage_api.app import bound, make_app, serve


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The address of the server."""
    stop = threading.Event()
    with bound("127.0.0.1:0") as listener:
        thread = threading.Thread(target=serve, args=(make_app(settings), settings, listener, stop))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()
