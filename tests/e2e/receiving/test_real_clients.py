"""Other people's software at the SMTP server: swaks, smtp-source, Postfix and Exim, as clients and as edges before us."""

import smtplib
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import effort
from tests.peers import processes
from tests.peers.daemon import Daemon, start_daemon
from tests.peers.mail import exim, postfix
from tests.peers.receiving import RECIPIENT_MAP, make_certificate
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings

pytestmark = pytest.mark.peers

ANNA, BO, INTERNATIONAL = "it+anna@company.example", "bo@company.example", "bär@company.example"
MAIL = b"From: ana@stranger.example\r\nTo: anna@company.example\r\nSubject: From afar\r\n\r\nhello\r\n"


@pytest.fixture
def door(settings: Settings, tmp_path: Path) -> Iterator[Daemon]:
    """The daemon with STARTTLS, an LMTP listener, and no edge."""
    certificate, key = make_certificate(tmp_path)
    lmtp = f"127.0.0.1:{processes.free_port()}"
    with start_daemon(
        settings, tmp_path, tls_cert=str(certificate), tls_key=str(key), lmtp_listen=lmtp, max_messages_per_minute=0, workers=2
    ) as running:
        yield running


def lmtp_port(door: Daemon) -> int:
    return int(door.settings.smtp.lmtp_listen.rpartition(":")[2])


def only(door: Daemon) -> tuple[Envelope, bytes]:
    """The one message that was accepted."""
    (message,) = door.stored()
    return message


# swaks


def swaks(*words: str) -> str:
    """Run swaks; what was said. It must succeed."""
    program = processes.need("swaks", "swaks")
    command = [program, "--ehlo", "mail.stranger.example", "--from", "ana@stranger.example", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=processes.HANG, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("options", "protocol", "tls"),
    [
        ((), "ESMTP", ""),
        (("--tls",), "ESMTPS", "TLSv1.3"),
        effort.long(("--tls", "--tls-protocol", "tlsv1_2"), "ESMTPS", "TLSv1.2"),
        effort.long(("--pipeline",), "ESMTP", ""),
        (("--tls", "--pipeline"), "ESMTPS", "TLSv1.3"),
        effort.long(("--protocol", "SMTP"), "SMTP", ""),
    ],
    ids=str,
)
def test_swaks(options: tuple[str, ...], protocol: str, tls: str, door: Daemon) -> None:
    to = ("--to", f"{ANNA},{BO}")
    said = swaks("--server", f"127.0.0.1:{door.address[1]}", *to, "--header", "Subject: From afar", "--body", "one\n.two\n..", *options)
    assert "250 2.0.0 queued as" in said
    envelope, raw = only(door)
    assert (envelope.protocol, envelope.tls, envelope.recipients) == (protocol, tls, (ANNA, BO))
    assert b"Subject: From afar\r\n" in raw
    assert b"\r\n\r\none\r\n.two\r\n..\r\n" in raw


def test_swaks_speaks_lmtp(door: Daemon) -> None:
    said = swaks("--server", f"127.0.0.1:{lmtp_port(door)}", "--protocol", "LMTP", "--to", f"{ANNA},{BO}")
    assert said.count("250 2.0.0 queued as") == 2, "one reply for each recipient"
    assert only(door)[0].protocol == "LMTP"


def test_old_tls_is_not_spoken(door: Daemon) -> None:
    program = processes.need("swaks", "swaks")
    options = ["--server", f"127.0.0.1:{door.address[1]}", "--to", ANNA, "--tls", "--tls-protocol", "tlsv1_1"]
    assert subprocess.run([program, *options], capture_output=True, timeout=processes.HANG, check=False).returncode != 0
    assert door.stored() == []


# smtp-source


