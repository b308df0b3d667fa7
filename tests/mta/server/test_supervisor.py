"""Several receiving processes on one port: they share the work and the limits, and nobody is cut when they change or stop."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from mta.server import supervisor
from mta.server.worker import Worker
from tests.mta.session.test_smtp_session import reply, talk
from tests.peers.daemon import Daemon, start_daemon
from tests.peers.processes import HANG
from tests.peers.receiving import wait_until
from triage.config.settings import Settings
from triage.errors import BadInput

HELLO = (b"EHLO client.example\r\n", b"MAIL FROM:<a@stranger.example>\r\n", b"RCPT TO:<anna@company.example>\r\n", b"DATA\r\n")


@pytest.fixture
def door(settings: Settings, tmp_path: Path) -> Iterator[Daemon]:
    """Two workers."""
    with start_daemon(settings, tmp_path, workers=2, max_connections_per_client=6) as running:
        yield running


@contextlib.contextmanager
def in_message(door: Daemon) -> Iterator[tuple[socket.socket, BinaryIO]]:
    """A connection on which the server has said 354."""
    with door.connect() as connection, connection.makefile("rb") as stream:
        reply(stream)
        for line in HELLO:
            connection.sendall(line)
            said = reply(stream)
        assert said.startswith("354")
        yield connection, stream


def crew(door: Daemon) -> list[int]:
    """The workers, not the one that watches over them."""
    return door.pids()[1:]


def hostname(door: Daemon, name: str) -> None:
    """Change company.hostname in its settings file, and have it read again."""
    config = door.log.parent / "receive.toml"
    config.write_text(config.read_text().replace("mx.company.example", name))
    assert door.process is not None
    door.process.send_signal(signal.SIGHUP)


def test_they_share_a_port_and_the_limits(door: Daemon) -> None:
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(in_message(door)) for _ in range(6)]
        assert talk(door) == ["421 4.7.0 Too many connections from your address; try again later"]
        for connection, stream in streams:
            connection.sendall(b"Subject: x\r\n.\r\n")
            assert reply(stream).startswith("250 2.0.0 queued")
    assert len(door.stored()) == 6
    wait_until(lambda: talk(door)[0].startswith("220"))


def test_a_worker_that_dies_is_replaced_and_its_clients_count_no_more(door: Daemon) -> None:
    first = crew(door)
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(in_message(door))
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(crew(door)) == 2 and not set(crew(door)) & set(first))
        wait_until(lambda: talk(door)[0].startswith("220"))
    assert talk(door, *HELLO, b".\r\n")[-1].startswith("250")


def test_new_settings_are_for_new_connections_and_those_of_before_are_finished(door: Daemon) -> None:
    first = crew(door)
    with in_message(door) as (connection, stream):
        hostname(door, "new.company.example")
        wait_until(lambda: talk(door)[0].startswith("220 new.company.example"))
        wait_until(lambda: "new workers have taken over" in door.log.read_text())
        connection.sendall(b"half of it\r\n.\r\nNOOP\r\n")
        assert reply(stream).startswith("250 2.0.0 queued")
        assert reply(stream) == "250 2.0.0 OK"
        wait_until(lambda: len(crew(door)) == 3)
    wait_until(lambda: not set(first) & set(crew(door)))
    assert len(door.stored()) == 1


def test_settings_that_cannot_be_used_leave_those_of_before_in_force(door: Daemon) -> None:
    first = crew(door)
    hostname(door, 'x", nonsense = "y')
    wait_until(lambda: "the settings of before stay in force" in door.log.read_text())
    assert talk(door)[0].startswith("220 mx.company.example")
    assert crew(door) == first


def test_the_spool_stays_where_its_judge_reads_it_until_the_next_start(door: Daemon, tmp_path: Path) -> None:
    config = door.log.parent / "receive.toml"
    config.write_text(config.read_text().replace(str(door.settings.spool.directory), str(tmp_path / "elsewhere")))
    hostname(door, "new.company.example")
    wait_until(lambda: talk(door)[0].startswith("220 new.company.example"))
    wait_until(lambda: "new workers have taken over" in door.log.read_text())
    assert talk(door, *HELLO, b".\r\n")[-1].startswith("250")
    assert len(door.stored()) == 1
    assert "spool.directory change at the next start only" in door.log.read_text()


def test_the_port_is_free_at_once_and_whoever_is_in_a_message_may_finish(settings: Settings, tmp_path: Path, door: Daemon) -> None:
    assert door.process is not None
    with in_message(door) as (busy, stream), door.connect() as idle:
        assert idle.recv(3) == b"220"
        door.process.send_signal(signal.SIGTERM)
        with idle.makefile("rb") as last_words:
            assert last_words.read().endswith(b"421 4.3.2 Shutting down; try again later\r\n")
        wait_until(lambda: can_listen(door.address))
        assert door.process.poll() is None
        busy.sendall(b"the rest\r\n.\r\n")
        assert stream.readline().startswith(b"250 2.0.0 queued")
    assert door.process.wait(HANG) == 0
    assert len(door.stored()) == 1


def can_listen(address: tuple[str, int]) -> bool:
    """Whether the address is free for a successor."""
    try:
        socket.create_server(address).close()
    except OSError:
        return False
    return True


def test_workers_do_not_outlive_the_one_that_watches_over_them(door: Daemon) -> None:
    assert door.process is not None
    left = crew(door)
    assert len(left) == 2
    door.process.kill()
    wait_until(lambda: can_listen(door.address))
    wait_until(lambda: not any(is_alive(pid) for pid in left))


def is_alive(pid: int) -> bool:
    """Is there such a process, and does it still run?"""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [0, supervisor.MOST_WORKERS + 1])
def test_how_many_there_may_be(number: int, settings: Settings) -> None:
    with pytest.raises(BadInput, match=r"smtp\.workers must be from 1 to"):
        supervisor.check_settings(replace(settings, smtp=replace(settings.smtp, workers=number)))


def test_one_that_hangs_is_killed_and_one_that_never_starts_is_noticed() -> None:
    def hang(ready: Callable[[], None]) -> int:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ready()
        while True:
            signal.pause()

    hanging = Worker.fork(0, hang)
    assert hanging.is_ready(time.monotonic() + HANG)
    hanging.signal_process(signal.SIGTERM)
    assert not hanging.end(time.monotonic() + 0.1)
    failing = Worker.fork(0, lambda _: 3)
    assert not failing.is_ready(time.monotonic() + HANG)
    assert failing.end(time.monotonic() + HANG)
    assert failing.code == 3
