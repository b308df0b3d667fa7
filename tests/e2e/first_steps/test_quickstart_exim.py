"""Mailroom beside a real Exim: in front of its mailboxes and behind its port 25, switched on and off by the commands of quickstart."""

import os
import smtplib
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.e2e.first_steps.test_quickstart import ALIASES, ANNA, BEN, DOMAIN, ELSEWHERE, INFO, LAN_HOST, MAILBOXES, NOBODY, STRANGER
from tests.peers import outside, processes
from tests.peers.company import Company
from tests.peers.mail import dovecot, exim, next_hop

pytestmark = [pytest.mark.peers, pytest.mark.long]  # tests/triage_cli/quickstart/test_read_exim.py reads an Exim


def send(server: exim.Company, client: str, sender: str, recipient: str, subject: str) -> bool:
    """Send a message; False when RCPT is refused."""
    with smtplib.SMTP("127.0.0.1", server.port, "client.example", processes.HANG, source_address=(client, 0)) as smtp:
        smtp.ehlo()
        smtp.mail(sender)
        if smtp.rcpt(recipient)[0] >= 500:
            return False
        assert smtp.data(f"From: {sender}\r\nTo: {recipient}\r\nSubject: {subject}\r\n\r\nhello\r\n".encode())[0] == 250
    return True


def test_exim_hands_over_and_takes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with processes.short_directory("exim-quickstart") as place:  # which Exim can read as its own user
        hand_over_and_take_back(place, monkeypatch)


def hand_over_and_take_back(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold for one person, and let everything else flow."""
    output = place / "quickstart"
    tables = {"mailboxes": MAILBOXES.replace(" here", ": here"), "aliases": ALIASES.replace("example ", "example: ")}
    with dovecot.running() as store, next_hop.next_hop() as world:
        sink = int(world.url.rpartition(":")[2])
        with exim.start_exim(DOMAIN, store.lmtp_port, sink, output, tables, LAN_HOST) as server:
            environment = os.environ | {"PATH": f"{exim.PROGRAM.parent}:{os.environ['PATH']}"}

            def types(*words: str) -> str:
                done = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
                assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
                return done.stdout

            def arrives(subject: str, mailbox: str) -> bytes:
                mark = f"Subject: {subject}\r\n".encode()
                look = lambda: [raw for raw in store.messages(mailbox) if mark in raw]  # noqa: E731
                return processes.until(look, f"{subject} arrives", log=server.directory / "log-main")[0]

            (place / "people").write_text(MAILBOXES.replace(" here", ""))
            ports = f"{processes.free_port()},{server.port},{processes.free_port()}"
            command = [*Company(place, "", "").command[:-2], "quickstart", "--output", str(output), "--ports", ports]
            said = types(*command, "--exim", str(server.configuration), "--mailboxes", str(place / "people"))
            assert ".include" in said
            zone = output / "outside.zone"
            zone.write_text(outside.write_zone())
            for name, value in {"DNS__ZONE_FILE": str(zone), "POLICY__UNDO_SECONDS": "0", "NOTICES__DIGEST_AT": "off"}.items():
                monkeypatch.setenv(f"MAILROOM_{name}", value)
                environment[f"MAILROOM_{name}"] = value
            written = tomllib.loads((output / "mailroom.toml").read_text())
            take, console = (int(written[section]["listen"].rpartition(":")[2]) for section in ("smtp", "api"))
            mailroom = Company(output, "", "", smtp_port=take, api_port=console)
            for words in (("db", "upgrade"), ("sync",)):
                mailroom.run(*words, check=True)
            mailroom.start()
            try:
                types(str(output / "switch-on"), ANNA)
                mailroom.run("enforcement", "hold-unknown", "--from", "now", check=True)
                assert send(server, STRANGER, "x@stranger.example", ANNA, "held one")
                held = lambda: "held one" in mailroom.run("deliveries", "--state", "held").stdout  # noqa: E731
                processes.until(held, "it is held", log=server.directory / "log-main")
                assert send(server, STRANGER, "x@stranger.example", INFO, "to an alias")
                assert b"X-Mailroom" not in arrives("to an alias", "dora@company.example")
                processes.until(lambda: "to an alias" in mailroom.run("deliveries", "--state", "held").stdout, "the alias is held for Anna")
                assert send(server, STRANGER, "x@stranger.example", BEN, "to ben")
                assert b"X-Mailroom" not in arrives("to ben", BEN)
                assert send(server, LAN_HOST, f"scanner@{DOMAIN}", ANNA, "from the scanner")
                assert b"X-Mailroom" not in arrives("from the scanner", ANNA)
                assert send(server, LAN_HOST, f"scanner@{DOMAIN}", ELSEWHERE, "to the outside")
                processes.until(lambda: [one for one in world.taken if one.mailbox == ELSEWHERE], "it leaves")
                assert not send(server, STRANGER, "x@stranger.example", NOBODY, "to nobody")
                assert not send(server, STRANGER, "x@stranger.example", ELSEWHERE, "relayed")
                assert "are still held" in types(str(output / "switch-off"), "--held", "keep")
                assert send(server, STRANGER, "x@stranger.example", ANNA, "straight")
                assert b"X-Mailroom" not in arrives("straight", ANNA)
                assert "2 messages are still held" in types(str(output / "switch-off"), "--held", "release"), "Exim proves nobody by SPF"
                mailroom.run("release", "--sender", "x@stranger.example", "--reason", "looked at", "--wait", check=True)
                assert "You can stop Mailroom" in types(str(output / "switch-off"))
                assert b"X-Mailroom-Verdict: first-contact" in arrives("held one", ANNA)
            finally:
                mailroom.stop()
        assert [one for one in world.taken if one.reverse_path in ("", "<>")] == []
