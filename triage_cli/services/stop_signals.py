"""Signal handling: SIGTERM and SIGINT stop a process, SIGHUP makes it read its settings again."""

import os
import signal
import threading

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_on_signals() -> threading.Event:
    """An event that is set when the process is told to stop.

    A thread sets it: a signal's handler runs in the main thread, and would wait for itself where that is just
    looking at the event.
    """
    stop = threading.Event()
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: write_wakeup(tell))

    def wait() -> None:
        os.read(told, 1)
        stop.set()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    return stop


class Renewal:
    """Says whether SIGHUP was sent since the last call."""

    def __init__(self) -> None:
        self.told = False
        signal.signal(signal.SIGHUP, self.note)

    def note(self, *_: object) -> None:
        """Notes that SIGHUP was sent."""
        self.told = True

    def __call__(self) -> bool:
        told, self.told = self.told, False
        return told


def write_wakeup(pipe: int) -> None:
    """A full pipe has said it already."""
    try:
        os.write(pipe, b"!")
    except BlockingIOError:
        return
