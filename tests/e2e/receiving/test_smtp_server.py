"""Limits and malformed input of the SMTP server, as tables, against a running `mailroom receive`."""

import contextlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from tests import effort
from tests.mta.session.test_smtp_session import NOT_THE_END, RELAY_ATTEMPTS, reply, smuggle, talk
from tests.peers.daemon import Daemon, start_daemon
from tests.peers.processes import HANG
from tests.peers.receiving import RECIPIENT_MAP, make_certificate, wait_until
from triage.config.settings import Settings

HELLO = (b"EHLO client.example\r\n", b"MAIL FROM:<a@stranger.example>\r\n", b"RCPT TO:<anna@company.example>\r\n")
MAIL = b"From: a@stranger.example\r\nSubject: hello\r\n\r\nhello\r\n.\r\n"
MEGABYTE = 1024 * 1024


def send(door: Daemon, raw: bytes = MAIL) -> str:
    """Send one message; the reply to the final dot."""
    return talk(door, *HELLO, b"DATA\r\n", raw)[-1]


@contextlib.contextmanager
def client(door: Daemon, source: str = "127.0.0.1") -> Iterator[tuple[socket.socket, BinaryIO]]:
    """A connection that was not greeted yet."""
    with door.connect(source) as connection, connection.makefile("rb") as stream:
        yield connection, stream


@contextlib.contextmanager
def in_message(door: Daemon, source: str = "127.0.0.1") -> Iterator[tuple[socket.socket, BinaryIO]]:
    """A connection on which the server has said 354."""
    with client(door, source) as (connection, stream):
        for line in (b"", *HELLO, b"DATA\r\n"):
            connection.sendall(line)
            said = reply(stream)
        assert said.startswith("354")
        yield connection, stream


@pytest.fixture
def door(settings: Settings, tmp_path: Path) -> Iterator[Daemon]:
    """The daemon with its limits as they come."""
    with start_daemon(settings, tmp_path) as running:
        yield running


# floods


@pytest.mark.parametrize("workers", [effort.long(1), 3])
def test_fifty_connections_of_one_client_and_512_in_all(workers: int, settings: Settings, tmp_path: Path) -> None:
    with start_daemon(settings, tmp_path, workers=workers) as door:
        flood(door)


def flood(door: Daemon) -> None:
    """As many connections as there may be, of many clients and of one."""
    with contextlib.ExitStack() as stack:
        for number in range(512):
            connection = stack.enter_context(door.connect(f"127.0.1.{number // 50}"))
            assert connection.recv(3) == b"220", number
        assert greeting(door, "127.0.1.0").startswith("421 4.3.2")
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            wait_until(lambda: stay(stack, door, "127.0.1.1"))  # the workers notice one by one that the flood has gone
        wait_until(lambda: greeting(door, "127.0.1.1").startswith("421 4.7.0"))
        wait_until(lambda: send(door).startswith("250"))  # others do not suffer


def greeting(door: Daemon, source: str) -> str:
    """Greeting that a client gets on connecting now."""
    with client(door, source) as (_, stream):
        return reply(stream)


def stay(stack: contextlib.ExitStack, door: Daemon, source: str) -> bool:
    """Connect, and stay if that is allowed."""
    connection = door.connect(source)
    if connection.recv(3) == b"220":
        stack.enter_context(connection)
        return True
    connection.close()
    return False


@pytest.mark.parametrize("workers", [effort.long(1), 3])
def test_300_messages_a_minute_of_one_client(workers: int, settings: Settings, tmp_path: Path) -> None:
    mail = b"MAIL FROM:<a@stranger.example>\r\n"
    with start_daemon(settings, tmp_path, workers=workers) as door:
        most_in_a_minute(door, mail)


