"""Upgrades what this release left on a disk to the next version in a stream of SMTP, then goes back as the rollback page says."""

import shutil
import tarfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.deploy.test_boot import SEND, SETTINGS as BOOTED
from tests.deploy.test_debian_package import ASK, LIMITS, STREAM, end_stream, start_stream, subjects, version_of
from tests.deploy.test_install import BARE, run, write
from tests.migrations.keep_release import RELEASES, STORY
from tests.migrations.test_releases import YEARS
from tests.peers import company, outside, processes
from tests.peers.systemd import Machine, boot_machine, may_boot

pytestmark = [
    pytest.mark.long,
    pytest.mark.peers,
    pytest.mark.skipif(not may_boot(), reason="only root can boot a systemd in namespaces of its own"),
]

KEPT = RELEASES / version("mailroom") / "sqlite.tar.xz"  # make keep-release
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "systemd.md"
ROLLBACK = PAGE.read_text("utf-8").partition("To go back behind a database upgrade")[2].partition("```sh\n")[2].partition("```")[0]
ANNA = f"""
[[person]]
uid = "anna"
name = "Anna"
department = "it"
mailbox = "anna@{company.DOMAIN}"
"""
NEXT = '''"""Changes a table that every message writes, and adds one."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "9000", "{newest}"


def upgrade() -> None:
    """As the next version may."""
    op.add_column("delivery", sa.Column("of_the_next_version", sa.Integer(), nullable=False, server_default="1"))
    op.create_table("of_the_next_version", sa.Column("id", sa.Integer(), primary_key=True))
'''
PREPARE = r"""
mkdir -p /opt/next /run/next/up /run/next/work /usr/local/sbin
mount -t overlay overlay -o lowerdir=/opt/ready,upperdir=/run/next/up,workdir=/run/next/work /opt/next
cp /srv/9000_next.py /opt/next/lib/python3*/site-packages/migrations/versions/
"""
STATES = "SELECT subject || ': ' || state FROM delivery WHERE subject NOT LIKE 'stream %' ORDER BY subject"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with this program in /opt/ready, and one with a newer database in /opt/next; what a release left lies in /srv."""
    place = tmp_path_factory.mktemp("systemd")
    srv = place / "given" / "srv"
    srv.mkdir(parents=True)
    with tarfile.open(KEPT) as archive:
        archive.extractall(srv, filter="data")
    shutil.copy(STREAM, srv)
    newest = max(Path(__file__).parents[2].glob("migrations/versions/[0-9]*.py")).name.partition("_")[0]
    (srv / "9000_next.py").write_text(NEXT.format(newest=newest))
    with boot_machine(place, {"etc/systemd/system/bare.target": BARE, "etc/prepare.sh": PREPARE}, "bare.target") as one:
        one.wait_until("bare.target")
        yield one


def states(*more: str) -> list[str]:
    """Messages of the story beside `more`, each with its state once it was judged."""
    return sorted([*(f"{one.subject}: {one.state.replace('spooled', 'held')}" for one in STORY), *more])


def test_the_next_version_and_back(machine: Machine, record_property: Callable[[str, object], None]) -> None:
    """A single story: each step stands on the one before."""
    restore_release(machine)
    processes.until(lambda: machine.python(ASK, STATES) == states(), "what was kept goes on")
    before = version_of(machine)

    start_stream(machine)
    machine.run("install", "-d", "-o", "mailroom-upkeep", "-g", "mailroom", "-m", "700", "/backup")
    machine.run("/usr/local/sbin/mailroom", "backup", "/backup/before")
    run(machine, "install", "--venv", "/opt/next")
    assert version_of(machine) == "9000"
    so_far = len(subjects(machine))
    processes.until(lambda: len(subjects(machine)) > so_far + 20, "the stream flows through the next version")
    accepted, counted = end_stream(machine)
    record_property("closing line", f"upgraded to the next version: {counted}")
    assert machine.python(ASK, STATES) == states()

    assert "has moved on" in run(machine, "rollback", code=1)
    done = machine.run("bash", "-euxc", f"PATH=/usr/local/sbin:$PATH\ncd /opt/tree\n{ROLLBACK}", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert version_of(machine) == before
    backed_up, newer = subjects(machine), "SELECT subject FROM delivery WHERE subject LIKE 'stream %'"
    moved = machine.python(ASK.replace("mailroom/mailroom.db", "mailroom/newer/mailroom.db"), newer)
    assert {*backed_up} < {*accepted}
    assert {f"stream {number}" for number in accepted} == {*moved}
    assert machine.python(SEND) == "sent"
    processes.until(lambda: machine.python(ASK, STATES) == states("hello: held"), "the earlier program goes on")


def restore_release(machine: Machine) -> None:
    """Installs this program on what the release left."""
    run(machine, "install", "--venv", "/opt/ready")
    write(machine, "/etc/mailroom/mailroom.toml", BOOTED + LIMITS + YEARS + company.NO_DIGEST)
    write(machine, "/etc/mailroom/company.toml", company.DIRECTORY + ANNA)
    write(machine, "/var/lib/mailroom/mailroom.zone", outside.write_zone())
    machine.run("chown", "-R", "mailroom-upkeep:mailroom", "/srv/backup")
    machine.run("/usr/local/sbin/mailroom", "backup", "restore", "/srv/backup")
    run(machine, "install", "--venv", "/opt/ready")
    maildirs = ("-o", "mailroom-relay", "-g", "mailroom", "-m", "2770", "/var/lib/mailroom/mailboxes")
    machine.run("install", "-d", *maildirs)
    machine.run("/usr/local/sbin/mailroom", "resume")
