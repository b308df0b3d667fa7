"""Bells wake one waiting process and are never waited for."""

import subprocess
import sys
import threading
from pathlib import Path

from tests.peers.processes import HANG
from triage.runtime.wakeup import WakeupPipe


def test_a_ring_wakes_the_one_who_waits(tmp_path: Path) -> None:
    waiting, ringing = WakeupPipe(tmp_path, "judge"), WakeupPipe(tmp_path, "judge")
    threading.Timer(0.05, ringing.wake).start()
    assert waiting.wait(HANG)


def test_a_ring_that_nobody_waited_for_is_kept_and_many_are_one(tmp_path: Path) -> None:
    waiting = WakeupPipe(tmp_path, "judge")
    for _ in range(100_000):  # more than a pipe holds
        waiting.wake()
    assert waiting.wait(0)
    assert not waiting.wait(0)


def test_it_rings_across_processes(tmp_path: Path) -> None:
    waiting = WakeupPipe(tmp_path, "relay")
    wake = f"from pathlib import Path; from triage.runtime.wakeup import WakeupPipe; WakeupPipe(Path({str(tmp_path)!r}), 'relay').wake()"
    subprocess.run([sys.executable, "-c", wake], check=True)
    assert waiting.wait(HANG)
    waiting.close()
