"""The receive role: hands the stop signal over to the listener."""

import threading

from mta import receive
from triage.settings import Settings


def run(settings: Settings, stop: threading.Event) -> None:
    """Listen until told to stop."""
    receive.run(settings, stop=stop)
