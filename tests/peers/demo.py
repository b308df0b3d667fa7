"""The demo of `make run`, on free ports of this machine."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.peers import company, processes
from triage.runtime.spool_stats import spool_backlog


@contextlib.contextmanager
def play_demo(directory: Path) -> Iterator[str]:
    """Start the demo; yield its output once the sample messages have arrived."""
    ports = [word for door in ("smtp", "http", "outbound") for word in (f"--{door}-port", str(processes.free_port()))]
    log = directory / "log"
    command = [sys.executable, "-m", "triage_cli", "demo", "--directory", str(directory / "demo"), *ports]
    process = processes.start(command, log, environment=company.Company(directory, "", "").environment)
    try:
        yield processes.until(lambda: read_output(log), "the sample messages have arrived", process, log, patience=2 * processes.HANG)
    finally:
        processes.stop(process)


def read_output(log: Path) -> str:
    """Return the demo's output when it is complete, else ""."""
    said = log.read_text("utf-8")
    return said if "The sample messages have arrived" in said else ""


def wait_for_the_judge(directory: Path) -> None:
    """All of the morning is in the queue."""
    spool = directory / "demo" / "spool"
    processes.until(lambda: spool_backlog(spool).messages == 0, "all of the morning is judged", patience=2 * processes.HANG)
