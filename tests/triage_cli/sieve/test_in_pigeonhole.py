"""An exported script in Dovecot's Pigeonhole: uploaded by ManageSieve (RFC 5804), compiled there, and run on copies that Mailroom wrote."""

import base64
import smtplib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from mailboxes.mirror.mirror_message import annotate_message
from tests.peers import processes
from tests.peers.mail import dovecot
from triage.message.authentication import Authentication, Dmarc, Result
from triage.message.trace.mailroom_fields import Evidence
from triage.quarantine.mail_moves.mirror_copies import Held
from triage_cli.sieve.write_script import write_script

pytestmark = pytest.mark.peers

ACCOUNT, JOE, MARA = "it@company.example", "it+joe.fern@company.example", "it+mara.berg@company.example"
CONFIGURATION = """
protocols = imap lmtp sieve
recipient_delimiter = +
lmtp_save_to_detail_mailbox = no
protocol lmtp {{
  mail_plugins {{
    sieve = yes
  }}
}}
service managesieve-login {{
  chroot =
  inet_listener sieve {{
    port = {port}
  }}
}}
sieve_script personal {{
  type = personal
  path = ~/sieve
  active_path = ~/.dovecot.sieve
}}
"""
RULES: list[dict[str, Any]] = [
    {"effect": "allow", "sender": "a@x.example", "scope": "company", "proof": "dmarc"},
    {"effect": "block", "sender": "x.example", "scope": "company", "unproven_only": True},
    {"effect": "block", "sender": "bad.example", "scope": "person:joe.fern"},
    {
        "effect": "hold",
        "sender": '"odd \\" one"@y.example',
        "scope": "department:it",
        "note": "hacked",
        "until": "2036-01-02T03:04:05+00:00",
    },
    {"effect": "hold", "sender": "${x}@y.example", "scope": "company", "note": "hacked", "until": "2036-01-02T03:04:05+00:00"},
    {"effect": "hold", "sender": "past.example", "scope": "company", "note": "over", "until": "2026-01-02T03:04:05+00:00"},
    {"effect": "block", "sender": "list:news.example", "scope": "company"},
]
GONE = ""
OWN = """require ["include", "fileinto", "mailbox"];
if header :contains "Subject" "Minutes" { fileinto :create "Minutes"; stop; }
include :personal "mailroom";
"""


class ManageSieve:
    """A client that uploads and activates a script."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rb")
        assert self.answer().startswith(b"OK")
        key = base64.b64encode(b"\0".join((b"", ACCOUNT.encode(), dovecot.PASSWORD.encode()))).decode()
        self.ask(f'AUTHENTICATE "PLAIN" "{key}"')

    def answer(self) -> bytes:
        """The last line of an answer."""
        while not (line := self.file.readline()).startswith((b"OK", b"NO", b"BYE")):
            assert line, "the server hung up"
        return line

    def ask(self, command: str) -> None:
        """Sends a command, which has to succeed."""
        self.socket.sendall(command.encode() + b"\r\n")
        assert (said := self.answer()).startswith(b"OK"), said

    def close(self) -> None:
        """Hangs up."""
        self.file.close()
        self.socket.close()


@pytest.fixture(scope="module")
def uploaded() -> Iterator[tuple[dovecot.Server, int]]:
    """Dovecot with the department's exported script, and the port of its ManageSieve."""
    processes.need("managesieve-login", "dovecot-managesieved", "/usr/lib/dovecot")
    port = processes.free_port()
    with dovecot.running(more=CONFIGURATION.format(port=port)) as running:
        processes.until(processes.is_answering(port), "Dovecot's ManageSieve answers", running.process, running.directory / "log")
        activate(port, "mailroom", write_script(RULES, department="it", people=["joe.fern"], now=datetime.now(UTC)))
        yield running, port


def activate(port: int, name: str, script: str) -> None:
    """Uploads a script, and runs it from now on."""
    client = ManageSieve(port)
    client.ask(f'PUTSCRIPT "{name}" {{{len(script.encode())}+}}\r\n{script}')
    client.ask(f'SETACTIVE "{name}"')
    client.close()


