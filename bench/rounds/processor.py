"""Processor time from /proc: of a process with everything it started, and of the whole machine."""

import os
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")  # units of /proc times in a second


def own_seconds(pid: int) -> float:
    """Processor seconds of this process alone."""
    return sum(read_fields(pid)[11:13]) / TICK


def tree_seconds(pid: int) -> float:
    """Processor seconds of a process and all its descendants, ended ones included."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            values = read_fields(int(path.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(path.name)] = values[1]
        used[int(path.name)] = sum(values[11:15]) / TICK
    return sum(seconds for one, seconds in used.items() if is_descendant(one, pid, parents))


def read_fields(pid: int) -> list[int]:
    """Numbers of /proc/PID/stat from the state on (proc_pid_stat(5), field 3), the state itself as 0."""
    return [0, *map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1:])]


def is_descendant(pid: int, ancestor: int, parents: Mapping[int, int]) -> bool:
    """Whether this process is the ancestor, or one that it started."""
    while pid != ancestor and pid in parents:
        pid = parents[pid]
    return pid == ancestor


def busy_seconds() -> float:
    """Busy seconds of all processors since the machine started."""
    user, nice, system, _idle, _wait, interrupts, soft = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8])
    return (user + nice + system + interrupts + soft) / TICK


def measurer_seconds() -> float:
    """Processor seconds of this program and of its ended client processes."""
    mine, clients = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + clients.ru_utime + clients.ru_stime


@dataclass
class Watch:
    """Stopped once: how long it took, what the watched processes used, what others used meanwhile."""

    pids: tuple[int, ...]
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._begun = self._used()

    def stop(self) -> tuple[float, tuple[float, ...], float]:
        """Seconds passed; seconds of each watched process with its descendants; processors that others kept busy."""
        passed = time.monotonic() - self.started
        *trees, mine, busy = (after - before for after, before in zip(self._used(), self._begun, strict=True))
        return passed, tuple(trees), max(0.0, busy - sum(trees) - mine) / passed

    def _used(self) -> list[float]:
        return [*(tree_seconds(pid) for pid in self.pids), measurer_seconds(), busy_seconds()]
