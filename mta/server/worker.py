"""Forked worker process, as seen by the process that started it."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

ANNOUNCEMENT = b"!"


@dataclass(eq=False)
class Worker:
    """A process, and the row that it counts in."""

    pid: int
    row: int
    pipe: int  # says when it is ready, and ends with it
    started: float = field(default_factory=time.monotonic)
    code: int | None = None  # its exit code, negative for a signal

    @classmethod
    def fork(cls, row: int, live: Callable[[Callable[[], None]], int]) -> Self:
        """Start it: `live` is its whole life, gets what it calls when it is ready, and returns its exit code."""
        pipe, announce = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(pipe)
            code = 1
            try:
                code = live(lambda: say_so(announce))
            finally:
                os._exit(code)
        os.close(announce)
        return cls(pid, row, pipe)

    def is_ready(self, deadline: float) -> bool:
        """Wait until it is ready, `deadline` in seconds of the steady clock; False when it ended or took too long."""
        readable, _, _ = select.select([self.pipe], [], [], max(0.0, deadline - time.monotonic()))
        return bool(readable) and os.read(self.pipe, 1) == ANNOUNCEMENT

    def has_ended(self) -> bool:
        """Whether the process is gone."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                os.close(self.pipe)
        return self.code is not None

    def signal_process(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def end(self, deadline: float) -> bool:
        """Waits for the worker's end, and kills it after the deadline; returns whether it ended by itself."""
        in_time = True
        while not self.has_ended():
            if in_time and time.monotonic() >= deadline:
                in_time = False
                self.signal_process(signal.SIGKILL)
            time.sleep(0.01)
        return in_time


def say_so(pipe: int) -> None:
    """Ready."""
    os.write(pipe, ANNOUNCEMENT)
