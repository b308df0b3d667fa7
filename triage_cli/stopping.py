"""How a process is told to stop: SIGTERM, SIGINT."""

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
        signal.signal(number, lambda *_: say(tell))

    def wait() -> None:
        os.read(told, 1)
        stop.set()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    return stop


def say(pipe: int) -> None:
    """A full pipe has said it already."""
    try:
        os.write(pipe, b"!")
    except BlockingIOError:
        return
