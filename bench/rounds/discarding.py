"""Servers that throw mail away: Postfix after it has accepted it durably, smtp-sink at once."""

import contextlib
import os
import subprocess
from collections.abc import Iterator

from tests.peers import processes
from tests.peers.mail import postfix


@contextlib.contextmanager
def postfix_discarding() -> Iterator[tuple[postfix.Server, int]]:
    """A stock Postfix that accepts from anybody here, queues with fsync, and delivers to nowhere; with its process id."""
    program = processes.need("postfix", "postfix")
    if os.getuid() != 0:
        raise processes.Missing("Postfix starts as root only: run make bench as root")
    with processes.short_directory("discard") as directory:
        port = processes.free_port()
        postfix.lay_out(directory, port, port, "discard.example", processes.choose_user("nobody"), "")
        main, master = directory / "etc" / "main.cf", directory / "etc" / "master.cf"
        main.write_text(main.read_text().replace(f"relayhost = [127.0.0.1]:{port}", "default_transport = discard:"))
        master.write_text(master.read_text() + "discard unix - - n - - discard\n")
        process = processes.start([program, "-c", str(directory / "etc"), "start-fg"], directory / "output")
        try:
            processes.until(processes.is_answering(port), "Postfix answers", process, directory / "output")
            yield postfix.Server(port, directory), process.pid
        finally:
            subprocess.run([program, "-c", str(directory / "etc"), "stop"], check=False, capture_output=True)
            processes.stop(process)


@contextlib.contextmanager
def start_sink() -> Iterator[tuple[int, int]]:
    """smtp-sink, which stores nothing: what the client itself can do. Its port and process id."""
    program, port = processes.need("smtp-sink", "postfix"), processes.free_port()
    with processes.short_directory("sink") as directory:
        user = ["-u", processes.choose_user("nobody")] if os.getuid() == 0 else []
        process = processes.start([program, *user, f"inet:127.0.0.1:{port}", "1000"], directory / "output")
        try:
            processes.until(processes.is_answering(port), "smtp-sink answers", process, directory / "output")
            yield port, process.pid
        finally:
            processes.stop(process)


def postfix_version() -> str:
    """As the distribution built it."""
    shown = subprocess.run([processes.need("postconf", "postfix"), "-dh", "mail_version"], check=True, capture_output=True, text=True)
    return f"Postfix {shown.stdout.strip()}"
