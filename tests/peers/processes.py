"""Start a real server for a test, know when it answers, and leave nothing behind."""

import contextlib
import fcntl
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

HANG = 180.0  # seconds until a server that does not answer is taken for dead: a guard, never a goal
_own: set[int] = set()  # ports that this process was given


class Missing(Exception):
    """A peer is not installed; the text names the Debian package."""


class SlowStart(AssertionError):
    """A server of ours that was just started did not answer in time."""


def need(program: str, package: str, *elsewhere: str) -> str:
    """The path of a program that a peer needs; Missing names the package that brings it."""
    path = shutil.which(program, path=os.pathsep.join(["/usr/sbin", "/usr/bin", "/bin", *elsewhere]))
    if path is None:
        raise Missing(f"{program} is missing: apt-get install {package} (make test does that)")
    return path


def free_port() -> int:
    """A TCP port on loopback for this process alone, until it ends: it stays free while nobody listens.

    It lies below those that the system gives away, so that who dials it never meets itself; and no other test run gets the same.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(min(10_000, lowest - 1000), lowest)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in _own:
                fcntl.lockf(open_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                _own.add(port)
                return port


@cache
def open_locks() -> int:
    """The file in which each port is a byte that one process may lock. It is opened once: closing it anywhere here frees them all."""
    return os.open(Path(tempfile.gettempdir()) / f"mailroom-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)


@contextlib.contextmanager
def short_directory(name: str) -> Iterator[Path]:
    """A directory with a path short enough for Unix sockets, open to other users, gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix=f"mailroom-{name}-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def choose_user(preferred: str) -> str:
    """The user that a server runs as when the tests run as root."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return preferred if preferred in names else "nobody"


def start(command: Sequence[str], log: Path, *, user: str = "", environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a server in its own process group; it goes when the test run dies, however that dies."""
    identity = [f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--init-groups"] if user and os.getuid() == 0 else []
    with log.open("ab") as output:
        return subprocess.Popen(
            ["setpriv", *identity, "--pdeathsig", "TERM", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=dict(environment) if environment is not None else None,
        )


def stop(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """End a server that we started, kindly first."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(HANG)
        except subprocess.TimeoutExpired:
            kill_group(process)
    kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to everything that a server of ours has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(HANG)


def list_children(pid: int) -> list[int]:
    """The processes that this one has started, whichever of its threads it was."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread is gone
            found += map(int, thread.read_text().split())
    return found


def list_descendants(pid: int) -> list[int]:
    """List the child processes of a process, and theirs."""
    found = list_children(pid)
    return found + [each for one in found for each in list_descendants(one)]


def until(
    look: Callable[[], T],
    what: str,
    process: subprocess.Popen[bytes] | None = None,
    log: Path | None = None,
    *,
    patience: float = HANG,
) -> T:
    """Look until something true is seen, and give it back. The error tells what was waited for and what the log says."""
    start = time.monotonic()
    while (begun := time.monotonic()) < start + patience:
        if seen := look():
            return seen
        if process is not None and process.poll() is not None:
            raise AssertionError(f"{what}: the server ended with {process.returncode}. {read_tail(log)}")
        # looks that are dear, or many, take no processor from whom they wait for
        time.sleep(min(1.0, max(0.02, 2 * (time.monotonic() - begun), min(0.25, (begun - start) / 10))))
    raise (SlowStart if process is not None else AssertionError)(f"{what} did not happen within {patience:.0f} s. {read_tail(log)}")


def read_tail(log: Path | None) -> str:
    """The last words of a log."""
    return log.read_text("utf-8", "replace")[-3000:] if log and log.exists() else ""


def is_answering(port: int) -> Callable[[], bool]:
    """Does somebody on loopback accept connections on this port?"""

    def look() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            return False
        return True

    return look
