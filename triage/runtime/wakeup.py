"""Wakes another process of this machine by a named pipe, so that waiting costs nothing and needs no network.

With LISTEN/NOTIFY it also wakes processes on other machines.
"""

import contextlib
import os
import select
from collections.abc import Callable
from pathlib import Path

from triage.errors import BadInput

MODE = 0o660  # each role may have a user of its own; they share a group


class WakeupPipe:
    """Wake-up pipe by name below a directory. A process writes, another one waits; the pipe keeps a wake-up while nobody waits."""

    def __init__(self, directory: Path, name: str) -> None:
        """The pipe is made if it is missing; OSError when the directory cannot be written."""
        self.name, self.path = name, directory / f"{name}.bell"
        self.far: Callable[[str], None] = here_only
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self.path, MODE)
            self.path.chmod(MODE)  # whatever the umask of who came first
        # read and write, so that neither opening nor writing waits for the other side
        self.pipe = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def wake(self) -> None:
        """Wake the waiting side, here and wherever LISTEN/NOTIFY reaches."""
        self.wake_here()
        self.far(self.name)

    def wake_here(self) -> None:
        """Wake the waiting side on this machine. A full pipe holds enough wake-ups."""
        with contextlib.suppress(BlockingIOError):
            os.write(self.pipe, b"!")

    def wait(self, seconds: float) -> bool:
        """Waits for a wake-up at most so many seconds. Returns whether one came."""
        ready, _, _ = select.select([self.pipe], [], [], max(0.0, seconds))
        if ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self.pipe, 65536)
        return bool(ready)

    def close(self) -> None:
        """Closes the pipe."""
        os.close(self.pipe)


def open_pipes(directory: Path, *names: str) -> list[WakeupPipe]:
    """Opens the wake-up pipes with these names in the spool directory; BadInput when it cannot be used."""
    try:
        return [WakeupPipe(directory, name) for name in names]
    except OSError as fault:
        raise BadInput(f"the spool directory {directory} cannot be used: {fault.strerror}; change spool.directory or its owner") from fault


def here_only(_name: str) -> None:
    """Wakes no other machine."""
