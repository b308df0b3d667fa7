"""A company whose API is served on a port of this machine, as `mailroom api` serves it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from migrations.version import check
from triage.config.settings import Settings
from triage_api.app import bind_socket, make_app, serve_socket


@contextmanager
def served(settings: Settings, *, to_commands: bool = False) -> Iterator[str]:
    """The address of the server; commands of this machine may ask it too if that is said."""
    stop = threading.Event()
    with bind_socket("127.0.0.1:0") as listener:
        thread = threading.Thread(
            target=serve_socket, args=(make_app(settings, ready=check if to_commands else None), settings, listener, stop)
        )
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()
