"""deploy/install.sh on a machine with systemd, from nothing to nothing and back from a backup; mail comes in all the while."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.test_boot import COMPANY, SEND, SETTINGS as BOOTED, until
from tests.peers.processes import HANG
from tests.peers.receiving import make_certificate
from tests.peers.systemd import Machine, boot_machine, may_boot

pytestmark = [pytest.mark.peers, pytest.mark.skipif(not may_boot(), reason="only root can boot a systemd in namespaces of its own")]

SCRIPT = Path(__file__).parents[2] / "deploy" / "install.sh"
SETTINGS = BOOTED.replace(
    "[relay]",
    """[smtp]
listen = "0.0.0.0:25"
[webhooks.hooks.chat]
url = "https://chat.company.example/hook"
secret_file = "/run/credentials/mailroom-webhooks.service/webhooks_chat.key"
[relay]""",
)
PREPARE = r"""
mkdir -p /opt/newer /opt/slow/bin /usr/local/sbin
mount --bind /opt/ready /opt/newer
"""
BACKUPS = SCRIPT.parents[1] / "docs" / "how-to" / "backup.md"
NIGHTLY = re.compile(r"^    # (/etc/systemd/system/nightly-backup\.\w+)\n((?:    .*\n|\n(?=    \[))+)", re.MULTILINE)  # units in the page
BARE = "[Unit]\nDescription=Nothing yet\nRequires=sockets.target\nAfter=sockets.target\n"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which nothing of ours is installed; /opt/ready and /opt/newer are two releases."""
    given = {"etc/systemd/system/bare.target": BARE, "etc/prepare.sh": PREPARE}
    with boot_machine(tmp_path_factory.mktemp("systemd"), given, "bare.target") as one:
        one.wait_until("bare.target")  # then the bus is there, by which deploy/mailroom asks for a unit of its own
        yield one


def run(machine: Machine, *words: str, code: int = 0) -> str:
    """The script, there."""
    done = machine.run("bash", "/opt/tree/deploy/install.sh", *words, check=False)
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout + done.stderr


def write(machine: Machine, path: str, text: str) -> None:
    """Write a file there."""
    machine.run("/usr/bin/python3", "-c", "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])", path, text)


def held(machine: Machine) -> int:
    """Number of held messages, as the administrator's command lists them."""
    return machine.run("/usr/local/sbin/mailroom", "deliveries").stdout.count("stranger@outside.example")


def until_held(machine: Machine, count: int) -> None:
    """Wait until so many messages are held, and no more of them."""
    deadline = time.monotonic() + HANG
    while (found := held(machine)) != count:
        assert time.monotonic() < deadline, f"{found} of {count}: {machine.journal('mailroom-judge.service')}"
        time.sleep(0.2)


ANSWER = """
import json, smtplib
with smtplib.SMTP("127.0.0.1", 25, timeout=180) as door:
    print(json.dumps(door.ehlo()[1].decode().split()[0]))
"""
STARTTLS = """
import json, smtplib, ssl
with smtplib.SMTP("127.0.0.1", 25, timeout=180) as door:
    print(json.dumps(str(door.starttls(context=ssl._create_unverified_context())[0])))
"""
UNIT = "/etc/systemd/system/mailroom-relay.service"
MARK = "# of the release before\n"


def replaced(machine: Machine, path: str, old: str, new: str) -> None:
    """Change a file as editors do that write a new file under the old name."""
    machine.run("sed", "--in-place", f"s/{old}/{new}/", path)


def mailroom(machine: Machine, *words: str) -> str:
    """The administrator's command."""
    return machine.run("/usr/local/sbin/mailroom", *words, check=False).stdout


def kept_secrets(machine: Machine) -> list[list[str]]:
    """Each secret there, and how it is kept."""
    return [line.split()[:2] for line in mailroom(machine, "secrets").splitlines()[1:]]


