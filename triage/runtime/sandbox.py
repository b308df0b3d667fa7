"""Sandbox for children that read hostile bytes: bubblewrap where that works here, limits alone where it does not.

In bubblewrap it sees the interpreter and our code, nothing else of the machine: no file, no process, no network. Where a service
manager offers a unit of its own for it (deploy/systemd/mailroom-parse.socket), SOCKET says where that is; nothing is started then.
A child that starts another program, which draws, is behind a unit of its own, or in bubblewrap, or nowhere.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

SOCKET = "MAILROOM_PARSER_SOCKET"  # in the environment: the unix socket behind which a confined child answers
DRAWER = "MAILROOM_DRAWER_SOCKET"  # the same for children that start another program (mailroom-draw.socket)
PROBE_SECONDS = 30.0
# how bubblewrap says it: AppArmor may refuse the map of users, or the powers within the namespace, of which loopback is the first
RESTRICTED = (b"setting up uid map: Permission denied", b"RTM_NEWADDR: Operation not permitted")
LINKED = ("bin", "sbin", "lib", "lib32", "lib64")  # at the root, links into /usr on most systems

ROOT = Path(__file__).resolve().parents[2]


def parser_socket() -> str:
    """Returns the socket behind which sandboxed parsers answer, "" when we start them ourselves."""
    return os.environ.get(SOCKET, "")


def drawer_socket() -> str:
    """Returns the socket behind which sandboxed children that start another program answer, "" when we start them ourselves."""
    return os.environ.get(DRAWER, "")


def can_draw() -> bool:
    """Whether a child may start another program here: only where both are sandboxed."""
    return bool(drawer_socket()) or (not parser_socket() and bool(sandbox_wrapper()))


@functools.cache
def sandbox_wrapper() -> tuple[str, ...]:
    """Returns the command to run a child in bubblewrap; nothing where it is missing or this machine does not let it work."""
    program = shutil.which("bwrap")
    if program is None:
        return ()
    wrapped = (program, *bwrap_arguments())
    try:
        probe_bubblewrap(wrapped)
    except (OSError, subprocess.SubprocessError):
        return ()
    return wrapped


def probe_bubblewrap(wrapped: Sequence[str]) -> None:
    """Starts the interpreter once. OSError or SubprocessError where that does not work."""
    subprocess.run([*wrapped, sys.executable, "-c", ""], env={}, check=True, capture_output=True, timeout=PROBE_SECONDS)


def is_restricted() -> bool:
    """Whether bubblewrap is installed and the kernel, mostly AppArmor, refuses it what a user namespace is for."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    try:
        probe_bubblewrap((program, *bwrap_arguments()))
    except subprocess.CalledProcessError as fault:
        return any(text in fault.stderr for text in RESTRICTED)
    except (OSError, subprocess.SubprocessError):
        return False
    return False


def bwrap_arguments() -> Iterator[str]:
    """An empty root, no network and no powers, with the interpreter and our packages to read."""
    yield from ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL")
    yield from ("--ro-bind", "/usr", "/usr", "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc", "--dev", "/dev")
    for name in LINKED:
        at_root = Path("/", name)
        if at_root.is_symlink():
            yield from ("--symlink", str(at_root.readlink()), str(at_root))
        elif at_root.is_dir():
            yield from ("--ro-bind", str(at_root), str(at_root))
    for place in (Path(sys.base_prefix), Path(sys.prefix), *package_binds()):
        if not place.is_relative_to("/usr"):
            yield from ("--ro-bind", str(place), str(place))
    yield from ("--chdir", "/")


def package_binds() -> list[Path]:
    """Our packages, where they do not lie in the interpreter's own directories."""
    if ROOT.is_relative_to(sys.prefix):
        return []
    return sorted(place for place in ROOT.iterdir() if (place / "__init__.py").is_file())


def describe_sandbox() -> str:
    """Describes the sandbox of children here, for who looks after the machine."""
    if path := parser_socket():
        return f"by a unit of its own behind {path}"
    return "in bubblewrap, without files and network" if sandbox_wrapper() else "by limits of memory and time alone"