@pytest.mark.parametrize(
    "options",
    [
        ("-s", "20", "-m", "200", "-l", "20000"),
        effort.long(("-s", "5", "-m", "100", "-d")),
        effort.long(("-m", "3", "-l", "3000000")),
        effort.long(("-s", "4", "-m", "40", "-L")),
    ],
)
def test_smtp_source(options: tuple[str, ...], door: Daemon) -> None:
    port = lmtp_port(door) if "-L" in options else door.address[1]
    command = [processes.need("smtp-source", "postfix"), *options, "-f", "a@stranger.example", "-t", BO, f"inet:127.0.0.1:{port}"]
    subprocess.run(command, check=True, timeout=processes.HANG)
    stored = door.stored()
    assert len(stored) == int(options[options.index("-m") + 1])
    assert len({envelope.spool_id for envelope, _ in stored}) == len(stored)


@pytest.mark.long
def test_smtp_source_with_many_recipients(settings: Settings, tmp_path: Path) -> None:
    numbered = frozenset(f"bo{number}@company.example" for number in range(200))
    with start_daemon(settings, tmp_path, replace(RECIPIENT_MAP, recipients=numbered)) as door:
        command = [processes.need("smtp-source", "postfix"), "-r", "40", "-m", "5", "-t", BO, f"inet:127.0.0.1:{door.address[1]}"]
        subprocess.run(command, check=True, timeout=processes.HANG)
        assert [len(set(envelope.recipients) & numbered) for envelope, _ in door.stored()] == [40] * 5


# Postfix


def through(
    server: postfix.Server, recipients: list[str], raw: bytes = MAIL, *, source: str = "127.0.0.9", options: tuple[str, ...] = ()
) -> None:
    """Send a message to Postfix from a distant address."""
    with smtplib.SMTP("127.0.0.1", server.port, "far.away.example", processes.HANG, (source, 0)) as client:
        assert client.sendmail("ana@stranger.example", recipients, raw, mail_options=options) == {}


def arrived(door: Daemon, server: postfix.Server, count: int = 1) -> list[tuple[Envelope, bytes]]:
    """Wait for the messages that Postfix passes on; return them."""
    return processes.until(
        lambda: found if len(found := door.stored()) >= count else [], f"{count} messages arrive", log=server.directory / "log"
    )


def test_postfix_as_a_stranger_s_server_with_tls(door: Daemon) -> None:
    with postfix.start_postfix(door.address[1], "stranger.example", "smtp_tls_security_level = encrypt\n") as server:
        through(server, [ANNA, BO])
        ((envelope, raw),) = arrived(door, server)
    assert (envelope.client, envelope.helo, envelope.tls, envelope.edge) == ("127.0.0.1", "mail.stranger.example", "TLSv1.3", "")
    assert raw.endswith(MAIL)


@pytest.mark.long
def test_postfix_sends_to_international_addresses(door: Daemon) -> None:
    with postfix.start_postfix(door.address[1], "stranger.example") as server:
        through(server, [INTERNATIONAL], MAIL.replace(b"afar", "Überall".encode()), options=("SMTPUTF8", "BODY=8BITMIME"))
        ((envelope, raw),) = arrived(door, server)
    assert (envelope.recipients, envelope.smtputf8, envelope.protocol) == ((INTERNATIONAL,), True, "UTF8SMTP")
    assert "Subject: From Überall\r\n".encode() in raw


def test_postfix_is_told_about_unknown_recipients_and_tells_its_sender(door: Daemon) -> None:
    with postfix.start_postfix(door.address[1], "stranger.example") as server:
        through(server, ["nobody@company.example"])
        (bounce,) = processes.until(server.bounces, "the bounce arrives", log=server.directory / "log")
    assert b"550 5.1.1" in bounce
    assert door.stored() == []


