"""The receiving daemon as a whole: what it stores, whom it sends away, what a fault costs, and how it starts and stops."""

import contextlib
import errno
import logging
import os
import re
import resource
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest
from cryptography import x509

from mta.peer.client_limits import Clients, Memory, client_address
from mta.peer.smtp_peer import Visitor
from mta.server import receiver as server_receiver, tls_context as certificates
from mta.session import admission, data_reader, incoming_message, replies, session_limits, smtp_library
from mta.session.envelope_transaction import Transaction
from mta.session.server_context import ServerContext
from mta.session.smtp_session import Session
from mta.spool import recipient_map_file
from mta.spool.spool import Spool, Waiting
from tests.mta.session.test_smtp_session import talk
from tests.peers.processes import HANG, free_port, until
from tests.peers.receiving import RECIPIENT_MAP, Receiver, make_certificate, read_spool, start_receiver, wait_until
from triage import ids
from triage.addressing.envelope import Envelope
from triage.addressing.networks import sender_network
from triage.config.settings import Settings, Smtp
from triage.errors import BadInput
from triage.runtime import metrics
from triage.runtime.wakeup import WakeupPipe

HELLO = (b"EHLO client.example\r\n", b"MAIL FROM:<a@stranger.example>\r\n", b"RCPT TO:<anna@company.example>\r\n", b"DATA\r\n")
MAIL = b"From: a@stranger.example\r\nSubject: hello\r\n\r\nhello\r\n"


def send(receiver: Receiver, raw: bytes = MAIL) -> str:
    """Send one message; the reply to the final dot."""
    return talk(receiver, *HELLO, raw + b".\r\n")[-1]


@contextlib.contextmanager
def in_message(receiver: Receiver, client: str = "127.0.0.1") -> Iterator[tuple[socket.socket, BinaryIO]]:
    """A connection on which the server has said 354."""
    with receiver.connect(client) as connection, connection.makefile("rb") as stream:
        assert stream.readline().startswith(b"220")
        connection.sendall(b"".join(HELLO))
        while not (line := stream.readline()).startswith(b"354"):
            assert line.startswith(b"250")
        yield connection, stream


# what is stored


def test_the_envelope_and_the_bytes_are_kept_as_they_came(settings: Settings) -> None:
    with start_receiver(settings) as receiver, smtplib.SMTP(*receiver.address, local_hostname="client.example") as client:
        raw = b"From: a@stranger.example\r\n\r\n.\r\n..\r\n8-bit \xfc\0\r\nno line end"
        client.sendmail("A@Stranger.Example", ["IT+Anna@Company.Example", "bo@company.example"], raw, mail_options=["BODY=8BITMIME"])
        ((envelope, stored_raw),) = receiver.stored()
    assert stored_raw == raw + b"\r\n"
    assert envelope == Envelope(
        spool_id=envelope.spool_id,
        received_at=envelope.received_at,
        reverse_path="A@Stranger.Example",
        recipients=("IT+Anna@Company.Example", "bo@company.example"),
        client="127.0.0.1",
        helo="client.example",
    )


def test_the_reply_names_the_id(settings: Settings) -> None:
    with start_receiver(settings) as receiver:
        said = send(receiver)
        ((envelope, _),) = receiver.stored()
    assert said == f"250 2.0.0 queued as {ids.format_id(envelope.spool_id)}"


@pytest.mark.parametrize(
    ("hello", "option", "protocol"),
    [(b"HELO c", b"", "SMTP"), (b"EHLO c", b"", "ESMTP"), (b"EHLO c", b" SMTPUTF8", "UTF8SMTP")],
)
def test_the_protocol_is_named_as_a_received_field_does(hello: bytes, option: bytes, protocol: str, settings: Settings) -> None:
    with start_receiver(settings) as receiver:
        talk(receiver, hello + b"\r\n", b"MAIL FROM:<a@b.example>" + option + b"\r\n", *HELLO[2:], b".\r\n")
        ((envelope, _),) = receiver.stored()
    assert envelope.protocol == protocol


