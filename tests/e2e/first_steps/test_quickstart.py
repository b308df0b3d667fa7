"""A first day that cannot hurt: the commands of quickstart with a real Postfix and Dovecot, and what becomes of each message."""

import os
import smtplib
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.peers import outside, processes
from tests.peers.company import Company, Desk
from tests.peers.mail import dovecot, next_hop, postfix

pytestmark = pytest.mark.peers

DOMAIN = "company.example"
PEOPLE = ("anna", "ben", "carla", "dora", "emil")
ANNA, BEN, _CARLA, DORA, EMIL = (f"{name}@{DOMAIN}" for name in PEOPLE)
INFO, NOBODY, ELSEWHERE = f"info@{DOMAIN}", f"nobody@{DOMAIN}", "friend@elsewhere.example"
SECRET = "four words nobody else combines"
STRANGER, LAN_HOST = "127.0.0.9", "127.0.0.250"
MAIN = """
mynetworks = 127.0.0.250/32
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
virtual_mailbox_maps = texthash:{tables}/mailboxes
virtual_alias_maps = texthash:{tables}/aliases
address_verify_poll_delay = 1s
postscreen_greet_wait = 1s
postscreen_upstream_proxy_protocol =
mydestination = mail.company.example
"""
MAILBOXES = "".join(f"{name}@{DOMAIN} here\n" for name in PEOPLE)
ALIASES = f"{INFO} {ANNA}, {DORA}\npostmaster@{DOMAIN} {EMIL}\n"


@dataclass
class MailServer:
    """A running mail server of a small company, and the Mailroom that quickstart put beside it."""

    mta: postfix.Server
    store: dovecot.Server
    world: next_hop.Peer
    output: Path
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    mailroom: Company | None = None

    @property
    def environment(self) -> dict[str, str]:
        """An administrator's shell."""
        return {**os.environ, "MAIL_CONFIG": str(self.mta.directory / "etc")}

    def configuration(self) -> list[str]:
        """Postfix's main.cf and master.cf, as its own tools print them."""
        asked = (["postconf", option] for option in ("-n", "-M", "-P"))
        return [subprocess.run(one, env=self.environment, capture_output=True, text=True, check=True).stdout for one in asked]

    def types(self, *words: str) -> str:
        """Run a command of quickstart; return its output."""
        done = subprocess.run(
            [str(self.output / words[0]), *words[1:]],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=processes.HANG,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}{self.mta.log()}"
        return done.stdout

    def reloads(self, *words: str) -> str:
        """The same, until Postfix has read its configuration again."""
        log = self.mta.directory / "log"
        before = reloads(log)
        said = self.types(*words)
        processes.until(lambda: reloads(log) > before, "Postfix reloads", log=log)
        return said

    def send(self, client: str, sender: str, recipient: str) -> str:
        """Send a message, and say by its subject how to find it; "refused" where RCPT was."""
        subject = f"message {next(self.numbers)}"
        with smtplib.SMTP("127.0.0.1", self.mta.port, "client.example", processes.HANG, source_address=(client, 0)) as smtp:
            smtp.ehlo()
            smtp.mail(sender)
            code = processes.until(
                lambda: found if (found := smtp.rcpt(recipient)[0]) != 450 else 0, "an answer", log=self.mta.directory / "log"
            )
            if code >= 400:  # 454: `defer_unauth_destination`, the default of Postfix
                return "refused"
            assert smtp.data(f"From: {sender}\r\nTo: {recipient}\r\nSubject: {subject}\r\n\r\nhello\r\n".encode())[0] == 250
        return subject

    def fate(self, desk: Desk | None, subject: str, *mailboxes: str) -> str:
        """Whether it was refused, got into these mailboxes or outside, or is held for all of them."""
        if subject == "refused":
            return subject
        mark = f"Subject: {subject}\r\n".encode()

        def look() -> str:
            if all(any(mark in raw for raw in self.inbox(one)) for one in mailboxes):
                return "delivered"
            held = {one["recipient"] for one in desk.deliveries(q=f'subject:"{subject}"', state="held")} if desk else set()
            return "held" if held == set(mailboxes) else ""

        return processes.until(look, f"{subject} arrives somewhere", log=self.mta.directory / "log")

    def inbox(self, mailbox: str) -> list[bytes]:
        """The messages in somebody's mailbox, or of somebody outside."""
        if mailbox.endswith(f"@{DOMAIN}"):
            return self.store.messages(mailbox)
        return [one.raw for one in self.world.taken if one.mailbox == mailbox]

    def bounces(self) -> list[next_hop.Taken]:
        """Bounces that outside senders got."""
        return [one for one in self.world.taken if not one.reverse_path]

    def all_fates(self, desk: Desk | None, *, alias: bool = True) -> dict[str, str]:
        """Send one message of each kind; return the outcome of each."""
        sent = {
            "stranger to anna": (self.send(STRANGER, "x@stranger.example", ANNA), (ANNA,)),
            "stranger to ben": (self.send(STRANGER, "x@stranger.example", BEN), (BEN,)),
            "stranger to alias": (self.send(STRANGER, "x@stranger.example", INFO), (ANNA, DORA)),
            "stranger to nobody": (self.send(STRANGER, "x@stranger.example", NOBODY), ()),
            "lan host to anna": (self.send(LAN_HOST, f"scanner@{DOMAIN}", ANNA), (ANNA,)),
            "lan host to outside": (self.send(LAN_HOST, f"scanner@{DOMAIN}", ELSEWHERE), (ELSEWHERE,)),
            "stranger to outside": (self.send(STRANGER, "x@stranger.example", ELSEWHERE), ()),
        }
        if not alias:  # its copies have different fates
            del sent["stranger to alias"]
        return {what: self.fate(desk, subject, *mailboxes) for what, (subject, mailboxes) in sent.items()}


