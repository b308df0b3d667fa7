"""Children of the nursery: what they end with, whom they end with, what they find imported."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.peers import processes
from triage.errors import BadInput, Refused
from triage_cli.services.forkserver import Child, run_child_command

PARENT = """
import time
from triage_cli.services.forkserver import Child
child = Child(time.sleep, 600, name="sleeper")
print(child.pid, flush=True)
time.sleep(600)
"""


def refuse(kind: type[Refused]) -> None:
    """As a command does."""
    raise kind("no such thing")


def imported(where: Path) -> None:
    """Tell what is there before anything was asked for, and as whom `ps` knows us."""
    where.write_text(f"{'triage.store.models' in sys.modules} {'fastapi' in sys.modules} {Path('/proc/self/cmdline').read_text()}")


@pytest.mark.parametrize(
    ("does", "given", "code"),
    [
        (int, (), 0),
        (int, ("3",), 3),
        (refuse, (Refused,), 1),
        (refuse, (BadInput,), 2),
        (run_child_command, (["no-such-role"],), 2),
        (os.kill, (0, 0), 0),
    ],
)
def test_it_ends_with_what_it_did(does: object, given: tuple[object, ...], code: int, tmp_path: Path) -> None:
    child = Child(does, *given, name="one", log_file=tmp_path / "log")  # type: ignore[arg-type]
    assert child.wait(processes.HANG) == child.poll() == code
    assert bool((tmp_path / "log").read_text()) == bool(does in (refuse, run_child_command))


def test_it_has_what_all_roles_need_and_a_name_of_its_own(tmp_path: Path) -> None:
    assert Child(imported, tmp_path / "told", name="judge").wait(processes.HANG) == 0
    assert (tmp_path / "told").read_text().rstrip("\0") == "True False mailroom judge"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_can_be_told_to_end(number: signal.Signals) -> None:
    child = Child(time.sleep, 600, name="sleeper")
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.01)
    child.send_signal(number)
    assert child.wait(processes.HANG) == -number
    child.terminate()  # it has ended: nobody else is told
    assert child.poll() == -number


@pytest.mark.parametrize("whom", ["who started it", "the process it was forked from"])
def test_it_ends_with(whom: str) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        mother = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
        assert mother != parent.pid
        os.kill(parent.pid if whom == "who started it" else mother, signal.SIGKILL)
        processes.until(lambda: not Path(f"/proc/{child}").exists(), "the child is gone")
        parent.kill()
