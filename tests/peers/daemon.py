"""`mailroom receive` as a process of its own, on a port of its own, with nothing else: what strangers can do to it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mta.spool import recipient_map_file
from tests.peers import processes
from tests.peers.receiving import RECIPIENT_MAP, Receiver
from triage.config.settings import Settings
from triage.directory.recipient_map import RecipientMap

ROOT = Path(__file__).parents[2]


@dataclass
class Daemon(Receiver):
    """A daemon that runs."""

    process: subprocess.Popen[bytes] | None = None
    log: Path = Path("/dev/null")

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """A connection to it from one of this machine's many addresses: each is a client of its own."""
        return socket.create_connection(self.address, timeout=processes.HANG, source_address=(source, 0))

    def open(self) -> None:
        """Put a recipient map in place."""
        recipient_map_file.write_map(self.settings.spool.directory, RECIPIENT_MAP)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and all its workers."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def pids(self) -> list[int]:
        """The process and its workers."""
        assert self.process is not None
        return [self.process.pid, *processes.list_children(self.process.pid)]

    def peak_memory(self) -> int:
        """The most that each of its processes has ever had in memory, in bytes, together."""
        return sum(read_peak(pid) for pid in self.pids())


def read_peak(pid: int) -> int:
    """VmHWM of a process, in bytes (proc_pid_status(5))."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@contextlib.contextmanager
def start_daemon(
    settings: Settings, directory: Path, recipient_map: RecipientMap | None = RECIPIENT_MAP, *, wrapper: Sequence[str] = (), **smtp: Any
) -> Iterator[Daemon]:
    """Run it until the end of the block; `smtp` are keys of that section, `wrapper` a program that starts it."""
    port = processes.free_port()
    settings = replace(settings, smtp=replace(settings.smtp, listen=f"127.0.0.1:{port}", **smtp))
    if recipient_map is not None:
        recipient_map_file.write_map(settings.spool.directory, recipient_map)
    config, log = directory / "receive.toml", directory / "receive.log"
    config.write_text(write_settings(settings, {"listen": settings.smtp.listen, **smtp}))
    earlier = log.read_text().count("listening on") if log.exists() else 0
    command = [*wrapper, sys.executable, "-m", "triage_cli", "--config", str(config), "receive"]
    process = processes.start(command, log, environment={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        processes.until(
            lambda: log.read_text().count("listening on") - earlier >= settings.smtp.workers, "its workers listen", process, log
        )
        running = Daemon(settings, ("127.0.0.1", port), process=process, log=log)
        yield running
        running.signal(signal.SIGTERM)  # also where the wrapper would keep it to itself
    finally:
        processes.stop(process)


def write_settings(settings: Settings, smtp: dict[str, Any]) -> str:
    """The settings file."""
    lines = [
        f"company = {{ domains = {json.dumps(settings.company.domains)}, hostname = {json.dumps(settings.company.hostname)} }}",
        f"spool = {{ directory = {json.dumps(str(settings.spool.directory))} }}",
        "[smtp]",
        *(f"{name} = {json.dumps(value)}" for name, value in smtp.items()),
    ]
    return "\n".join(lines) + "\n"