GUARDED = """
install -D -m 644 -t /etc/apparmor.d /opt/tree/deploy/apparmor/mailroom
install -D -m 644 -t /etc/apparmor.d/abstractions /opt/tree/deploy/apparmor/abstractions/*
mkdir -p /etc/apparmor.d/local /etc/systemd/system/mailroom-relay.service.d
touch /etc/apparmor.d/local/mailroom-relay /etc/systemd/system/mailroom-relay.service.d/override.conf
printf '#!/bin/sh\necho "$*" >/run/unloaded\n' >/run/apparmor_parser && chmod 755 /run/apparmor_parser
mount --bind /run/apparmor_parser "$(command -v apparmor_parser)"
"""  # this kernel has no AppArmor to unload anything from
KEPT = [
    "/etc/apparmor.d/local/mailroom-relay",
    "/etc/mailroom",
    "/etc/systemd/system/mailroom-relay.service.d",
    "/var/lib/mailroom",
    "/var/spool/mailroom",
    "/var/spool/mailroom-submit",
]
PLACES = ("/etc", "/opt", "/run", "/usr/local", "/var/lib", "/var/spool")


def left(machine: Machine) -> list[str]:
    """All that bears our name, outermost; test scaffolding and the journal aside."""
    found = machine.run("find", *PLACES, "-path", "/opt/tree", "-prune", "-o", "-name", "*mailroom*", "-print", "-prune").stdout.split()
    return sorted(one for one in found if not one.startswith(("/opt/ready", "/opt/newer", "/opt/slow", "/run/systemd", "/run/log")))


# a release whose upgrade of the database takes long, and the administrator who breaks it off, with no terminal that would take the key
SLOW = """#!/bin/sh
case "$*" in
*"db upgrade") exec sleep 600 ;;
*"db check") exit 2 ;;
*) exec /opt/ready/bin/python3 "$@" ;;
esac
"""
BREAK_OFF = """
import json, os, signal, subprocess, sys, time
sign = getattr(signal, sys.argv[1])
words = ["bash", "/opt/tree/deploy/install.sh", "install", "--venv", "/opt/slow"]
heard = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
script = subprocess.Popen(words, start_new_session=True, preexec_fn=lambda: signal.signal(sign, signal.SIG_DFL), **heard)
while script.poll() is None and subprocess.run(["systemctl", "is-active", "--quiet", "upgrade-of-mailroom.service"]).returncode:
    time.sleep(0.1)
os.killpg(script.pid, sign)
print(json.dumps([script.communicate()[0], script.returncode]))
"""
METRICS = """
import json, urllib.request
print(json.dumps(urllib.request.urlopen("http://127.0.0.1:8080/metrics", timeout=60).read().decode()))
"""