def test_over_tls(settings: Settings, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate))
    trusting.check_hostname = False
    with start_receiver(settings, tls_cert=str(certificate), tls_key=str(key)) as receiver:
        with smtplib.SMTP(*receiver.address) as client:
            client.starttls(context=trusting)
            client.sendmail("a@b.example", ["anna@company.example"], b"x" * 3_000_000)
        ((envelope, raw),) = receiver.stored()
    assert (envelope.tls, envelope.protocol, len(raw)) == ("TLSv1.3", "ESMTPS", 3_000_002)


def test_a_new_certificate_is_taken_without_a_restart(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "CHECK_EVERY", 0.0)
    told: list[tuple[str, float]] = []
    monkeypatch.setattr(metrics, "set_gauge", lambda name, value, *, role: told.append((role, value)))
    certificate, key = make_certificate(tmp_path)
    with start_receiver(settings, tls_cert=str(certificate), tls_key=str(key)) as receiver:

        def offered() -> str:
            with smtplib.SMTP(*receiver.address) as client:
                client.starttls(context=ssl._create_unverified_context())
                assert isinstance(client.sock, ssl.SSLSocket)
                return ssl.DER_cert_to_PEM_cert(client.sock.getpeercert(binary_form=True) or b"")

        assert offered() == certificate.read_text()
        first = certificate.read_text()
        make_certificate(tmp_path)
        assert first != certificate.read_text() == offered()
        fresh = certificate.read_text()
        certificate.write_text("damaged")
        assert offered() == fresh
    ends = [x509.load_pem_x509_certificate(one.encode()).not_valid_after_utc.timestamp() for one in (first, fresh)]
    assert told == [("receive", end) for end in ends]


def test_no_session_breaks_while_certificates_are_renewed(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "CHECK_EVERY", 0.0)
    certificate, key = make_certificate(tmp_path)
    renewed, shown = threading.Event(), set()
    with start_receiver(settings, tls_cert=str(certificate), tls_key=str(key)) as receiver:

        def send_some() -> int:
            sent = 0
            while not renewed.is_set() or not sent:
                with smtplib.SMTP(*receiver.address) as client:
                    client.starttls(context=ssl._create_unverified_context())
                    assert isinstance(client.sock, ssl.SSLSocket)
                    shown.add(client.sock.getpeercert(binary_form=True))
                    client.sendmail("a@b.example", ["anna@company.example"], b"x" * 100_000)
                sent += 1
            return sent

        def shows_more(seen: int) -> bool:
            return len(shown) > seen or any(one.done() for one in senders)

        with ThreadPoolExecutor(3) as threads:
            senders = [threads.submit(send_some) for _ in range(3)]
            for _ in range(3):
                seen = len(shown)
                make_certificate(tmp_path)
                until(partial(shows_more, seen), "another certificate is shown")
            renewed.set()
        assert len(receiver.stored()) == sum(one.result() for one in senders)
    assert len(shown) >= 3


def test_a_certificate_that_only_openssl_reads_serves_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def strict(_: bytes) -> list[x509.Certificate]:
        raise ValueError("error parsing asn1 value")

    monkeypatch.setattr(x509, "load_pem_x509_certificates", strict)
    certificate, key = make_certificate(tmp_path)
    assert certificates.Certificate(Smtp(tls_cert=str(certificate), tls_key=str(key)), "receive").context()
    assert "when the certificate ends cannot be told: error parsing asn1 value" in caplog.text


# the SMTP server snapshot


def test_without_a_snapshot_everybody_is_asked_to_come_again(settings: Settings) -> None:
    with start_receiver(settings, recipient_map=None) as receiver:
        assert talk(receiver, *HELLO[:3])[-1].startswith("451 4.3.0")
        recipient_map_file.write_map(settings.spool.directory, RECIPIENT_MAP)
        wait_until(lambda: talk(receiver, *HELLO[:3])[-1].startswith("250"))


