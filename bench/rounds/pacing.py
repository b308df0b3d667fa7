"""A client that sends at a steady pace, however long answers take, and notes how long each last dot waited for its 250."""

import multiprocessing
import queue
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection

from bench.rounds.sessions import deliver_message, write_dialogue
from bench.rounds.signed_messages import Sent
from tests.peers.processes import HANG


def send_paced(port: int, letters: Sequence[Sent], rate: float, sessions: int) -> list[float]:
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
    """Sends messages one after the other, each when it is due."""
    try:
        while letter := due.get():
            taken.append(deliver_message(port, *write_dialogue(letter)))
    except (OSError, ValueError) as fault:
        faults.append(f"{type(fault).__name__}: {fault}")