def verified(smtp: smtplib.SMTP, recipient: str) -> int:
    """The reply to a recipient once Postfix has asked for it: senders try again until then."""
    code = smtp.rcpt(recipient)[0]
    return 0 if code == 450 else code


def reloads(log: Path) -> int:
    """Count the reloads of Postfix."""
    return log.read_text("utf-8", "replace").count(": reload -- version ")


@contextmanager
def mail_server(place: Path, *, postscreen: bool = False) -> Iterator[MailServer]:
    """Postfix with five mailboxes in Dovecot, two aliases, and a host in mynetworks."""
    with processes.short_directory("tables") as tables, dovecot.running() as store, next_hop.next_hop() as world:
        (tables / "mailboxes").write_text(MAILBOXES)
        (tables / "aliases").write_text(ALIASES)
        main = MAIN.format(lmtp=store.lmtp_port, tables=tables)
        relay_port = int(world.url.rpartition(":")[2])
        with postfix.start_postfix(relay_port, DOMAIN, main, postscreen=postscreen) as mta:
            yield MailServer(mta, store, world, place / "quickstart")


def quickstart(server: MailServer, *words: str) -> subprocess.CompletedProcess[str]:
    """`mailroom quickstart`."""
    command = [*Company(server.output.parent, "", "").command[:-2], "quickstart", "--output", str(server.output), *words]
    ports = ",".join(str(processes.free_port()) for _ in range(3))
    command += ["--postfix", str(server.mta.directory / "etc"), "--ports", ports]
    return subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=processes.HANG, check=False)


