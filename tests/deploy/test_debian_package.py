"""The Debian package under a real systemd: installed, upgraded, removed, installed again and purged, and no message is lost."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import test_release_build as releases
from tests.deploy.test_boot import COMPANY, SEND, SETTINGS
from tests.deploy.test_install import BARE, write
from tests.peers import processes
from tests.peers.systemd import Machine, boot_machine, may_boot

pytestmark = [  # test_units.py and test_install.py have the units; test_release.py the version
    pytest.mark.long,
    pytest.mark.peers,
    pytest.mark.skipif(not may_boot(), reason="only root can boot a systemd in namespaces of its own"),
]

NEWER = "0.9.0~deb13"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with mailroom.deb, as `deploy/release.sh package` builds it, and newer.deb of a higher version."""
    place = tmp_path_factory.mktemp("package")
    dist = releases.build_release(releases.TREE, place / "tree", 0o022, "/usr/bin/python3")
    script = place / "tree" / "deploy" / "release.sh"
    done = subprocess.run([script, "package", dist], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = dist.glob("*.deb")
    shutil.copy(built, place / "mailroom.deb")
    subprocess.run(["dpkg-deb", "--raw-extract", built, place / "opened"], check=True)
    control = place / "opened" / "DEBIAN" / "control"
    control.write_text(control.read_text().replace(f"Version: {releases.VERSION}~", f"Version: {NEWER.partition('~')[0]}~"))
    subprocess.run(["dpkg-deb", "-Zgzip", "--build", place / "opened", place / "newer.deb"], check=True, capture_output=True)
    return place


def test_it_is_without_an_error(packages: Path) -> None:
    """Lintian; what it overrides has a reason in debian/mailroom.lintian-overrides."""
    lintian = processes.need("lintian", "lintian")
    done = subprocess.run([lintian, "--fail-on", "error", packages / "mailroom.deb"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def machine(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which nothing of ours is installed; both packages lie in /srv."""
    place = tmp_path_factory.mktemp("systemd")
    (place / "given" / "srv").mkdir(parents=True)
    for name in ("mailroom.deb", "newer.deb"):
        shutil.copy(packages / name, place / "given" / "srv")
    with boot_machine(place, {"etc/systemd/system/bare.target": BARE}, "bare.target") as one:
        one.wait_until("bare.target")
        yield one


def dpkg(machine: Machine, *words: str) -> str:
    """A command of dpkg there; what it and the package say."""
    done = machine.run("dpkg", *words, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_nothing_is_lost_from_installation_to_purge(machine: Machine) -> None:
    """A single story: each step stands on the one before."""
    assert "nothing runs yet" in dpkg(machine, "--install", "/srv/mailroom.deb")
    assert machine.state("mailroom-receive.socket") == "inactive"
    assert machine.run("mailroom", "--version", check=False).stdout.strip() == f"mailroom, version {releases.VERSION}"
    write(machine, "/etc/mailroom/mailroom.toml", SETTINGS)
    write(machine, "/etc/mailroom/company.toml", COMPANY)
    write(machine, "/var/lib/mailroom/mailroom.zone", "")
    for words in (["mailroom", "db", "upgrade"], ["mailroom", "sync"], ["mailroom-units", "start"]):
        machine.run(*words)
    receive_and_hold(machine, 1)

    machine.run("systemctl", "enable", "--quiet", "mailroom-webhooks.service")
    dpkg(machine, "--install", "/srv/newer.deb")
    assert machine.run("dpkg-query", "--show", "--showformat=${Version} ${Status}", "mailroom").stdout == f"{NEWER} install ok installed"
    receive_and_hold(machine, 2)

    dpkg(machine, "--remove", "mailroom")
    assert machine.run("systemctl", "list-units", "--plain", "--no-legend", "mailroom*").stdout == ""
    gone = machine.run("ls", "/usr/lib/mailroom", "/var/lib/mailroom-jail", "/usr/sbin/mailroom", check=False)
    assert gone.stdout == ""
    dpkg(machine, "--install", "/srv/newer.deb")
    machine.run("mailroom-units", "start")
    receive_and_hold(machine, 3)

    said = dpkg(machine, "--purge", "mailroom")
    assert "accepted messages and the database stay" in said
    assert machine.run("test", "-e", "/etc/mailroom", check=False).returncode == 1
    assert machine.run("test", "-s", "/var/lib/mailroom/mailroom.db", check=False).returncode == 0


def receive_and_hold(machine: Machine, count: int) -> None:
    """Sends one more message, and waits until so many are held."""
    for role in ("receive", "judge", "relay", "api", "upkeep"):
        machine.wait_until(f"mailroom-{role}.service")
    assert machine.python(SEND) == "sent"
    command = ("mailroom", "deliveries", "--state", "held")
    processes.until(lambda: machine.run(*command).stdout.count("stranger@outside.example") == count, f"{count} held")
