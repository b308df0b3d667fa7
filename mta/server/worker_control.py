"""Control messages to a receiving process: stop, or accept nobody new while its sessions finish."""

import asyncio
import contextlib
import signal
import threading

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
RETIRE_SIGNAL = signal.SIGHUP
SIGNALS = frozenset({*STOP_SIGNALS, RETIRE_SIGNAL})


class Orders:
    """`stop` and `retire`, set by signals in the main thread, by an event of another thread, or when the supervisor is gone."""

    def __init__(self, loop: asyncio.AbstractEventLoop, event: threading.Event | None = None, lifeline: int | None = None) -> None:
        """`lifeline` is the end of a pipe whose other end only the supervisor holds."""
        self.stop, self.retire, self.any = asyncio.Event(), asyncio.Event(), asyncio.Event()
        if threading.current_thread() is threading.main_thread():
            for number in STOP_SIGNALS:
                loop.add_signal_handler(number, self.set_event, self.stop)
            loop.add_signal_handler(RETIRE_SIGNAL, self.set_event, self.retire)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        if lifeline is not None:
            loop.add_reader(lifeline, self.supervisor_is_gone, loop, lifeline)
        if event is not None:
            threading.Thread(target=self._wait, args=(loop, event), name="stop", daemon=True).start()

    def set_event(self, event: asyncio.Event) -> None:
        """An order has come."""
        event.set()
        self.any.set()

    def supervisor_is_gone(self, loop: asyncio.AbstractEventLoop, lifeline: int) -> None:
        """Stops the worker, since nobody else would."""
        loop.remove_reader(lifeline)
        self.set_event(self.stop)

    def _wait(self, loop: asyncio.AbstractEventLoop, event: threading.Event) -> None:
        event.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(self.set_event, self.stop)