@contextmanager
def started(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The Mailroom of quickstart's files, and an administrator of it."""
    zone = server.output / "outside.zone"
    zone.write_text(outside.write_zone())
    for name, value in {"DNS__ZONE_FILE": str(zone), "POLICY__UNDO_SECONDS": "0", "NOTICES__DIGEST_AT": "off"}.items():
        monkeypatch.setenv(f"MAILROOM_{name}", value)
    written = tomllib.loads((server.output / "mailroom.toml").read_text())
    ports = (int(written[section]["listen"].rpartition(":")[2]) for section in ("smtp", "api"))
    mailroom = server.mailroom = Company(server.output, "", "", smtp_port=next(ports), api_port=next(ports))
    for words in (("db", "upgrade"), ("sync",)):
        mailroom.run(*words, check=True)
    add = [*mailroom.command, "staff", "add", "maria", "--role", "admin", "--scope", "company", "--password-stdin"]
    subprocess.run(add, input=f"{SECRET}\n", text=True, check=True, env=mailroom.environment, cwd=server.output, capture_output=True)
    mailroom.start()
    try:
        with mailroom.signed_in(password=SECRET) as desk:
            yield desk
    finally:
        mailroom.stop()


BEFORE = {
    "stranger to anna": "delivered",
    "stranger to ben": "delivered",
    "stranger to alias": "delivered",
    "stranger to nobody": "refused",
    "lan host to anna": "delivered",
    "lan host to outside": "delivered",
    "stranger to outside": "refused",
}


def changes_nothing_without_mailroom(server: MailServer) -> None:
    """An address that Mailroom has not confirmed is not switched on, and files that are there are not written again."""
    before = {one: one.read_bytes() for one in (server.mta.directory / "etc").iterdir()}
    done = subprocess.run([server.output / "switch-on", ANNA], env=server.environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "Mailroom does not answer" in done.stderr) == (1, True)
    assert {one: one.read_bytes() for one in (server.mta.directory / "etc").iterdir()} == before
    again = quickstart(server)
    assert (again.returncode, "of an earlier run" in again.stderr) == (2, True)


def test_one_person_is_switched_on_and_off_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server(tmp_path) as server:
        said = quickstart(server)
        assert said.returncode == 0, said.stdout + said.stderr
        assert f"{DOMAIN}: messages get into mailboxes by lmtp:inet:" in said.stdout
        changes_nothing_without_mailroom(server)
        with started(server, monkeypatch) as desk:
            server.reloads("switch-on", ANNA)
            sent = server.send(STRANGER, "x@stranger.example", ANNA)
            assert server.fate(desk, sent, ANNA) == "delivered"
            assert b"X-Mailroom-Verdict: observe" in server.inbox(ANNA)[-1]
            assert server.mailroom is not None
            server.mailroom.run("enforcement", "hold-unknown", "--from", "now", check=True)
            kept = server.send(STRANGER, "x@stranger.example", ANNA)
            assert server.fate(desk, kept, ANNA) == "held"
            inside = server.send(LAN_HOST, f"scanner@{DOMAIN}", ANNA)
            assert server.fate(desk, inside, ANNA) == "delivered"
            assert b"X-Mailroom-Verdict: from-inside" in server.inbox(ANNA)[-1]
            assert "1 messages are still held" in server.reloads("switch-off", "--held", "keep")
            straight = server.send(STRANGER, "x@stranger.example", ANNA)
            assert server.fate(desk, straight, ANNA) == "delivered"
            assert b"X-Mailroom" not in server.inbox(ANNA)[-1]
            server.reloads("switch-off", "--held", "release")
        assert server.bounces() == []


@pytest.mark.long
@pytest.mark.parametrize("postscreen", [False, True])
def test_every_message_is_delivered_held_or_refused_in_each_phase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, postscreen: bool
) -> None:
    with mail_server(tmp_path, postscreen=postscreen) as server:
        assert server.all_fates(None) == BEFORE
        as_before = server.configuration()
        said = quickstart(server)
        assert said.returncode == 0, said.stdout + said.stderr
        assert ("postscreen" in said.stdout) is postscreen
        with started(server, monkeypatch) as desk:
            server.reloads("switch-on", ANNA)
            assert server.all_fates(desk) == BEFORE, "record only, one person"
            assert server.mailroom is not None
            server.mailroom.run("enforcement", "hold-unknown", "--from", "now", check=True)
            subject = server.send(STRANGER, "x@stranger.example", INFO)
            assert server.fate(desk, subject, DORA) == "delivered"
            assert server.fate(desk, subject, ANNA) == "held"
            one = {"stranger to anna": "held"}
            assert {what: fate for what, fate in server.all_fates(desk, alias=False).items() if fate != BEFORE[what]} == one
            server.reloads("switch-on", "--all")
            all_held = dict.fromkeys(("stranger to anna", "stranger to ben", "stranger to alias"), "held")
            assert {what: fate for what, fate in server.all_fates(desk).items() if fate != BEFORE[what]} == all_held
            assert server.mta.waiting() == 0
            server.reloads("switch-off", "--held", "keep")
            assert server.all_fates(desk) == BEFORE, "switched off"
            held = desk.deliveries(state="held")
            assert "The way back from Mailroom is removed" in server.reloads("switch-off", "--held", "release")
            released = {(one["recipient"], one["subject"]) for one in held}
            assert all(any(f"Subject: {subject}".encode() in raw for raw in server.inbox(who)) for who, subject in released)
        assert server.all_fates(None) == BEFORE, "Mailroom has ended"
        assert server.bounces() == []
        assert server.configuration() == as_before, "switch-off leaves nothing behind"


@pytest.mark.long
def test_what_comes_while_mailroom_is_away_waits_and_switch_off_lets_it_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server(tmp_path) as server:
        said = quickstart(server, "--while-away", "bypass:1")
        assert "bypass-check switches it off" in said.stdout, said.stderr
        with started(server, monkeypatch) as desk:
            server.reloads("switch-on", ANNA)
            known = server.send(STRANGER, "x@stranger.example", ANNA)
            assert server.fate(desk, known, ANNA) == "delivered"
            server.types("bypass-check")
        waits = server.send(STRANGER, "x@stranger.example", ANNA)  # Postfix has verified the address before
        processes.until(lambda: server.mta.waiting() == 1, "it is queued", log=server.mta.directory / "log")
        server.types("bypass-check")
        away = server.mta.directory / "etc" / "mailroom-away"
        os.utime(away, (away.stat().st_mtime - 120,) * 2)
        assert "the mail server delivers past it" in server.reloads("bypass-check")
        assert server.fate(None, waits, ANNA) == "delivered"
        assert (server.output / "was-on").read_text() == f"{ANNA}\n"
        assert server.bounces() == []