@pytest.mark.long
def test_from_nothing_to_a_held_mail_and_away_again(machine: Machine, tmp_path: Path) -> None:
    """A single story: each step begins where the one before ended."""
    before = {*left(machine)}  # such as an image of ours in a store of containers
    assert before & {*KEPT} == set(), "something of ours is installed on this machine"
    machine.run("bash", "-c", "mkdir -p /var/spool/mailroom && mount -t tmpfs tmpfs /var/spool/mailroom")
    assert "edit /etc/mailroom/mailroom.toml" in run(machine, "install", "--venv", "/opt/ready")
    write(machine, "/etc/mailroom/mailroom.toml", SETTINGS)
    write(machine, "/var/lib/mailroom/mailroom.zone", "")
    write(machine, "/etc/mailroom/company.toml", COMPANY)
    write(machine, "/etc/mailroom/secrets/webhooks/chat.key", "whsec_bWFkZSBvZiBhIGh1bmRyZWQgbGV0dGVycyBhbmQgc29tZSBtb3Jl")
    for secret, file in zip(("smtp.tls_cert", "smtp.tls_key"), make_certificate(tmp_path), strict=True):
        write(machine, f"/etc/mailroom/secrets/{secret}", file.read_text())
    said = run(machine, "install", "--venv", "/opt/ready")
    assert ("is in place" in said, "encrypted for this machine: smtp.tls_cert, smtp.tls_key, webhooks/chat.key" in said) == (True, True), (
        said
    )
    assert kept_secrets(machine) == [["smtp.tls_cert", "encrypted"], ["smtp.tls_key", "encrypted"], ["webhooks/chat.key", "encrypted"]]
    assert machine.run("head", "-c9", "/usr/local/share/man/man1/mailroom-release.1").stdout == ".TH MAILR"
    asks = "_MAILROOM_COMPLETE=bash_complete COMP_WORDS='mailroom rele' COMP_CWORD=1 /usr/local/sbin/mailroom"
    assert machine.run("bash", "-c", asks).stdout == "plain,release\n"
    machine.python(SEND)
    until_held(machine, 1)

    assert "nothing is measured" not in machine.journal("mailroom-receive.service")
    found = mailroom(machine, "doctor")
    assert "by a unit of its own behind /run/mailroom/parse.sock" in found
    assert "mailroom answers on 0.0.0.0:25" in found
    assert "relaying for outsiders is refused" in found
    assert ("webhook chat" in found, "cannot be called" in found) == (True, False), found  # its key is the doctor's, too
    numbers = machine.python(METRICS)
    for name in (
        'certificate_end_timestamp_seconds{role="receive"}',
        'disk_free_bytes{place="spool"}',
        'disk_free_bytes{place="database"}',
    ):
        assert f"mailroom_{name}" in numbers
    assert machine.run("stat", "--format=%a %G", "/etc/mailroom/company.toml").stdout == "640 mailroom\n"

    replaced(machine, "/etc/mailroom/company.toml", 'name = "Anna"', 'name = "Anna Berg"')
    until(lambda: "Anna Berg" in mailroom(machine, "people", "list"), machine)
    replaced(machine, "/etc/mailroom/mailroom.toml", "mx.company", "mx2.company")
    machine.run("systemctl", "reload", "mailroom-receive.service")
    until(lambda: machine.python(ANSWER) == "mx2.company.example", machine)
    replaced(machine, "/etc/mailroom/mailroom.toml", "mx2.company", "mx.company")

    machine.run("bash", "-c", "cd /etc/mailroom && chmod 644 company.toml && chgrp root company.toml")  # as releases of before did
    assert "was open to everybody" in run(machine, "install", "--venv", "/opt/ready")
    assert machine.run("stat", "--format=%a %G", "/etc/mailroom/company.toml").stdout == "640 mailroom\n"
    assert "open to everybody" not in run(machine, "install", "--venv", "/opt/ready"), "again, and nothing changes"
    assert "none" in run(machine, "status").splitlines()[1]

    machine.run("bash", "-c", f"printf '{MARK}' >> {UNIT}")
    run(machine, "install", "--venv", "/opt/newer")
    assert MARK not in machine.run("cat", UNIT).stdout
    assert run(machine, "status").splitlines()[:2] == ["release   /opt/newer", "previous  /opt/ready"]
    machine.python(SEND)

    machine.run("bash", "-c", "sed -i /LoadCredentialEncrypted/d /opt/mailroom/deploy/systemd/*.service")  # as releases of before
    assert "back at /opt/ready" in run(machine, "rollback")
    assert {kept for _, kept in kept_secrets(machine)} == {"plain"}
    assert machine.python(STARTTLS) == "220"
    assert MARK in machine.run("cat", UNIT).stdout, "a program and its units belong together"
    machine.python(SEND)

    write(machine, "/opt/slow/bin/python3", SLOW)
    machine.run("chmod", "755", "/opt/slow/bin/python3")
    for sign, words in (("SIGINT", "everything is as it was"), ("SIGHUP", "")):
        said, code = machine.python(BREAK_OFF, sign)
        assert (words in said, code) == (True, 1), said
        assert machine.state("upgrade-of-mailroom.service") == "inactive", "it does not go on by itself"
        for role in ("judge", "relay", "api", "upkeep"):
            until(lambda role=role: machine.state(f"mailroom-{role}.service") == "active", machine)
        assert run(machine, "status").splitlines()[0] == "release   /opt/ready"

    mailroom(machine, "secrets", "encrypt")
    machine.run("bash", "-c", "mv /var/lib/systemd/credential.secret /run/ && systemd-creds setup")  # as on another machine
    refused = run(machine, "install", "--venv", "/opt/newer", code=1)
    assert ("remove /etc/mailroom/secrets/encrypted/smtp.tls_cert" in " ".join(refused.split()), "nothing was changed" in refused) == (
        True,
        True,
    )
    said = machine.run("/usr/local/sbin/mailroom", "deliveries", check=False).stderr
    assert "an encrypted secret cannot be opened on this machine" in said, said
    machine.run("bash", "-c", "mv -f /run/credential.secret /var/lib/systemd/ && mailroom secrets decrypt")

    write(machine, "/etc/mailroom/mailroom.toml", SETTINGS + "nonsense = 1\n")
    refused = run(machine, "install", "--venv", "/opt/newer", code=1)
    assert "no key “nonsense”" in refused
    assert "nothing was changed" in refused
    assert MARK in machine.run("cat", UNIT).stdout
    assert machine.run("ls", "/opt/mailroom/releases").stdout.count("\n") == 3, "and the one that was broken off"
    write(machine, "/etc/mailroom/mailroom.toml", SETTINGS)
    machine.python(SEND)
    until_held(machine, 4)

    for name, unit in NIGHTLY.findall(BACKUPS.read_text("utf-8")):
        write(machine, name, unit.replace("    ", ""))
    machine.run("bash", "-c", "install -d -o mailroom-upkeep -g mailroom -m 700 /backup; systemctl daemon-reload")
    machine.run("systemctl", "enable", "--now", "nightly-backup.timer")
    machine.run("systemctl", "start", "nightly-backup.service")
    assert "the last one is of" in mailroom(machine, "doctor")
    (backup,) = machine.run("bash", "-c", "echo /backup/*").stdout.split()

    machine.run("bash", "-c", GUARDED)
    run(machine, "uninstall")
    assert machine.run("cat", "/run/unloaded").stdout == "--remove /etc/apparmor.d/mailroom\n"
    assert [one for one in left(machine) if one not in before] == KEPT
    assert machine.run("bash", "-c", "ls /usr/local/share/man/man1 | grep mailroom", check=False).stdout == ""
    assert machine.run("systemctl", "list-units", "--no-legend", "mailroom*").stdout == ""
    assert "mailroom.db" in machine.run("ls", "/var/lib/mailroom").stdout
    assert machine.run("ls", "/etc/mailroom").stdout.split() == ["company.toml", "mailroom.toml", "secrets"]

    assert "held mail too" in run(machine, "purge", code=1)
    assert "mailroom.db" in machine.run("ls", "/var/lib/mailroom").stdout
    assert "left is /var/spool/mailroom: a disk of its own" in run(machine, "purge", "--all-mail")
    assert [one for one in left(machine) if one not in before] == ["/var/spool/mailroom"]
    assert machine.run("ls", "-A", "/var/spool/mailroom").stdout == ""
    assert "mailroom" not in machine.run("cat", "/etc/passwd", "/etc/group").stdout

    run(machine, "install", "--venv", "/opt/ready")
    write(machine, "/etc/mailroom/mailroom.toml", SETTINGS)
    write(machine, "/etc/mailroom/company.toml", COMPANY)
    write(machine, "/var/lib/mailroom/mailroom.zone", "")
    machine.run("chown", "-R", "mailroom-upkeep:mailroom", backup)
    machine.run("/usr/local/sbin/mailroom", "backup", "restore", backup)
    run(machine, "install", "--venv", "/opt/ready")
    until_held(machine, 4)
    machine.run(
        "install", "-d", "-o", "mailroom-relay", "-g", "mailroom", "-m", "2770", "/var/lib/mailroom/mailboxes"
    )  # the disk of the Maildirs
    machine.run("/usr/local/sbin/mailroom", "resume")
    until_held(machine, 4)


def test_it_says_how_it_is_used() -> None:
    done = subprocess.run(["bash", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "uninstall" in done.stderr
