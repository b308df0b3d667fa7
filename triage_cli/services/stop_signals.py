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
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: write_wakeup(writer))

    def wait() -> None:
        os.read(reader, 1)
        stop.set()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    return stop


class Renewal:
    """Says whether SIGHUP was sent since the last call."""

    def __init__(self) -> None:
        self.pending = False
        signal.signal(signal.SIGHUP, self.note)

    def note(self, *_: object) -> None:
        """Notes that SIGHUP was sent."""
        self.pending = True

    def __call__(self) -> bool:
        pending, self.pending = self.pending, False
        return pending


def write_wakeup(pipe: int) -> None:
    """A full pipe has said it already."""
    try:
        os.write(pipe, b"!")
    except BlockingIOError:
        return
