"""The files in deploy/ for a Postfix in front of Mailroom do what docs/how-to/edge-servers.md says, in a real Postfix."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mta.spool.batch_file import Message
from tests.peers import processes
from tests.peers.daemon import Daemon, start_daemon
from tests.peers.mail import postfix
from tests.peers.receiving import RECIPIENT_MAP
from triage.config.settings import Settings

pytestmark = pytest.mark.peers

DEPLOY = Path(__file__).parents[3] / "deploy"
DOOR = replace(
    RECIPIENT_MAP,
    recipients=frozenset({"info@company.example"}),
    sub_addressed=frozenset({"it+anna.berg@company.example", "anna.berg@company.example"}),
)
OURS = "\nrelayhost =\nmynetworks = 127.0.0.250/32\naddress_verify_poll_delay = 1s\n"
MAIL = b"From: ana@stranger.example\r\nSubject: past the edge\r\n\r\nhello\r\n"


@pytest.fixture
def door(settings: Settings, tmp_path: Path) -> Iterator[Daemon]:
    with start_daemon(settings, tmp_path, DOOR, trusted_edges=["127.0.0.1/32"], edge_protocol="xforward") as running:
        yield running


@contextmanager
def edge(door: Daemon, directory: Path) -> Iterator[postfix.Server]:
    """Postfix with exactly these files; only the port, the place of the tables and its patience are the test's."""
    port = door.address[1]
    for name in ("transport", "virtual"):
        table = (DEPLOY / f"postfix-{name}").read_text("utf-8")
        assert name == "virtual" or "[127.0.0.1]:2525" in table
        (directory / f"mailroom-{name}").write_text(table.replace("[127.0.0.1]:2525", f"[127.0.0.1]:{port}"))
        (directory / f"mailroom-{name}").chmod(0o644)
    main = (DEPLOY / "postfix-edge.cf").read_text("utf-8").replace("/etc/postfix/", f"{directory}/")
    with postfix.start_postfix(port, "edge.example", main + OURS) as server:
        yield server


def answer(client: smtplib.SMTP, recipient: str) -> int:
    """Reply code of Postfix to a recipient, once it has asked Mailroom; until then it defers with 450."""
    return processes.until(lambda: code if (code := client.rcpt(recipient)[0]) != 450 else 0, "Postfix knows")


def whole(door: Daemon, recipients: int) -> list[Message]:
    """Stored messages, once they have this many recipients: Postfix may deliver one message in several transactions."""
    stored = door.stored()
    return stored if sum(len(envelope.recipients) for envelope, _ in stored) == recipients else []


def test_recipients_are_verified_clients_named_and_old_addresses_known(door: Daemon) -> None:
    with processes.short_directory("edge") as tables, edge(door, tables) as server:
        with smtplib.SMTP("127.0.0.1", server.port, "far.away.example", processes.HANG, source_address=("127.0.0.9", 0)) as client:
            client.ehlo()
            client.mail("ana@stranger.example")
            assert answer(client, "it+nobody@company.example") == 550, server.log()
            assert answer(client, "info+x@company.example") == 550
            assert answer(client, "somebody@elsewhere.example") == 554
            wanted = ["it+anna.berg+shop@company.example", "anna@oldname.example", "office@oldname.example"]
            for address in wanted:
                assert answer(client, address) == 250, server.log()
            assert answer(client, "nobody@oldname.example") == 550
            assert client.data(MAIL)[0] == 250
        stored = processes.until(lambda: whole(door, len(wanted)), "the mail arrives", log=server.directory / "log")
        assert server.bounces() == []
    assert {one for envelope, _ in stored for one in envelope.recipients} == {
        "it+anna.berg+shop@company.example",
        "it+anna.berg@company.example",
        "info@company.example",
    }
    assert {(envelope.client, envelope.helo, envelope.edge) for envelope, _ in stored} == {("127.0.0.9", "far.away.example", "127.0.0.1")}
    assert all(raw.endswith(MAIL) for _, raw in stored)