def test_a_new_snapshot_is_picked_up_and_a_damaged_one_is_not(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with start_receiver(settings) as receiver:
        assert talk(receiver, *HELLO[:3])[-1].startswith("250")
        recipient_map_file.write_map(settings.spool.directory, replace(RECIPIENT_MAP, recipients=frozenset({"bo@company.example"})))
        wait_until(lambda: talk(receiver, *HELLO[:3])[-1].startswith("550 5.1.1"))
    monkeypatch.setattr(recipient_map_file, "CHECK_EVERY", 0.0)  # each question looks at the file
    file = recipient_map_file.SnapshotFile(settings.spool.directory)
    good = file.current()
    file.path.write_bytes(b"{")
    assert file.current() is good is not None
    file.path.unlink()
    assert file.current() is good


# clients that take too much


def test_connections_of_one_client(settings: Settings) -> None:
    with start_receiver(settings, max_connections_per_client=2) as receiver:
        with receiver.connect() as one, receiver.connect() as two:
            assert (one.recv(3), two.recv(3)) == (b"220", b"220")
            assert talk(receiver) == ["421 4.7.0 Too many connections from your address; try again later"]
        wait_until(lambda: talk(receiver)[0].startswith("220"))


def test_connections_of_all_clients(settings: Settings) -> None:
    with start_receiver(settings, max_connections=1) as receiver, receiver.connect() as one:
        assert one.recv(3) == b"220"
        assert talk(receiver) == ["421 4.3.2 Too many connections; try again later"]


def test_an_ipv6_network_is_one_client() -> None:
    clients = Clients(Smtp(max_connections_per_client=1, max_messages_per_minute=1))
    clients.came("2001:db8::1")
    clients.came("2001:db8::2")
    assert clients.has_too_many("2001:db8::3")
    assert not clients.has_too_many("2001:db8:0:1::1")
    clients.left("2001:db8::1")
    clients.left("2001:db8::2")
    assert (clients.tally.connections(), clients.tally.connections(sender_network("2001:db8::1"))) == (0, 0)
    assert [clients.may_send("192.0.2.1", now) for now in (120.0, 179.9, 180.0)] == [True, False, True]
    assert Clients(Smtp(max_messages_per_minute=0)).may_send("192.0.2.1", 0.0)


@pytest.mark.parametrize(
    ("peer", "address"),
    [(("192.0.2.1", 1), "192.0.2.1"), (("::ffff:192.0.2.1", 1, 0, 0), "192.0.2.1"), (("fe80::1%eth0", 1, 0, 2), "fe80::1"), ("", "")],
)
def test_the_client_s_address(peer: object, address: str) -> None:
    assert client_address(peer) == address


def test_a_client_that_says_nothing_is_told_good_bye(settings: Settings) -> None:
    with start_receiver(settings, idle_timeout=1) as receiver, receiver.connect() as connection:
        assert connection.makefile("rb").read().decode().splitlines() == ["220 mx.company.example ESMTP", replies.IDLE_TOO_LONG]


def test_a_client_that_never_ends_is_told_good_bye(settings: Settings) -> None:
    with start_receiver(settings, session_timeout=1) as receiver, receiver.connect() as connection, connection.makefile("rb") as stream:
        said = [stream.readline()]
        with contextlib.suppress(OSError):
            while said[-1]:
                connection.sendall(b"NOOP\r\n")
                said.append(stream.readline())
                time.sleep(0.05)
        assert replies.SESSION_TOO_LONG.encode() in b"".join(said)


def test_a_message_that_comes_steadily_outlasts_its_session(settings: Settings) -> None:
    begun = time.monotonic()
    with start_receiver(settings, session_timeout=1) as receiver, in_message(receiver) as (connection, stream):
        connection.sendall(b"Subject: scans\r\n\r\n")
        while time.monotonic() < begun + 3:
            connection.sendall(b"x" * 998 + b"\r\n")
            time.sleep(0.02)
        connection.sendall(b".\r\n")
        said = [stream.readline().decode().strip() for _ in range(2)]
        assert said[0].startswith("250 2.0.0 queued as ")
        assert said[1] == replies.SESSION_TOO_LONG
        assert len(receiver.stored()) == 1


def test_a_message_that_comes_too_slowly_is_cut(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming_message, "SLOW_GRACE", 0.1)
    with start_receiver(settings) as receiver, in_message(receiver) as (connection, stream):
        with contextlib.suppress(OSError):
            for _ in range(1000):
                connection.sendall(b"x")
                time.sleep(0.02)
                if receiver.stored():
                    break
        assert stream.readline().decode().strip() == replies.TOO_SLOW
        assert receiver.stored() == []


@pytest.mark.parametrize(
    ("came", "cut"),  # bytes by the second of their coming, and the second in which it is too slow
    [
        ({0: 14_000}, 31),
        ({0: 20_000}, 41),
        ({0: 1_000_000}, 121),
        ({0: 1_000_000, 100: 1_000_000}, 221),
        (dict.fromkeys(range(300), 500), 301),
        (dict.fromkeys(range(300), 490), 50),
        ({0: 1_000_000} | dict.fromkeys(range(30, 600, 30), 100), 121),
        (dict.fromkeys(range(1800), 600), 1801),
        (dict.fromkeys(range(3000), 4096), 3001),
        (dict.fromkeys(range(3000), 4000), 1801),
        (dict.fromkeys(range(3000), 5000), 3120),
    ],
)
def test_a_fast_beginning_earns_a_short_rest(settings: Settings, came: dict[int, int], cut: int) -> None:
    door: Any = SimpleNamespace(settings=settings, clock=lambda: 0.0)
    coming = incoming_message.Incoming(door, "192.0.2.1")
    for second in range(cut + 1):
        coming.content.received += came.get(second, 0)
        assert coming.is_too_slow(second) == (second == cut), second


def test_who_speaks_before_the_greeting_is_sent_away(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    unwelcome, spoken = admission.refuse_visitor, threading.Event()

    def late(door: ServerContext, visitor: Visitor) -> str:
        spoken.wait(HANG)  # the client is quicker
        return unwelcome(door, visitor)

    monkeypatch.setattr(admission, "refuse_visitor", late)
    with start_receiver(settings) as receiver, receiver.connect() as connection:
        connection.sendall(b"EHLO client.example\r\n")
        spoken.set()
        assert connection.recv(100).startswith(b"554 5.5.1")


def test_a_client_that_reads_nothing_holds_no_connection(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_library, "LINGER", 0.1)
    monkeypatch.setattr(session_limits, "MOST_IDLE_COMMANDS", 10**9)
    with start_receiver(settings, idle_timeout=1, max_connections=1) as receiver, receiver.connect() as deaf:
        deaf.settimeout(0.5)
        with contextlib.suppress(TimeoutError, ConnectionError):
            while True:
                deaf.sendall(b"EHLO client.example\r\n" * 1000)
        wait_until(lambda: talk(receiver)[0].startswith("220"))


def test_who_says_very_much_lets_others_have_their_turn(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    named = 0

    def slow(_: Transaction, __: str) -> str:
        nonlocal named
        named += 1
        time.sleep(0.002)
        return replies.RECIPIENT_OK

    monkeypatch.setattr(Transaction, "rcpt", slow)
    with start_receiver(settings) as receiver, receiver.connect() as talkative, talkative.makefile("rb") as stream:
        assert stream.readline().startswith(b"220")
        talkative.sendall(HELLO[0] + HELLO[1] + HELLO[2] * 1500)
        wait_until(lambda: named)
        assert talk(receiver)[0].startswith("220")
        assert named < 1500
        talkative.sendall(b"QUIT\r\n")
        talkative.shutdown(socket.SHUT_WR)
        assert stream.readlines()[-1500:] == [b"250 2.1.5 OK\r\n"] * 1499 + [b"221 2.0.0 Bye\r\n"]


def test_who_does_not_heed_the_limit_of_messages_is_sent_away(settings: Settings) -> None:
    with start_receiver(settings, max_messages_per_minute=1) as receiver, receiver.connect() as deaf, deaf.makefile("rb") as stream:
        assert stream.readline().startswith(b"220")
        deaf.sendall(HELLO[0] + HELLO[1] + b"RSET\r\n" + HELLO[1] * 1000)
        said = [line.decode().strip() for line in stream]
    assert said[-1] == replies.TOO_MANY_IDLE_COMMANDS
    assert said.count(replies.SLOW_DOWN) <= 100


def test_many_recipients_too_many_are_one_line_in_the_log(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with start_receiver(settings, max_recipients=1) as receiver:
        said = talk(receiver, *HELLO[:3], *[b"RCPT TO:<bo@company.example>\r\n"] * 500, b"DATA\r\n", MAIL + b".\r\n")
        assert said.count(replies.TOO_MANY_RECIPIENTS) == 500
        assert said[-1].startswith("250")
    assert caplog.text.count("Too many recipients") == 1


def test_a_recipient_that_is_named_again_counts_again(settings: Settings) -> None:
    with start_receiver(settings, max_recipients=3) as receiver:
        said = talk(receiver, *HELLO[:2], *[HELLO[2]] * 5, b"DATA\r\n", MAIL + b".\r\n")
        assert [said.count(one) for one in (replies.RECIPIENT_OK, replies.TOO_MANY_RECIPIENTS)] == [3, 2]
        assert said[-1].startswith("250")


# memory


def test_messages_share_a_bounded_memory(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_receiver, "MESSAGE_MEMORY", 0)
    with start_receiver(settings, max_size=100_000) as receiver, in_message(receiver) as (greedy, stream):
        greedy.sendall(b"x" * 90_000)
        with in_message(receiver, "127.0.0.2") as (second, _):
            second.sendall(b"x" * 90_000)
            third = send(receiver, b"x" * 50_000 + b"\r\n")
        assert third == replies.NO_STORAGE
        greedy.sendall(b"\r\n.\r\n")
        assert stream.readline().startswith(b"250 2.0.0")
        wait_until(lambda: send(receiver, b"x" * 50_000 + b"\r\n").startswith("250"))


def test_one_client_cannot_take_the_memory_of_all(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_receiver, "MESSAGE_MEMORY", 0)
    with start_receiver(settings, max_size=100_000) as receiver, in_message(receiver, "127.0.0.2") as (greedy, _):
        greedy.sendall(b"x" * 99_000)
        with in_message(receiver, "127.0.0.2") as (second, stream):
            second.sendall(b"x" * 99_000)
            wait_until(lambda: send(receiver, b"x" * 90_000 + b"\r\n").startswith("250"))
            second.sendall(b"\r\n.\r\n")
            assert stream.readline().decode().strip() == replies.NO_STORAGE


def test_what_is_not_kept_takes_no_memory(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_receiver, "MESSAGE_MEMORY", 0)
    with start_receiver(settings, max_size=100_000) as receiver, in_message(receiver) as (large, _), in_message(receiver) as (larger, _):
        for one in (large, larger):
            one.sendall(b"x" * 150_000)
        wait_until(lambda: send(receiver, b"x" * 90_000 + b"\r\n").startswith("250"))


def test_memory_that_is_given_back_can_be_taken_again() -> None:
    memory = Memory(10, 8)
    assert memory.take(6, "192.0.2.1")
    assert not memory.take(3, "192.0.2.1")
    assert not memory.take(5, "192.0.2.2")
    assert memory.take(4, "192.0.2.2")
    for size, client in ((6, "192.0.2.1"), (4, "192.0.2.2")):
        memory.give_back(size, client)
    assert (memory.free, memory.held) == (10, {})
    assert memory.take(10, "")


def test_a_flood_without_line_ends_costs_little_memory(settings: Settings) -> None:
    with start_receiver(settings, max_size=1_000_000) as receiver, in_message(receiver) as (connection, stream):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(100):
            connection.sendall(b"x" * 1_000_000)
        connection.sendall(b"\r\n.\r\n")
        assert stream.readline().startswith(b"552 5.3.4")
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024  # KiB


# what a fault costs


class Broken(Spool):
    """A spool whose disk does what the test says."""

    fault: Exception | None = None

    def append(self, envelope: Envelope, raw: bytes) -> "Future[None]":
        if self.fault is None:
            return super().append(envelope, raw)
        failed: Future[None] = Future()
        failed.set_exception(self.fault)
        return failed


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Broken]]:
    monkeypatch.setattr(server_receiver, "Spool", Broken)
    yield Broken
    Broken.fault = None


@pytest.mark.parametrize(
    ("fault", "reply"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "452 4.3.1"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "452 4.3.1"),
        (OSError(errno.EROFS, "Read-only file system"), "451 4.3.0"),
        (OSError(errno.EIO, "secret /path"), "451 4.3.0"),
        (RuntimeError("secret\r\n250 2.0.0 queued"), "451 4.3.0"),
    ],
)
def test_a_message_that_cannot_be_stored_is_deferred_and_never_explained(
    fault: Exception, reply: str, broken: type[Broken], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with start_receiver(settings) as receiver:
        broken.fault = fault
        said = talk(receiver, *HELLO, MAIL + b".\r\n", b"NOOP\r\n")
        assert said[5].startswith(reply)
        assert "secret" not in said[5]
        assert said[6] == "250 2.0.0 OK"
        broken.fault = None
        assert send(receiver).startswith("250")
        assert len(receiver.stored()) == 1
    assert any("not stored" in record.getMessage() for record in caplog.records)
    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_our_own_mistakes_are_temporary_and_never_shown(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(*_: object) -> None:
        raise RuntimeError("db down secret")

    monkeypatch.setattr(incoming_message, "scan_header", mistaken)
    monkeypatch.setattr(Session, "smtp_NOOP", mistaken)
    with start_receiver(settings) as receiver:
        said = talk(receiver, b"NOOP\r\n", *HELLO, MAIL + b".\r\n", b"RSET\r\n")
        assert said[1] == said[6] == replies.FAULT
        assert said[7] == "250 2.0.0 OK"
        assert receiver.stored() == []


def test_a_mistake_within_a_message_ends_the_session_so_that_no_text_becomes_a_command(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(data_reader.Content, "feed", mistaken)
    with start_receiver(settings) as receiver, in_message(receiver) as (connection, stream):
        connection.sendall(b"x\r\n")
        assert stream.read().decode().splitlines() == [replies.FAULT_IN_MESSAGE]


def test_a_client_that_leaves_after_the_final_dot_does_not_stop_the_store(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    asked, gate = threading.Event(), threading.Event()

    class Slow(Spool):
        """A spool that takes its time."""

        def append(self, envelope: Envelope, raw: bytes) -> "Future[None]":
            asked.set()
            return super().append(envelope, raw)

        def _gather(self, first: Waiting) -> tuple[list[Waiting], bool]:
            assert gate.wait(HANG)
            return super()._gather(first)

    monkeypatch.setattr(server_receiver, "Spool", Slow)
    with start_receiver(settings) as receiver:
        with in_message(receiver) as (connection, _):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close with a reset
            connection.sendall(MAIL + b".\r\n")
            assert asked.wait(HANG)
        wait_until(lambda: any("left before the answer" in record.getMessage() for record in caplog.records))
        gate.set()
        wait_until(receiver.stored)
        assert [raw for _, raw in receiver.stored()] == [MAIL]


def test_a_client_that_leaves_before_the_final_dot_leaves_nothing(settings: Settings) -> None:
    with start_receiver(settings) as receiver:
        for cut in (b"", b"\r\n", b"\r\n.", b"\r\n.\r", b".\n"):
            with in_message(receiver) as (connection, _):
                connection.sendall(b"text" + cut)
        assert send(receiver).startswith("250")
        assert [raw for _, raw in receiver.stored()] == [MAIL]


def test_a_client_that_says_all_and_shuts_its_side_is_answered(settings: Settings) -> None:
    with start_receiver(settings) as receiver, receiver.connect() as connection:
        assert connection.recv(3) == b"220"
        connection.sendall(b"".join(HELLO) + MAIL + b".\r\nNOOP\r\nQUIT\r\n")
        connection.shutdown(socket.SHUT_WR)
        said = connection.makefile("rb").read().decode()
        assert re.search(r"250 2\.0\.0 queued as \w{13}\r\n250 2\.0\.0 OK\r\n221 2\.0\.0 Bye\r\n\Z", said)


def test_many_sessions_at_once_lose_nothing(settings: Settings) -> None:
    with start_receiver(settings, max_messages_per_minute=0) as receiver:
        replies: list[str] = []

        def session(number: int) -> None:
            for part in range(10):
                replies.append(send(receiver, b"X-Number: %d.%d\r\n\r\n" % (number, part)))

        threads = [threading.Thread(target=session, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(HANG)
        found = {(ids.format_id(envelope.spool_id), raw) for envelope, raw in receiver.stored()}
    assert {reply.rpartition(" ")[2] for reply in replies} == {number for number, _ in found}
    assert {raw for _, raw in found} == {b"X-Number: %d.%d\r\n\r\n" % (number, part) for number in range(20) for part in range(10)}


# the log and the pipe


def test_each_event_is_one_harmless_line(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with start_receiver(settings) as receiver:
        talk(receiver, b"EHLO client.example\r\n", "MAIL FROM:<\u202ea@b.example> SMTPUTF8\r\n".encode(), *HELLO[2:], b".\r\n")
        talk(receiver, *HELLO[:2], b"RCPT TO:<nobody\x1b[2J@company.example>\r\n")
        talk(receiver, *HELLO[:1], b"MAIL FROM:<mallory@stranger.example>\r\n", *HELLO[2:3])
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split()[0] for line in lines] == ["listening", "accepted", "refused", "refused", "stopped"]
    assert all(line.isprintable() for line in lines)
    assert "from=<\\u202ea@b.example>" in lines[1]
    assert "to=<nobody\\x1b[2J@company.example>" in lines[2]


def test_the_judge_is_woken_when_mail_is_safe(settings: Settings) -> None:
    with start_receiver(settings) as receiver:
        pipe = WakeupPipe(settings.spool.directory, "judge")
        assert not pipe.wait(0)
        assert send(receiver).startswith("250")
        assert pipe.wait(HANG)
        pipe.close()


# start and stop


def test_a_port_in_use_is_one_line_that_says_what_to_do(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(BadInput, match=re.escape(f"{listen} is in use; stop the other program or change smtp.listen")):
            server_receiver.run_role(replace(settings, smtp=replace(settings.smtp, listen=listen)))


@pytest.mark.parametrize(
    ("listen", "words"), [("192.0.2.1:2525", "change smtp.listen"), ("no.such.host.invalid:25", "no address of this machine")]
)
def test_an_address_that_is_not_ours(listen: str, words: str, settings: Settings) -> None:
    with pytest.raises(BadInput, match=words):
        server_receiver.run_role(replace(settings, smtp=replace(settings.smtp, listen=listen)))


def test_a_certificate_that_cannot_be_used(settings: Settings, tmp_path: Path) -> None:
    certificate, _ = make_certificate(tmp_path)
    for files in ((str(certificate), str(tmp_path / "missing.pem")), (str(certificate), str(certificate)), (str(certificate), "")):
        with pytest.raises(BadInput, match=r"smtp\.tls_cert .* cannot be used"):
            server_receiver.run_role(replace(settings, smtp=replace(settings.smtp, tls_cert=files[0], tls_key=files[1])))


def test_who_is_at_it_may_finish_and_who_is_idle_goes_when_it_stops(settings: Settings) -> None:
    with start_receiver(settings) as receiver, in_message(receiver) as (busy, stream), receiver.connect() as idle:
        assert idle.recv(3) == b"220"
        busy.sendall(b"half a mess")
        receiver.stop.set()
        with idle.makefile("rb") as last_words:
            assert last_words.read().endswith(replies.SHUTTING_DOWN.encode() + b"\r\n")
        busy.sendall(b"age\r\n.\r\n")
        assert stream.readline().startswith(b"250 2.0.0 queued")
        assert stream.read() == replies.SHUTTING_DOWN.encode() + b"\r\n"
        receiver.end()
        assert [raw for _, raw in receiver.stored()] == [b"half a message\r\n"]
        with pytest.raises(ConnectionRefusedError):
            receiver.connect()


def test_who_does_not_finish_is_told_so_and_cut(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_receiver, "GRACE", 0.1)
    with start_receiver(settings) as receiver, in_message(receiver) as (busy, stream):
        busy.sendall(b"half a mess")
        receiver.stop.set()
        assert stream.read() == replies.SHUTTING_DOWN.encode() + b"\r\n"
        receiver.end()
        assert receiver.stored() == []


ACTIVATE = """
import os, sys
given = [int(number) for number in sys.argv[1].split(",")]
apart = [os.dup2(number, 100 + place) for place, number in enumerate(given)]
for place, number in enumerate(apart):
    os.dup2(number, 3 + place)
os.environ.update(LISTEN_FDS=str(len(given)), LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="smtp:lmtp")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""

DAEMON = """
import sys
from dataclasses import replace
from pathlib import Path
from mta.server import receiver
from triage.config.settings import Company, Settings, Smtp, Spool
receiver.run_role(Settings(
    company=Company(domains=("company.example",), hostname="mx.company.example"),
    spool=Spool(directory=Path(sys.argv[1])), smtp=Smtp(listen=sys.argv[2]),
), lambda: print("ready", flush=True))
assert not {"sqlalchemy", "sqlmodel", "fastapi", "dns", "pydantic", "mail_auth"} & set(sys.modules)
"""


@pytest.mark.parametrize("activated", [False, True], ids=["own socket", "socket activation"])
def test_the_process_starts_light_and_ends_well(activated: bool, tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    recipient_map_file.write_map(tmp_path, RECIPIENT_MAP)
    with contextlib.ExitStack() as stack:
        command = [sys.executable, "-c", DAEMON, str(tmp_path), listen]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        descriptors: tuple[int, ...] = ()
        if activated:
            smtp, lmtp = (stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2))
            listen = "{}:{}".format(*smtp.getsockname())
            descriptors = (smtp.fileno(), lmtp.fileno())
            command = [sys.executable, "-c", ACTIVATE, ",".join(map(str, descriptors)), *command[1:]]
        process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, pass_fds=descriptors))
        stack.callback(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        host, port = listen.rsplit(":", 1)
        with smtplib.SMTP(host, int(port)) as client:
            client.sendmail("a@b.example", ["anna@company.example"], MAIL)
        if activated:
            with smtplib.LMTP(*lmtp.getsockname()) as edge:
                assert edge.docmd("LHLO edge.company.example")[0] == 250
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANG) == 0
        assert [raw for _, raw in read_spool(tmp_path)] == [MAIL]
