"""JSON over a Unix socket, between processes of this machine: a line for the question and one for the answer, bounded in bytes and time."""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from triage.errors import Unanswered

LINE = 256 * 1024  # bytes of a question or an answer
AT_ONCE = 32
BACKLOG = 64
LOOK_EVERY = 0.2  # seconds until a listener looks whether it is to stop
PATIENCE = 5.0  # seconds in which a question has come

log = logging.getLogger(__name__)


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """The address of a socket: short, however long the path of its directory is (a Unix socket's has 107 bytes)."""
    opened = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        yield f"/proc/self/fd/{opened}/{path.name}"
    finally:
        os.close(opened)


def ask_socket(path: Path, question: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The answer to a question. Unanswered when none comes in this time."""
    try:
        with address_of(path) as address, socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(seconds)
            peer.connect(address)
            peer.sendall(json.dumps(question).encode() + b"\n")
            answer = json.loads(line_from(peer, seconds))
    except (OSError, ValueError) as fault:
        raise Unanswered(f"no answer within {seconds:g} s") from fault
    if not isinstance(answer, dict):
        raise Unanswered("an answer of another kind")
    return answer


def line_from(peer: socket.socket, seconds: float) -> bytes:
    """A whole line. ValueError when it is too long or does not end, TimeoutError when the time is over."""
    ends, got = time.monotonic() + seconds, b""
    while not got.endswith(b"\n"):
        if (left := ends - time.monotonic()) <= 0:
            raise TimeoutError
        peer.settimeout(left)
        piece = peer.recv(65536)
        if not piece or len(got) + len(piece) > LINE:
            raise ValueError("no whole line")
        got += piece
    return got


def answer_all(listener: socket.socket, answer: Callable[[dict[str, Any]], dict[str, Any]], stop: threading.Event) -> None:
    """Answer questions until told to stop, many at once."""
    listener.settimeout(LOOK_EVERY)
    free = threading.BoundedSemaphore(AT_ONCE)
    while not stop.is_set():
        try:
            peer, _ = listener.accept()
        except TimeoutError:
            continue
        free.acquire()
        threading.Thread(target=answer_one, args=(peer, answer, free), daemon=True).start()


def answer_one(peer: socket.socket, answer: Callable[[dict[str, Any]], dict[str, Any]], free: threading.BoundedSemaphore) -> None:
    """Answer one question; a faulty one gets none."""
    try:
        with peer, suppress(OSError, ValueError):
            asked = json.loads(line_from(peer, PATIENCE))
            if isinstance(asked, dict):
                peer.sendall(json.dumps(answer(asked)).encode() + b"\n")
    except Exception:
        log.exception("a question was not answered")
    finally:
        free.release()


def open_listener(path: Path) -> socket.socket:
    """A socket at this path that only our own user can reach; one that was left over goes."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    with address_of(path) as address:
        listener.bind(address)
    path.chmod(0o600)
    listener.listen(BACKLOG)
    return listener
