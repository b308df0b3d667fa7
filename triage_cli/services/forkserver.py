"""Roles as children of a process that has imported what all of them need: they start in a fraction of the time, on shared memory.

That process is multiprocessing's forkserver. It holds no settings and no connection. A role ends with it, and with whoever
started the role.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from setproctitle import setproctitle

FORKS = multiprocessing.get_context("forkserver")


class Child:
    """A process that does one thing of ours, with the ways of a subprocess.Popen."""

    def __init__(self, does: Callable[..., Any], *given: Any, name: str, log_file: Path | None = None) -> None:
        """`does` gives an exit code or None; a refusal is one line on standard error, or in `log_file`, as of any command."""
        FORKS.set_forkserver_preload(["triage_cli.services.preload"])
        self.process = FORKS.Process(target=live_child, args=(does, given, name, log_file), name=name)
        self.process.start()

    @property
    def pid(self) -> int:
        """Process id of the child."""
        assert self.process.pid is not None
        return self.process.pid

    def poll(self) -> int | None:
        """The code it ended with, the negative number of the signal that ended it, or None."""
        return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The same when it has ended. subprocess.TimeoutExpired when it does not."""
        self.process.join(timeout)
        if (code := self.process.exitcode) is None:
            raise subprocess.TimeoutExpired(self.process.name, timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Tell it something, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def live_child(does: Callable[..., Any], given: Sequence[Any], name: str, log_file: Path | None) -> None:
    """Runs a function in a child process, from its set-up to its exit."""
    mother = import_module("triage_cli.services.preload").MOTHER
    if mother == os.getpid():  # this process had a forkserver before, which has imported something else
        mother = os.getppid()
    import_module("triage_cli.services.roles").end_with(str(mother))
    threading.Thread(target=end_with_parent, name="parent", daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    setproctitle(f"mailroom {name}")
    if log_file is not None:
        os.dup2(os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666), 2)
    import_module("triage_cli.output.faults").guard_traces()
    sys.exit(import_module("triage_cli.main").run_command(lambda: does(*given)))


def end_with_parent() -> None:
    """SIGTERM when whoever wanted this child is dead: the process it was forked from lives on until its last child has ended."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def run_child_command(words: Sequence[str]) -> Any:
    """A command of `mailroom`."""
    return import_module("triage_cli.main").mailroom(args=list(words), prog_name="mailroom", standalone_mode=False)
