"""A real clamd of the distribution that knows one virus: a file of ours, by its hash. No network, no signatures of others."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from tests.peers.processes import free_port, need, short_directory, start, stop, until

VIRUS = b"this stands for a virus in the tests of Mailroom\n"
NAME = "Mailroom.Test.Virus"

CONFIGURATION = """
Foreground yes
LocalSocket {directory}/socket
TCPSocket {port}
TCPAddr 127.0.0.1
DatabaseDirectory {directory}/signatures
TemporaryDirectory {directory}
LogTime no
MaxThreads 2
StreamMaxLength 25M
"""


@contextlib.contextmanager
def start_clamd() -> Iterator[tuple[str, str]]:
    """Start clamd; yield the path of its socket, and host and port."""
    program = need("clamd", "clamav-daemon")
    with short_directory("clamd") as directory:
        port, log = free_port(), directory / "log"
        (directory / "signatures").mkdir()
        signature = f"{hashlib.sha256(VIRUS).hexdigest()}:{len(VIRUS)}:{NAME}\n"
        (directory / "signatures" / "own.hsb").write_text(signature)
        (directory / "clamd.conf").write_text(CONFIGURATION.format(directory=directory, port=port))
        process = start([program, "--config-file", str(directory / "clamd.conf")], log)
        try:
            until(Path(directory / "socket").exists, "clamd listens", process, log)
            yield f"{directory}/socket", f"127.0.0.1:{port}"
        finally:
            stop(process)
