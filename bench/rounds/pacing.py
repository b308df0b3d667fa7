"""A client that sends at a steady pace, however long answers take, and notes how long each last dot waited for its 250."""

import multiprocessing
import queue
import socket
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection

from bench.rounds.letters import Sent
from bench.rounds.sessions import expect
from tests.peers.processes import HANG


def paced(port: int, letters: Sequence[Sent], rate: float, sessions: int) -> list[float]:
    """Send so many a second, one a connection; milliseconds from each last dot to its 250, sorted. RuntimeError when one is refused."""
    fork = multiprocessing.get_context("fork")
    told, tell = fork.Pipe(duplex=False)
    process = fork.Process(target=send_all, args=(port, letters, rate, sessions, tell))
    process.start()
    tell.close()
    answer: list[float] | str = told.recv() if told.poll(len(letters) / rate + HANG) else "the client hangs"
    process.join()
    if isinstance(answer, str):
        raise RuntimeError(answer)
    return sorted(answer)


def send_all(port: int, letters: Sequence[Sent], rate: float, sessions: int, tell: Connection) -> None:
    """The client process."""
    due: queue.SimpleQueue[Sent | None] = queue.SimpleQueue()
    taken: list[float] = []
    faults: list[str] = []
    threads = [threading.Thread(target=send_some, args=(port, due, taken, faults)) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    begun = time.monotonic()
    for number, letter in enumerate(letters):
        time.sleep(max(0.0, begun + number / rate - time.monotonic()))
        due.put(letter)
    for _ in threads:
        due.put(None)
    for thread in threads:
        thread.join()
    tell.send(faults[0] if faults else taken)


def send_some(port: int, due: "queue.SimpleQueue[Sent | None]", taken: list[float], faults: list[str]) -> None:
    """One message after the other, each when it is due."""
    try:
        while letter := due.get():
            taken.append(sent(port, letter))
    except (OSError, ValueError) as fault:
        faults.append(f"{type(fault).__name__}: {fault}")


def sent(port: int, letter: Sent) -> float:
    """One message on a connection of its own; milliseconds from its last dot to the 250."""
    with socket.create_connection(("127.0.0.1", port), HANG) as connection, connection.makefile("rb") as replies:
        expect(replies, b"220")
        connection.sendall(b"EHLO mail.sender.example\r\n")
        expect(replies, b"250")
        connection.sendall(f"MAIL FROM:<{letter.reverse_path}>\r\nRCPT TO:<{letter.recipient}>\r\nDATA\r\n".encode())
        for code in (b"250", b"250", b"354"):
            expect(replies, code)
        connection.sendall(letter.raw.replace(b"\r\n.", b"\r\n.."))
        begun = time.monotonic()
        connection.sendall(b".\r\n")
        expect(replies, b"250")
        waited = 1000 * (time.monotonic() - begun)
        connection.sendall(b"QUIT\r\n")
        expect(replies, b"221")
        return waited
