"""The receive role: hands the stop signal over to the listener."""

import threading

from mta.receive import run as listen
from triage.settings import Settings


def run(settings: Settings, stop: threading.Event) -> None:
    """Listen until told to stop."""
    listen(settings, stop=stop)
