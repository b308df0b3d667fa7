"""A client that sends messages of its own over many sessions at once, one message a connection, in a process of its own."""

import multiprocessing
import queue
import socket
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import BinaryIO

from bench.rounds.signed_messages import Sent
from tests.peers.processes import HANG


class Sending:
    """A client at work. It is started at once; `finish` waits for it."""

    def __init__(self, port: int, letters: Sequence[Sent], sessions: int) -> None:
        fork = multiprocessing.get_context("fork")
        self.told, tell = fork.Pipe(duplex=False)
        self.process = fork.Process(target=send_all, args=(port, letters, sessions, tell))
        self.process.start()
        tell.close()

    def finish(self) -> float:
        """Seconds from the first connection to the last acknowledgement; RuntimeError when one was refused or hung."""
        answer: float | str
        try:
            answer = self.told.recv()
        except EOFError:
            answer = "the client died"
        self.process.join()
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return answer


def send_all(port: int, letters: Sequence[Sent], sessions: int, tell: Connection) -> None:
    """The client process."""
    waiting: queue.SimpleQueue[tuple[bytes, bytes]] = queue.SimpleQueue()
    for letter in letters:
        waiting.put(write_dialogue(letter))
    faults: list[str] = []
    threads = [threading.Thread(target=send_some, args=(port, waiting, faults)) for _ in range(sessions)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tell.send(faults[0] if faults else time.monotonic() - begun)


def send_some(port: int, waiting: "queue.SimpleQueue[tuple[bytes, bytes]]", faults: list[str]) -> None:
    """Runs one session after the other until no message is left."""
    try:
        while True:
            envelope, content = waiting.get_nowait()
            deliver_message(port, envelope, content)
    except queue.Empty:
        return
    except (OSError, ValueError) as fault:
        faults.append(f"{type(fault).__name__}: {fault}")


def deliver_message(port: int, envelope: bytes, content: bytes) -> float:
    """Delivers a message on a connection of its own; milliseconds from the final dot to the 250."""
    with socket.create_connection(("127.0.0.1", port), HANG) as connection, connection.makefile("rb") as replies:
        expect_reply(replies, b"220")
        connection.sendall(b"EHLO mail.sender.example\r\n")
        expect_reply(replies, b"250")
        connection.sendall(envelope)
        for code in (b"250", b"250", b"354"):
            expect_reply(replies, code)
        begun = time.monotonic()
        connection.sendall(content)
        expect_reply(replies, b"250")
        waited = 1000 * (time.monotonic() - begun)
        connection.sendall(b"QUIT\r\n")
        expect_reply(replies, b"221")
        return waited


def write_dialogue(letter: Sent) -> tuple[bytes, bytes]:
    """Return the SMTP commands of the envelope, and the content with the last dot (RFC 5321, 4.5.2)."""
    envelope = f"MAIL FROM:<{letter.reverse_path}>\r\nRCPT TO:<{letter.recipient}>\r\nDATA\r\n".encode()
    return envelope, letter.raw.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def expect_reply(replies: BinaryIO, code: bytes) -> None:
    """Read one reply; ValueError when it is another one."""
    while (line := replies.readline())[3:4] == b"-":
        pass
    if line[:3] != code:
        raise ValueError(f"{line!r} instead of {code.decode()}")
