"""The contenders at the SMTP server: each takes a load of messages, and says how fast and for how much processor time."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.rounds import discarding, processor, smtp_source
from bench.rounds.alternating import Sample
from tests.peers import processes, receiving
from tests.peers.company import DOMAIN, ROOT
from tests.peers.daemon import Daemon, start_daemon
from triage.config.settings import Company, Settings, Spool
from triage.directory.recipient_map import RecipientMap

PERSON = f"it+ada.byron@{DOMAIN}"
DOOR = RecipientMap(domains=frozenset({DOMAIN}), recipients=frozenset({PERSON}))
SESSIONS = 20

Run = Callable[[int, int, bool], Sample]  # messages, bytes of each, use connections again


@contextlib.contextmanager
def start_mailroom(workers: int) -> Iterator[Run]:
    """`mailroom receive`. After each run the spool must hold every message."""
    with processes.short_directory("door") as directory:
        spool = directory / "spool"
        spool.mkdir()
        settings = Settings(Company(domains=(DOMAIN,), hostname=f"mx.{DOMAIN}"), spool=Spool(spool))
        with start_daemon(settings, directory, DOOR, workers=workers, max_messages_per_minute=0, max_connections_per_client=500) as door:
            yield lambda messages, size, reuse: into_mailroom(door, messages, size, reuse)


def into_mailroom(door: Daemon, messages: int, size: int, reuse: bool) -> Sample:
    """Measures one run into Mailroom and checks that all messages are in the spool."""
    assert door.process is not None
    found = measure_run(door.process.pid, door.address[1], messages, size, reuse)
    kept = {envelope.spool_id for envelope, _ in receiving.read_spool(door.settings.spool.directory)}
    assert len(kept) == messages, f"{len(kept)} of {messages} are in the spool"
    remove_all(door.settings.spool.directory / "incoming")
    return found


@contextlib.contextmanager
def start_postfix() -> Iterator[Run]:
    """Postfix as it comes, which discards what it has queued; its processor time counts until the queue is empty."""
    with discarding.postfix_discarding() as (server, pid):

        def drained() -> None:
            processes.until(lambda: not server.waiting(), "Postfix's queue is empty", log=server.directory / "log")

        yield lambda messages, size, reuse: measure_run(pid, server.port, messages, size, reuse, drained)


@contextlib.contextmanager
def stock_aiosmtpd() -> Iterator[Run]:
    """aiosmtpd with an fsync a message. After each run every message must be a file."""
    with processes.short_directory("stock") as directory, start_program("bench.rounds.stock", directory) as (port, pid):

        def run(messages: int, size: int, reuse: bool) -> Sample:
            found = measure_run(pid, port, messages, size, reuse)
            assert remove_all(directory, ".eml") == messages
            return found

        yield run


@contextlib.contextmanager
def start_ceiling() -> Iterator[Run]:
    """The bare chunked loop, which stores nothing."""
    with processes.short_directory("ceiling") as directory, start_program("bench.rounds.ceiling", directory) as (port, pid):
        yield lambda messages, size, reuse: measure_run(pid, port, messages, size, reuse)


@contextlib.contextmanager
def start_sink() -> Iterator[Run]:
    """smtp-sink, in C: what the client can do."""
    with discarding.start_sink() as (port, pid):
        yield lambda messages, size, reuse: measure_run(pid, port, messages, size, reuse)


@contextlib.contextmanager
def start_program(module: str, directory: Path) -> Iterator[tuple[int, int]]:
    """A server of ours in a process of its own: its port and its process id."""
    port = processes.free_port()
    command = [sys.executable, "-m", module, str(port), str(directory)]
    process = processes.start(command, directory / "output", environment={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        processes.until(processes.is_answering(port), f"{module} answers", process, directory / "output")
        yield port, process.pid
    finally:
        processes.stop(process)


def measure_run(pid: int, port: int, messages: int, size: int, reuse: bool, drained: Callable[[], None] = lambda: None) -> Sample:
    """Messages a second, milliseconds of processor a message, and how many processors others kept busy."""
    watch = processor.Watch((pid,))
    seconds = smtp_source.send_messages(port, messages=messages, size=size, sessions=SESSIONS, to=PERSON, reuse=reuse)
    drained()
    _, (used,), others = watch.stop()
    return {"rate": messages / seconds, "cpu": used * 1000 / messages, "others": others}


def remove_all(directory: Path, ending: str = ".batch") -> int:
    """Remove what a run has left; how many files it was."""
    files = [*directory.glob(f"*{ending}")]
    for file in files:
        file.unlink()
    return len(files)