@pytest.mark.long
def test_postfix_as_an_edge_names_the_client(settings: Settings, tmp_path: Path) -> None:
    with (
        start_daemon(settings, tmp_path, trusted_edges=["127.0.0.1/32"], edge_protocol="xforward") as door,
        postfix.start_postfix(
            door.address[1], "edge.example", "smtp_send_xforward_command = yes\nsmtpd_authorized_xforward_hosts =\n"
        ) as server,
    ):
        through(server, [ANNA])
        ((envelope, _),) = arrived(door, server)
    assert (envelope.client, envelope.helo, envelope.edge) == ("127.0.0.9", "far.away.example", "127.0.0.1")


@pytest.mark.long
def test_who_is_no_edge_of_ours_names_nobody(settings: Settings, tmp_path: Path) -> None:
    with (
        start_daemon(settings, tmp_path, trusted_edges=["192.0.2.0/24"], edge_protocol="xforward") as door,
        postfix.start_postfix(door.address[1], "edge.example", "smtp_send_xforward_command = yes\n") as server,
    ):
        through(server, [ANNA])
        ((envelope, _),) = arrived(door, server)
    assert (envelope.client, envelope.edge) == ("127.0.0.1", "")


@pytest.mark.long
def test_postfix_as_an_edge_speaks_lmtp_and_hears_of_each_recipient(door: Daemon) -> None:
    main = f"relayhost =\ndefault_transport = lmtp:inet:127.0.0.1:{lmtp_port(door)}\nlmtp_send_xforward_command = yes\n"
    with postfix.start_postfix(door.address[1], "stranger.example", main) as server:
        through(server, [ANNA, "nobody@company.example", BO])
        ((envelope, _),) = arrived(door, server)
        (bounce,) = processes.until(server.bounces, "the bounce arrives", log=server.directory / "log")
    assert set(envelope.recipients) == {ANNA, BO}
    assert b"nobody@company.example" in bounce
    assert b"550 5.1.1" in bounce


# Exim


@pytest.mark.long
def test_exim_sends_and_keeps_deferred_messages(settings: Settings, tmp_path: Path) -> None:
    with start_daemon(settings, tmp_path, None) as door, exim.install_exim(door.address[1], "stranger.example") as sender:
        sender.send(MAIL, "ana@stranger.example", ANNA, BO)
        assert sender.waiting() == 1, "without a recipient map everybody is asked to come again"
        assert "451 4.3" in sender.log()
        door.open()
        processes.until(lambda: emptied(sender), "Exim's queue is empty", log=sender.directory / "log-main")
        stored = door.stored()
    reached = sorted(each for envelope, _ in stored for each in envelope.recipients)
    assert reached == sorted([ANNA, BO]), "once each, though in two messages where the snapshot came between two RCPTs"
    for envelope, raw in stored:
        assert (envelope.reverse_path, envelope.helo) == ("ana@stranger.example", "mail.stranger.example")
        assert raw.endswith(b"\r\n\r\nhello\r\n")  # Exim adds fields of its own


def emptied(sender: exim.Exim) -> bool:
    """Try again; is nothing left?"""
    sender.run_queue()
    return not sender.waiting()


@pytest.mark.long
def test_exim_with_tls_and_an_international_address(door: Daemon) -> None:
    with exim.install_exim(door.address[1], "stranger.example", "hosts_require_tls = *\n  tls_verify_certificates =") as sender:
        sender.send(MAIL.replace(b"hello", b".\r\n..\r\n" + b"x" * 900), "", ANNA)
        envelope, raw = only(door)
        assert sender.waiting() == 0
    assert (envelope.reverse_path, envelope.tls) == ("", "TLSv1.3")
    assert b"\r\n.\r\n..\r\n" in raw


def test_exim_hears_of_each_recipient_by_lmtp(door: Daemon) -> None:
    with exim.install_exim(lmtp_port(door), "stranger.example", "protocol = lmtp") as sender:
        sender.send(MAIL, "ana@stranger.example", ANNA, "nobody@company.example", BO)
        assert "550 5.1.1" in sender.log()
    assert set(only(door)[0].recipients) == {ANNA, BO}
