"""This machine's systemd, booted once more in namespaces of its own, with the units of deploy/ and nothing else."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.processes import HANG

ROOT = Path(__file__).parents[2]
NAMESPACES = ("--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net")


@dataclass
class Machine:
    """A booted machine."""

    manager: int  # process id of its systemd, as we see it
    log: Path

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command on it, as root."""
        inside = ["nsenter", f"--target={self.manager}", *NAMESPACES, "--root", "--wdns=/", *command]
        return subprocess.run(inside, capture_output=True, text=True, check=check, timeout=HANG, env={"PATH": "/usr/sbin:/usr/bin"})

    def python(self, program: str, *arguments: str) -> Any:
        """Run a Python program there; return its output, read as JSON."""
        done = self.run("/usr/bin/python3", "-c", program, *arguments, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def state(self, unit: str) -> str:
        """active, activating, failed, inactive …"""
        return self.run("systemctl", "is-active", unit, check=False).stdout.strip()

    def wait_until(self, unit: str, state: str = "active") -> None:
        """Wait for a unit; what it logged is the failure's text."""
        deadline = time.monotonic() + HANG
        while (found := self.state(unit)) != state:
            if found == "failed" or time.monotonic() > deadline:
                raise AssertionError(f"{unit} is {found}: {self.journal(unit)}")
            time.sleep(0.1)

    def journal(self, unit: str) -> str:
        """Journal of a unit."""
        return self.run("journalctl", "--no-pager", "-u", unit, "-n", "60", check=False).stdout


def make_interpreter() -> Path:
    """A virtual environment made of the system's own python: units see /usr and nothing of a home directory."""
    for place in (Path(sys.prefix), ROOT / ".venv", ROOT / ".venv-other"):
        program = place / "bin" / "python3"
        if program.exists() and program.resolve().is_relative_to("/usr/bin"):
            return place
    raise RuntimeError("none of .venv and .venv-other is made of the system's python3, which the units run")


@contextlib.contextmanager
def boot_machine(directory: Path, given: dict[str, str], target: str) -> Iterator[Machine]:
    """Boot it. `given`: files to lay into its root; etc/prepare.sh of them is run before systemd."""
    for name, text in given.items():
        file = directory / "given" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    state = directory / "state"
    state.mkdir()
    log = directory / "boot.log"
    script = [str(Path(__file__).with_name("boot.sh")), str(state), str(make_interpreter()), str(ROOT), target]
    with log.open("wb") as said:
        process = subprocess.Popen(["unshare", *NAMESPACES, "--fork", "--kill-child", "bash", *script], stdout=said, stderr=said)
    try:
        yield Machine(manager_of(process, log), log)
    finally:
        process.kill()
        process.wait(HANG)
        shutil.rmtree(directory, ignore_errors=True)


def manager_of(process: "subprocess.Popen[bytes]", log: Path) -> int:
    """The process that became systemd there, once it answers."""
    deadline = time.monotonic() + HANG
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while time.monotonic() < deadline and process.poll() is None:
        for child in children.read_text().split():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd" and is_answering(int(child)):
                    return int(child)
        time.sleep(0.1)
    raise RuntimeError(f"systemd did not start: {log.read_text(errors='replace')[-2000:]}")


def is_answering(manager: int) -> bool:
    """Has systemd come so far that it can be asked?"""
    return Path("/proc", str(manager), "root", "run/systemd/private").exists()


def may_boot() -> bool:
    """Only root may make all these namespaces."""
    return os.geteuid() == 0
