"""Functions that bounded children run in the tests: well-behaved ones, and ones that are not."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

from triage.runtime.sandbox_pool import ANSWER, DONE

calls = 0


def echo(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """The bytes, and the options as JSON behind them."""
    return raw + json.dumps(options, sort_keys=True).encode()


def count(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """Return the number of calls that this process has had, and its id."""
    global calls
    calls += 1
    return json.dumps([calls, os.getpid()]).encode()


def behave(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """Do as the message says; otherwise give it back."""
    deeds: dict[bytes, Callable[[], object]] = {
        b"loop": loop,
        b"sleep": sleep,
        b"eat": eat,
        b"die": die,
        b"garbage": lambda: write_wherever(b"\xff" * 64),
        b"twice": lambda: write_wherever(2 * (ANSWER.pack(DONE, 1) + b"x")),
        b"raise": complain,
        b"recurse": recurse,
        b"text": lambda: "text",
        b"print": chatter,
        b"large": lambda: b"x" * 70_000_000,
    }
    deed = deeds.get(raw)
    return cast(bytes, deed() if deed else raw)  # "text" returns no bytes, which is the point


def loop() -> NoReturn:
    """Compute for ever."""
    while True:
        pass


def chatter() -> bytes:
    """Print something, where answers go."""
    print("noise", flush=True)  # noqa: T201
    return b"printed"


def sleep() -> None:
    """Do nothing for very long."""
    time.sleep(3600)


def eat() -> bytes:
    """Ask for all memory."""
    return bytes(2 * 1024**3)


def die() -> None:
    """End at once, as after a fault in a parser written in C."""
    os.kill(os.getpid(), signal.SIGSEGV)


def write_wherever(said: bytes) -> bytes:
    """Write wherever something may be written, as a parser would that somebody else has taken over."""
    for descriptor in range(3, 16):
        with contextlib.suppress(OSError):
            os.write(descriptor, said)
    return b"x"


def complain() -> NoReturn:
    """Raise."""
    raise ValueError("\x1b[31mwhat came from mail")


def recurse() -> bytes:
    """Go too deep."""
    return recurse()


def look_around(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """Report what this process can see and do; `raw` is a path that it tries to write."""
    able: dict[str, object] = {"environment": sorted(os.environ), "files": sorted(os.listdir("/proc/self/fd")), "directory": os.getcwd()}  # noqa: PTH109, PTH208
    try:
        Path(raw.decode()).write_bytes(b"x")
        able["wrote"] = True
    except OSError:
        able["wrote"] = False
    return json.dumps(able).encode()


def multiply(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """Start a process that outlives the answer and holds its pipes, leaving a file with its id at `raw`; then crash or answer."""
    able = False
    with contextlib.suppress(OSError):  # RLIMIT_NPROC, unless we are root
        if not (process := os.fork()):
            time.sleep(600)
            os._exit(0)
        Path(f"{raw.decode()}.{process}").touch()
        able = True
    if options.get("crash"):
        die()
    return json.dumps(able).encode()


def compute_for_ever(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """Make the empty file that `raw` names, its name followed by this process's id, and never answer."""
    Path(f"{raw.decode()}.{os.getpid()}").touch()
    return loop()


def reach_out(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """List the parts of the machine that this process can see; the message names a file that should be hidden."""
    places = [raw.decode(), "/etc/passwd", "/var", "/tmp"]
    seen = [Path(place) for place in places if Path(place).exists()]
    readable = [str(one) for place in seen for one in (place, *(place.iterdir() if place.is_dir() else ()))]
    interfaces = [line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
    processes = sum(one.name.isdigit() for one in Path("/proc").iterdir())
    held = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff"))
    etc = [one.name for one in Path("/etc").iterdir()]
    found = {"readable": readable, "interfaces": interfaces, "processes": processes, "etc": etc}
    return json.dumps(found | {"capabilities": int(held.split()[1], 16)}).encode()


def tell_session(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """Tell whether this process is in a session that began where it can see it, and whether it has a terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return json.dumps({"session": os.getsid(0) > 0, "terminal": False}).encode()
    return json.dumps({"session": os.getsid(0) > 0, "terminal": True}).encode()


def run_shell(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """Run the message in a shell, as an attacker would who controls the process; return the output."""
    done = subprocess.run(["/bin/bash", "-c", raw.decode()], capture_output=True, check=False)
    return done.stdout