def most_in_a_minute(door: Daemon, mail: bytes) -> None:
    """Send until it is too much; another client may still."""
    with client(door) as (connection, stream):
        assert [answer(connection, stream, line)[:3] for line in (b"", b"EHLO c\r\n")] == ["220", "250"]
        accepted = 0
        while (said := answer(connection, stream, mail)).startswith("250"):
            accepted += 1
            if accepted % 90 == 0:  # a message ends the count of idle commands
                connection.sendall(HELLO[2] + b"DATA\r\n" + MAIL)
                assert [reply(stream)[:3] for _ in range(3)] == ["250", "354", "250"]
            else:
                assert answer(connection, stream, b"RSET\r\n").startswith("250")
        assert said.startswith("450 4.7.1")
        assert 300 <= accepted <= 600, "a minute may have ended meanwhile"
    with client(door, "127.0.0.2") as (connection, stream):
        assert [answer(connection, stream, line)[:3] for line in (b"", b"EHLO c\r\n", mail)] == ["220", "250", "250"]


def answer(connection: socket.socket, stream: BinaryIO, line: bytes) -> str:
    """Say something; the reply."""
    connection.sendall(line)
    return reply(stream)


def test_a_thousand_recipients_and_the_others_in_another_message(settings: Settings, tmp_path: Path) -> None:
    everybody = frozenset(f"p{number}@company.example" for number in range(1100))
    with start_daemon(settings, tmp_path, replace(RECIPIENT_MAP, recipients=everybody)) as door, client(door) as (connection, stream):
        named = b"".join(b"RCPT TO:<p%d@company.example>\r\n" % number for number in range(1100))
        assert reply(stream).startswith("220")
        connection.sendall(HELLO[0] + HELLO[1] + named + b"DATA\r\n")
        said = [reply(stream)[:9] for _ in range(1103)]
        assert said[2:1102] == ["250 2.1.5"] * 1000 + ["452 4.5.3"] * 100
        assert said[1102].startswith("354")
        assert answer(connection, stream, MAIL).startswith("250")
        ((envelope, _),) = door.stored()
        assert len(envelope.recipients) == 1000


def test_twenty_errors_and_a_hundred_idle_commands(door: Daemon) -> None:
    for line, count in ((b"NONSENSE\r\n", 20), (b"RCPT TO:<a@b>\r\n", 20), (b"NOOP\r\n", 100), (b"EHLO c\r\n", 100), (b"VRFY a\r\n", 100)):
        with client(door) as (connection, stream):
            reply(stream)
            connection.sendall(line * (count + 5))
            said = [reply(stream) for _ in range(count + 1)]
        assert [one[:3] for one in said].index("421") == count, line


# slow clients


def test_a_client_that_dribbles_a_command_is_idle(settings: Settings, tmp_path: Path) -> None:
    with start_daemon(settings, tmp_path, idle_timeout=1) as door, client(door) as (connection, stream):
        reply(stream)
        with contextlib.suppress(OSError):
            for _ in range(10 * int(HANG)):
                connection.sendall(b"E")
                time.sleep(0.1)
        assert reply(stream).startswith("421 4.4.2")


def test_a_client_that_dribbles_its_message_is_cut_in_the_end(settings: Settings, tmp_path: Path) -> None:
    with start_daemon(settings, tmp_path, session_timeout=2) as door, client(door) as (connection, stream):
        assert reply(stream).startswith("220")
        with contextlib.suppress(OSError):
            connection.sendall(b"".join(HELLO) + b"DATA\r\n")
            for _ in range(10 * int(HANG)):
                connection.sendall(b"x")
                time.sleep(0.1)
        assert next(line for line in stream if line.startswith(b"4")).startswith(b"421 4.4.2")
        assert door.stored() == []


def test_slow_and_idle_clients_hold_nobody_up(door: Daemon) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(200):
            assert stack.enter_context(door.connect(f"127.0.2.{number // 40}")).recv(3) == b"220"
        slow = [stack.enter_context(in_message(door, f"127.0.3.{number}"))[0] for number in range(20)]
        ended = threading.Event()

        def dribble() -> None:
            while not ended.wait(0.05):
                for connection in slow:
                    connection.sendall(b"x")

        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            begun = time.monotonic()
            assert [send(door)[:3] for _ in range(5)] == ["250"] * 5
            assert time.monotonic() - begun < HANG, "the goal is 2 s, this is a guard"
        finally:
            ended.set()
            thread.join()


# memory