@pytest.fixture
def server(uploaded: tuple[dovecot.Server, int]) -> dovecot.Server:
    return uploaded[0]


@pytest.mark.parametrize(
    ("author", "recipient", "proven", "more", "folder"),
    [
        pytest.param("a@x.example", JOE, True, "", "INBOX", id="allowed and proven"),
        pytest.param("a@x.example", JOE, False, "", GONE, id="only claims to be allowed, and unproven messages are blocked"),
        pytest.param("b@sub.x.example", JOE, False, "", GONE, id="below a blocked domain"),
        pytest.param("b@sub.x.example", JOE, True, "", "INBOX", id="proven, and only unproven messages are blocked"),
        pytest.param("c@bad.example", JOE, True, "", GONE, id="blocked for this person"),
        pytest.param("c@bad.example", MARA, True, "", "INBOX", id="not for another one"),
        pytest.param('"odd \\" one"@y.example', MARA, True, "", "Held", id="held for the department"),
        pytest.param("${x}@y.example", MARA, True, "", "Held", id="an address like a variable"),
        pytest.param("d@past.example", JOE, True, "", "INBOX", id="the hold is over"),
        pytest.param("n@z.example", JOE, True, "List-Id: News <News.example>\r\n", GONE, id="blocked list"),
        pytest.param("n@z.example", JOE, True, "X-Mailroom-Verified: dmarc x.example\r\n", "INBOX", id="no rule"),
    ],
)
def test_dovecot_does_what_the_rules_say(server: dovecot.Server, author: str, recipient: str, proven: bool, more: str, folder: str) -> None:
    name = f"{author}-{recipient}-{proven}-{bool(more)}".encode()
    raw = f"From: {author}\r\n{more}Subject: Offer\r\n\r\n".encode() + name + b"\r\n"
    deliver(server, dressed(raw, author, proven), recipient)
    found = [one for one in ("INBOX", "Held") if any(name in message for message in messages(server, one))]
    assert found == ([folder] if folder else [])


def test_a_script_of_ones_own_includes_it(uploaded: tuple[dovecot.Server, int]) -> None:
    """RFC 6609. Tests that run later meet the same rules."""
    server, port = uploaded
    activate(port, "mine", OWN)
    for author, subject in (("a@x.example", "Minutes 1"), ("a@x.example", "Include 2"), ("b@bad.example", "Include 3")):
        raw = f"From: {author}\r\nSubject: {subject}\r\n\r\n{subject}\r\n".encode()
        deliver(server, dressed(raw, author, True), JOE)
    assert [b"Minutes 1" in one for one in messages(server, "Minutes")] == [True]
    assert [one for one in messages(server, "INBOX") if b"Include" in one and b"Include 2" not in one] == []
    assert any(b"Include 2" in one for one in messages(server, "INBOX"))


def test_what_did_not_come_through_mailroom_is_left_alone(server: dovecot.Server) -> None:
    deliver(server, b"From: c@bad.example\r\n\r\nnot through Mailroom\r\n", JOE)
    assert any(b"not through Mailroom" in one for one in messages(server, "INBOX"))


def dressed(raw: bytes, author: str, proven: bool) -> bytes:
    """A copy as the mirror writes it."""
    authentication = Authentication(author, dmarc=Dmarc(Result.PASS if proven else Result.FAIL, author.rpartition("@")[2]))
    held = Held(8, raw, authentication, Evidence(), datetime(2026, 11, 24, 12, tzinfo=UTC), is_time_limited=False)
    return annotate_message(held, copy=7, authserv_id="mx.company.example")


def deliver(server: dovecot.Server, message: bytes, recipient: str) -> None:
    """Delivers a message by LMTP; Dovecot has run the script when it answers."""
    with smtplib.LMTP("127.0.0.1", server.lmtp_port) as client:
        client.sendmail("bounces@company.example", [recipient], message)


def messages(server: dovecot.Server, folder: str) -> list[bytes]:
    """The messages of a folder."""
    with server.client(ACCOUNT) as client:
        if not dovecot.open_folder(client, folder):
            return []
        found = client.fetch(client.search() or [1], ["BODY.PEEK[]"]) if client.search() else {}
        return [one[b"BODY[]"] for one in found.values()]
