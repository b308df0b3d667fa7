"""deploy/install.sh on a machine with systemd: install, again, upgrade, rollback, uninstall; mail comes in all the while."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.test_boot import COMPANY, SEND, SETTINGS as BOOTED, until
from tests.peers.systemd import HANG, Machine, booted, may_boot

pytestmark = [pytest.mark.peers, pytest.mark.skipif(not may_boot(), reason="only root can boot a systemd in namespaces of its own")]

SCRIPT = Path(__file__).parents[2] / "deploy" / "install.sh"
SETTINGS = BOOTED.replace("[relay]", '[smtp]\nlisten = "0.0.0.0:25"\n[relay]')
PREPARE = r"""
mkdir -p /opt/newer /usr/local/sbin
mount --bind /opt/ready /opt/newer
"""
BARE = "[Unit]\nDescription=Nothing yet\nRequires=sockets.target\nAfter=sockets.target\n"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which nothing of ours is installed; /opt/ready and /opt/newer are two releases."""
    given = {"etc/systemd/system/bare.target": BARE, "etc/prepare.sh": PREPARE}
    with booted(tmp_path_factory.mktemp("systemd"), given, "bare.target") as one:
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
    """How many mails wait, as the administrator's command says it."""
    return machine.run("/usr/local/sbin/mailroom", "deliveries").stdout.count("stranger@outside.example")


def until_held(machine: Machine, count: int) -> None:
    """Wait until so many mails are held, and no more of them."""
    deadline = time.monotonic() + HANG
    while (found := held(machine)) != count:
        assert time.monotonic() < deadline, f"{found} of {count}: {machine.journal('mailroom-judge.service')}"
        time.sleep(0.2)


ANSWER = """
import json, smtplib
with smtplib.SMTP("127.0.0.1", 25, timeout=60) as door:
    print(json.dumps(door.ehlo()[1].decode().split()[0]))
"""
UNIT = "/etc/systemd/system/mailroom-relay.service"
MARK = "# of the release before\n"


def replaced(machine: Machine, path: str, old: str, new: str) -> None:
    """What an editor does that writes a new file and gives it the name of the old one."""
    machine.run("sed", "--in-place", f"s/{old}/{new}/", path)


def mailroom(machine: Machine, *words: str) -> str:
    """The administrator's command."""
    return machine.run("/usr/local/sbin/mailroom", *words, check=False).stdout


def test_from_nothing_to_a_held_mail_and_away_again(machine: Machine) -> None:
    """One story: each step begins where the one before ended."""
    assert "edit /etc/mailroom/mailroom.toml" in run(machine, "install", "--venv", "/opt/ready")
    write(machine, "/etc/mailroom/mailroom.toml", SETTINGS)
    write(machine, "/var/lib/mailroom/mailroom.zone", "")
    write(machine, "/etc/mailroom/company.toml", COMPANY)
    assert "is in place" in run(machine, "install", "--venv", "/opt/ready")
    assert machine.run("head", "-c9", "/usr/local/share/man/man1/mailroom-release.1").stdout == ".TH MAILR"
    asks = "_MAILROOM_COMPLETE=bash_complete COMP_WORDS='mailroom rele' COMP_CWORD=1 /usr/local/sbin/mailroom"
    assert machine.run("bash", "-c", asks).stdout == "plain,release\n"
    machine.python(SEND)
    until_held(machine, 1)

    assert "nothing is measured" not in machine.journal("mailroom-receive.service")
    found = mailroom(machine, "doctor")
    assert "by a unit of its own behind /run/mailroom/parse.sock" in found
    assert "mailroom answers on 0.0.0.0:25" in found
    assert "mail from strangers to strangers is refused" in found
    assert machine.run("stat", "--format=%a %G", "/etc/mailroom/company.toml").stdout == "640 mailroom\n"

    replaced(machine, "/etc/mailroom/company.toml", 'name = "Anna"', 'name = "Anna Berg"')
    until(lambda: "Anna Berg" in mailroom(machine, "people", "list"), machine)
    replaced(machine, "/etc/mailroom/mailroom.toml", "mx.company", "mx2.company")
    machine.run("systemctl", "reload", "mailroom-receive.service")
    until(lambda: machine.python(ANSWER) == "mx2.company.example", machine)
    replaced(machine, "/etc/mailroom/mailroom.toml", "mx2.company", "mx.company")

    assert "is in place" in run(machine, "install", "--venv", "/opt/ready"), "again, and nothing changes"
    assert "none" in run(machine, "status").splitlines()[1]

    machine.run("bash", "-c", f"printf '{MARK}' >> {UNIT}")
    run(machine, "install", "--venv", "/opt/newer")
    assert MARK not in machine.run("cat", UNIT).stdout
    assert run(machine, "status").splitlines()[:2] == ["release   /opt/newer", "previous  /opt/ready"]
    machine.python(SEND)

    assert "back at /opt/ready" in run(machine, "rollback")
    assert MARK in machine.run("cat", UNIT).stdout, "a program and its units belong together"
    machine.python(SEND)

    write(machine, "/etc/mailroom/mailroom.toml", SETTINGS + "nonsense = 1\n")
    refused = run(machine, "install", "--venv", "/opt/newer", code=1)
    assert "no key 'nonsense'" in refused
    assert "nothing was changed" in refused
    assert MARK in machine.run("cat", UNIT).stdout
    assert machine.run("ls", "/opt/mailroom/releases").stdout.count("\n") == 2
    write(machine, "/etc/mailroom/mailroom.toml", SETTINGS)
    machine.python(SEND)
    until_held(machine, 4)

    run(machine, "uninstall")
    assert machine.run("bash", "-c", "ls /usr/local/share/man/man1 | grep mailroom", check=False).stdout == ""
    assert machine.run("systemctl", "list-units", "--no-legend", "mailroom*").stdout == ""
    assert "mailroom.db" in machine.run("ls", "/var/lib/mailroom").stdout
    assert machine.run("ls", "/etc/mailroom").stdout.split() == ["company.toml", "mailroom.toml", "secrets"]


def test_it_says_how_it_is_used() -> None:
    done = subprocess.run(["bash", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "uninstall" in done.stderr