def test_two_hundred_megabytes_without_a_line_end_cost_little_memory(door: Daemon) -> None:
    assert send(door).startswith("250")
    before = door.peak_memory()
    with in_message(door) as (connection, stream):
        block = b"x" * MEGABYTE
        for _ in range(200):
            connection.sendall(block)
        assert answer(connection, stream, b"\r\n.\r\n").startswith("552 5.3.4")
    assert door.peak_memory() - before < 64 * MEGABYTE
    assert len(door.stored()) == 1


@pytest.mark.long
def test_a_command_line_of_a_hundred_megabytes(door: Daemon) -> None:
    before = door.peak_memory()
    with client(door) as (connection, stream):
        reply(stream)
        block = b"NOOP" * (MEGABYTE // 4)
        for _ in range(100):
            connection.sendall(block)
        assert answer(connection, stream, b"\r\n").startswith("500 5.5.2")
        assert answer(connection, stream, b"NOOP\r\n").startswith("250")
    assert door.peak_memory() - before < 16 * MEGABYTE


def test_too_large_by_word_and_by_deed(door: Daemon) -> None:
    said = talk(door, HELLO[0], b"MAIL FROM:<a@b.example> SIZE=52428801\r\n", b"MAIL FROM:<a@b.example> SIZE=52428800\r\n")
    assert [one[:9] for one in said[2:]] == ["552 5.3.4", "250 2.1.0"]
    block = (b"x" * 72 + b"\r\n") * 10_000
    with in_message(door) as (connection, stream):
        for _ in range(52 * MEGABYTE // len(block)):
            connection.sendall(block)
        assert answer(connection, stream, b".\r\n").startswith("552 5.3.4")
        assert answer(connection, stream, b"NOOP\r\n").startswith("250")
    assert door.stored() == []


# bad input


def test_only_crlf_dot_crlf_ends_a_message(door: Daemon) -> None:
    for sequence in NOT_THE_END:
        smuggle(door, sequence)


@pytest.mark.corpus
def test_the_known_smuggling_sequences_end_nothing(door: Daemon, corpus: Path) -> None:
    with tarfile.open(corpus / "smtp.tar.gz") as archive:
        member = archive.extractfile("smtp/end-of-data-sequences.json")
        assert member is not None
        known = json.load(member)
    for sequence in {*known["inbound"], *known["outbound"]}:
        smuggle(door, sequence)


def test_no_address_form_is_a_way_through(door: Daemon) -> None:
    for path, expected in RELAY_ATTEMPTS:
        said = talk(door, *HELLO[:2], f"RCPT TO:{path}\r\n".encode(), b"DATA\r\n")
        assert said[3].startswith(expected), (path, said[3])
        assert said[4].startswith("503"), "there is nobody to send to"
    assert door.stored() == []


def test_what_is_pipelined_behind_starttls_is_never_obeyed(settings: Settings, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    with start_daemon(settings, tmp_path, tls_cert=str(certificate), tls_key=str(key)) as door, client(door) as (connection, stream):
        reply(stream)
        answer(connection, stream, b"EHLO c\r\n")
        injected = b"".join(HELLO[1:]) + b"DATA\r\n" + MAIL
        assert answer(connection, stream, b"STARTTLS\r\n" + injected).startswith("220")
        with contextlib.suppress(OSError):
            connection.sendall(injected)  # and what comes in clear text now is no TLS
            assert stream.read() == b""
        assert door.stored() == []


def test_who_talks_before_the_banner_is_sent_away(door: Daemon) -> None:
    door.signal(signal.SIGSTOP)
    try:
        early = door.connect()
        early.sendall(b"EHLO c\r\n")
        time.sleep(0.05)
    finally:
        door.signal(signal.SIGCONT)
    with early, early.makefile("rb") as stream:
        assert stream.read().startswith(b"554 5.5.1")


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 200\r\n\r\n" + b"".join(HELLO),
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
    ids=["get", "post with commands", "tls"],
)
def test_browsers_and_tls_are_sent_away(request_line: bytes, door: Daemon) -> None:
    with client(door) as (connection, stream):
        reply(stream)
        connection.sendall(request_line + b"\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert stream.read().startswith(b"554 5.5.1")


def test_control_bytes_are_refused_wherever_they_stand(door: Daemon) -> None:
    controls = [*range(0x20), 0x7F, 0x80, 0x9B, 0xFF]
    controls.remove(0x0A)  # which ends the line
    for form in (b"EHLO cl%bient\r\n", b"MAIL FROM:<a%b@stranger.example>\r\n", b"RCPT TO:<anna%b@company.example>\r\n"):
        for control in controls:
            before = HELLO[: 0 if form.startswith(b"EHLO") else 1 if form.startswith(b"MAIL") else 2]
            said = talk(door, *before, form.replace(b"%b", bytes([control])))[-1]
            assert said[0] == "5", (form, control, said)
            assert said.isprintable()
    assert all(line.isprintable() for line in door.log.read_text("utf-8").splitlines())


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "\x1b[2J",
        "\u202eexample",
        "[127.0.0.1",
        "x" * 300,
        "client.example\r",
        "a\r\nMAIL FROM:<x@y>",
        "${jndi:ldap://x}",
        "%s%n",
    ],
    ids=ascii,
)
def test_whatever_a_client_calls_itself_it_gets_no_power(name: str, door: Daemon) -> None:
    with client(door) as (connection, stream):
        reply(stream)
        said = answer(connection, stream, f"EHLO {name}\r\n".encode())
        assert said[:3] in ("250", "500", "501")
        assert not name.strip() or name.strip() not in said or not said.startswith("5")
    assert all(line.isprintable() for line in door.log.read_text("utf-8").splitlines())


def test_messages_that_go_round_in_circles(door: Daemon) -> None:
    hop = b"Received: from a by b with SMTP id x; Tue, 24 Nov 2026 09:30:00 +0000\r\n"
    ours = b"Received: from a by mx.company.example with ESMTP id x\r\n"
    for head, expected in ((hop * 50, "250"), (hop * 51, "554 5.4.6"), (ours * 3, "250"), ((ours + hop) * 4, "554 5.4.6")):
        assert send(door, head + MAIL).startswith(expected)


# a disk that is full, or not there


@contextlib.contextmanager
def small_disk(directory: Path) -> Iterator[tuple[tuple[str, ...], Callable[[Daemon], None]]]:
    """A spool that takes no file beyond some 300 KB: a program to start the daemon with, and what makes room."""
    if os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", directory], check=False).returncode == 0:
        try:
            yield (), lambda _: void(subprocess.run(["mount", "-o", "remount,size=64m", directory], check=True))
        finally:
            subprocess.run(["umount", "-l", directory], check=True)
        return

    def make_room(door: Daemon) -> None:
        for pid in door.pids():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    yield ("prlimit", "--fsize=300000:unlimited"), make_room


def void(_: object) -> None:
    """For calls whose result does not matter."""


def test_a_full_disk_is_never_acknowledged_and_room_is_used_at_once(settings: Settings, tmp_path: Path) -> None:
    with small_disk(settings.spool.directory) as (wrapper, make_room), start_daemon(settings, tmp_path, wrapper=wrapper) as door:
        large = b"From: a@stranger.example\r\n\r\n" + (b"x" * 70 + b"\r\n") * 8_000 + b".\r\n"
        kept = 0
        for _ in range(3):
            assert send(door, large).startswith("452 4.3.1")
            said = send(door)
            assert said[:3] in ("250", "452")
            kept += said.startswith("250")
        make_room(door)
        wait_until(lambda: send(door, large).startswith("250"))
        assert len(door.stored()) == kept + 1


def test_a_spool_that_is_gone_is_our_trouble_and_temporary(door: Daemon) -> None:
    incoming = door.settings.spool.directory / "incoming"
    incoming.rename(incoming.with_name("away"))
    assert send(door).startswith("451 4.3.0")
    incoming.with_name("away").rename(incoming)
    assert send(door).startswith("250")
    assert re.search(r"not stored: FileNotFoundError", door.log.read_text())


def test_with_a_full_spool_it_greets_soon(settings: Settings, tmp_path: Path) -> None:
    incoming = settings.spool.directory / "incoming"
    incoming.mkdir()
    for number in range(10_000):
        (incoming / f"{number:013}.1.1.batch").touch()
    begun = time.monotonic()
    with start_daemon(settings, tmp_path) as door:
        assert send(door).startswith("250")
        assert time.monotonic() - begun < HANG, "the goal is 1 s, this is a guard"
