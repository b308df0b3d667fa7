"""Asks the company's own ClamAV (clamd, INSTREAM over a socket) whether a message holds a virus."""

import contextlib
import re
import socket
import struct
import time
from collections.abc import Iterator

from mta.processing.scanner import Scanner
from triage.addressing.envelope import Envelope
from triage.errors import BadInput
from triage.text.sanitize import escape_visible

LARGEST = 25 * 1024 * 1024  # bytes: clamd's own limit as it comes (StreamMaxLength)
PIECE = 128 * 1024  # bytes
LONGEST_ANSWER = 4096  # bytes
LENGTH = struct.Struct("!I")
ADDRESS = re.compile(r"(?P<path>/.+)|(?P<host>\[[0-9a-fA-F:.]+\]|[^:/\s]+):(?P<port>\d{1,5})")
FOUND = re.compile(r"stream: (.{1,300}) FOUND")


class Clamd(Scanner[str]):
    """Client of clamd. Answers with the name of a virus, "" when there is none."""

    def __init__(self, address: str, timeout: float) -> None:
        """`address`: the path of its socket, or HOST:PORT; `timeout`: seconds for one message. BadInput when it is neither."""
        super().__init__("ClamAV", escape_visible(address), LARGEST)
        found = ADDRESS.fullmatch(address)
        if not found or (found["port"] and not 0 < int(found["port"]) < 65536):
            raise BadInput(f"[policy] clamd: “{address}” is neither the path of a socket nor HOST:PORT, such as /run/clamav/clamd.ctl")
        self.path, self.host, self.port = found["path"], (found["host"] or "").strip("[]"), int(found["port"] or 0)
        self.timeout = timeout

    def asked(self, envelope: Envelope, raw: bytes) -> str:
        """See Scanner; what is hidden from clamd by its own limits is not an answer either."""
        answer = self.send_command(b"zINSTREAM\0", raw)
        if found := FOUND.fullmatch(answer):
            return escape_visible(found[1])
        if answer != "stream: OK":
            raise ValueError(f"it answers “{answer}”")
        return ""

    def ping(self) -> None:
        """See Scanner."""
        if (answer := self.send_command(b"zPING\0", None)) != "PONG":
            raise ValueError(f"it answers “{answer}”")

    def send_command(self, command: bytes, raw: bytes | None) -> str:
        """Sends clamd a command, with a message as a stream behind it; returns the answer."""
        deadline = time.monotonic() + self.timeout
        with self.connected() as connection:
            connection.sendall(command)
            if raw is not None:
                for piece in frame_chunks(raw):
                    connection.settimeout(seconds_left(deadline))
                    connection.sendall(piece)
            answer = b""
            while not answer.endswith(b"\0") and len(answer) < LONGEST_ANSWER:
                connection.settimeout(seconds_left(deadline))
                more = connection.recv(LONGEST_ANSWER)
                if not more:
                    break
                answer += more
        return answer.rstrip(b"\0").decode("utf-8", "replace").strip()

    @contextlib.contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """A connection to it."""
        if not self.path:
            with socket.create_connection((self.host, self.port), self.timeout) as connection:
                yield connection
            return
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(self.timeout)
            connection.connect(self.path)
            yield connection


def frame_chunks(raw: bytes) -> Iterator[bytes]:
    """The stream as clamd wants it: chunks behind their lengths, and an empty one at the end."""
    for start in range(0, len(raw), PIECE):
        piece = raw[start : start + PIECE]
        yield LENGTH.pack(len(piece)) + piece
    yield LENGTH.pack(0)


def seconds_left(deadline: float) -> float:
    """Seconds until then. TimeoutError when it has passed."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("its answer is too slow")
    return seconds
