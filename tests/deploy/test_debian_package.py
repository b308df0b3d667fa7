"""The Debian package under a real systemd: installed, upgraded under load, removed and purged, and no message is lost."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
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
STREAM = Path(__file__).with_name("smtp_stream.py")
LIMITS = "[smtp]\nmax_messages_per_minute = 1000000\nmax_connections_per_client = 500\n"
ASK = """
import json, sqlite3, sys
database = sqlite3.connect("file:/var/lib/mailroom/mailroom.db?mode=ro", uri=True)
print(json.dumps([value for value, in database.execute(sys.argv[1])]))
"""
PACKAGING = ("debian", "deploy/man", "deploy/release.sh", "deploy/slim.sh")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with earlier.deb, of before the newest version of the database, and newer.deb, of today and with a higher number."""
    place = tmp_path_factory.mktemp("package")
    take_earlier(place / "before")
    build_package(place / "before", place / "earlier").rename(place / "earlier.deb")
    built = build_package(releases.TREE, place / "newer")
    subprocess.run(["dpkg-deb", "--raw-extract", built, place / "opened"], check=True)
    control = place / "opened" / "DEBIAN" / "control"
    control.write_text(control.read_text().replace(f"Version: {releases.VERSION}~", f"Version: {NEWER.partition('~')[0]}~"))
    subprocess.run(["dpkg-deb", "-Zgzip", "--build", place / "opened", place / "newer.deb"], check=True, capture_output=True)
    return place


def take_earlier(place: Path) -> None:
    """Clones the tree as of before the commit with the newest version of the database."""
    steps = ("migrations/versions", ":!migrations/versions/*_baseline.py")  # the baseline brought no new version
    found = git(releases.TREE, "log", "-1", "--diff-filter=A", "--format=%P", "--", *steps).strip()
    if not found:
        pytest.skip("this clone has no earlier commits")
    git(releases.TREE, "clone", "--quiet", ".", str(place))
    now = git(place, "rev-parse", "HEAD").strip()
    git(place, "checkout", "--quiet", found)
    if not (place / "debian").exists():  # before the commits with a package: as today's packaging would have made it
        git(place, "checkout", now, "--", *PACKAGING)
        git(place, "-c", "user.name=nobody", "-c", "user.email=nobody@company.example", "commit", "--quiet", "--message", "packaging")


def git(tree: Path, *words: str) -> str:
    """Runs git in `tree`, and returns what it prints."""
    return subprocess.run(["git", *words], cwd=tree, check=True, capture_output=True, text=True).stdout


def build_package(tree: Path, place: Path) -> Path:
    """The package of what is committed in `tree`, as `deploy/release.sh package` builds it."""
    dist = releases.build_release(tree, place, 0o022, "/usr/bin/python3")
    done = subprocess.run([place / "deploy" / "release.sh", "package", dist], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = dist.glob("*.deb")
    return built


def test_it_is_without_an_error(packages: Path) -> None:
    """Lintian; what it overrides has a reason in debian/mailroom.lintian-overrides."""
    lintian = processes.need("lintian", "lintian")
    done = subprocess.run([lintian, "--fail-on", "error", packages / "newer.deb"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def machine(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which nothing of ours is installed; both packages and the stream lie in /srv."""
    place = tmp_path_factory.mktemp("systemd")
    (place / "given" / "srv").mkdir(parents=True)
    for name in ("earlier.deb", "newer.deb"):
        shutil.copy(packages / name, place / "given" / "srv")
    shutil.copy(STREAM, place / "given" / "srv")
    with boot_machine(place, {"etc/systemd/system/bare.target": BARE}, "bare.target") as one:
        one.wait_until("bare.target")
        yield one


def dpkg(machine: Machine, *words: str) -> str:
    """A command of dpkg there; what it and the package say."""
    done = machine.run("dpkg", *words, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_nothing_is_lost_from_installation_to_purge(machine: Machine, record_property: Callable[[str, object], None]) -> None:
    """A single story: each step stands on the one before."""
    assert "nothing runs yet" in dpkg(machine, "--install", "/srv/earlier.deb")
    assert machine.state("mailroom-receive.socket") == "inactive"
    assert machine.run("mailroom", "--version", check=False).stdout.strip() == f"mailroom, version {releases.VERSION}"
    write(machine, "/etc/mailroom/mailroom.toml", SETTINGS + LIMITS)
    write(machine, "/etc/mailroom/company.toml", COMPANY)
    write(machine, "/var/lib/mailroom/mailroom.zone", "")
    for words in (["mailroom", "db", "upgrade"], ["mailroom", "sync"], ["mailroom-units", "start"]):
        machine.run(*words)
    receive_and_hold(machine, 1)
    earlier = version_of(machine)

    machine.run("systemctl", "enable", "--quiet", "mailroom-webhooks.service")
    record_property("closing line", upgrade_in_a_stream(machine))
    assert machine.run("dpkg-query", "--show", "--showformat=${Version} ${Status}", "mailroom").stdout == f"{NEWER} install ok installed"
    assert machine.state("mailroom-webhooks.service") in ("active", "activating"), "what was enabled runs again"
    assert machine.run("man", "--where", "mailroom-units", "mailroom-submit").stdout.count("/usr/share/man/") == 2
    assert version_of(machine) > earlier
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


def upgrade_in_a_stream(machine: Machine) -> str:
    """Upgrades while clients send without a pause, and says how they fared."""
    start_stream(machine)
    before = len(subjects(machine))
    dpkg(machine, "--install", "/srv/newer.deb")
    processes.until(lambda: len(subjects(machine)) > before + 20, "the stream flows through the newer program")
    return f"an upgrade in a stream of SMTP: {end_stream(machine)[1]}"


def start_stream(machine: Machine) -> None:
    """Lets clients send without a pause."""
    machine.run("systemd-run", "--unit=stream", "/usr/bin/python3", "/srv/smtp_stream.py", "/run/stream.stop", "/run/stream.json")
    processes.until(lambda: len(subjects(machine)) > 20, "the stream flows")


def end_stream(machine: Machine) -> tuple[list[int], str]:
    """Ends the stream: each session was answered, and each accepted message is there once. Their numbers, and how many in words."""
    machine.run("touch", "/run/stream.stop")
    machine.wait_until("stream.service", "inactive")
    found = json.loads(machine.run("cat", "/run/stream.json").stdout)
    accepted: list[int] = found["accepted"]
    assert found["unanswered"] == []
    processes.until(lambda: len(subjects(machine)) >= len(accepted), "all are judged")
    assert subjects(machine) == accepted
    counted = f"{len(accepted)} messages accepted and there, {found['later']} told to come back"
    return accepted, f"{counted}, the longest answer after {found['longest']:.1f} s"


def subjects(machine: Machine) -> list[int]:
    """Numbers of the stream's messages in the database."""
    return sorted(int(subject.split()[1]) for subject in machine.python(ASK, "SELECT subject FROM delivery WHERE subject LIKE 'stream %'"))


def version_of(machine: Machine) -> str:
    """The version of the database's tables."""
    return str(machine.python(ASK, "SELECT version_num FROM alembic_version")[0])


def receive_and_hold(machine: Machine, count: int) -> None:
    """Sends one more message beside the stream's, and waits until so many are held."""
    for role in ("receive", "judge", "relay", "api", "upkeep"):
        machine.wait_until(f"mailroom-{role}.service")
    assert machine.python(SEND) == "sent"
    held = "SELECT count(*) FROM delivery WHERE state = 'held' AND subject = 'hello'"
    processes.until(lambda: machine.python(ASK, held) == [count], f"{count} held")
