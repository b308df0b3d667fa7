"""The image of a release, where podman is: built without a registry, of limited size, and at work with a read-only root and no rights."""

import contextlib
import json
import os
import shutil
import smtplib
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.deploy import test_release_build as releases
from tests.deploy.test_boot import COMPANY, SETTINGS
from tests.peers import processes
from tests.peers.bare_debian import CERTIFICATES, make_root

pytestmark = [
    pytest.mark.long,
    pytest.mark.peers,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a root directory of Debian"),
    pytest.mark.skipif(shutil.which("podman") is None, reason="podman is not installed: apt-get install podman"),
]

WANTED, SIZE = 350, 360  # megabytes: the goal, and what it may have
BASE, IMAGE = "localhost/debian:base", f"localhost/mailroom:{releases.VERSION}"
LIMITS = ("--ulimit=nofile=20000:20000", "--ulimit=nproc=10000:10000")  # no more than a container of ours may have itself
HARDENED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")
# a hierarchy of control groups as podman wants it, for this process alone
PRIVATE = ("unshare", "--mount", "--cgroup", "sh", "-c", 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec "$@"', "sh")


class Podman:
    """Podman with a store of its own."""

    def __init__(self, place: Path) -> None:
        self.command = ["podman", f"--root={place}/store", f"--runroot={place}/run", "--cgroup-manager=cgroupfs"]
        self.directory = place / "bin"
        self.directory.mkdir(parents=True)
        self.environment = os.environ | {"PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
        script = self.directory / "podman"  # for scripts that call it by its name
        script.write_text(f'#!/bin/sh\nexec {shutil.which("podman")} {" ".join(self.command[1:])} "$@"\n')
        script.chmod(0o755)

    def run(self, *words: str | Path) -> str:
        """A command; returns what it prints."""
        done = subprocess.run([*self.command, *words], env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def start(self, *words: str, log: Path) -> "subprocess.Popen[bytes]":
        """Starts a container, which ends with the process."""
        command = [*PRIVATE, *self.command, "run", "--rm", "--cgroups=disabled", "--network=host", *LIMITS, *HARDENED, *words]
        return processes.start(command, log, environment=self.environment)


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Podman, with a base such as debian:trixie-slim."""
    place = tmp_path_factory.mktemp("podman")
    made = Podman(place)
    with make_root(place / "root", has_docs=False) as debian:
        (debian.root / "usr" / "sbin" / "policy-rc.d").unlink()
        with tarfile.open(place / "base.tar", "w") as archive:
            archive.add(debian.root, ".")
    made.run("import", "--quiet", place / "base.tar", BASE)
    (place / "base.tar").unlink()
    yield made
    with contextlib.suppress(AssertionError):
        made.run("system", "reset", "--force")


@pytest.fixture(scope="module")
def release(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with its image, as `deploy/release.sh image` builds it; pip finds the index that this machine uses."""
    place = tmp_path_factory.mktemp("release")
    dist = releases.build_release(releases.TREE, place / "tree", 0o022, "/usr/bin/python3")
    (place / "pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
    options = ["--isolation=chroot", "--network=host", *LIMITS, f"--volume={place}/pip.conf:/etc/pip.conf:ro"]
    ours = podman.environment | {"PATH": f"{podman.directory}:{os.environ['PATH']}", "PODMAN_BUILD": " ".join(options)}
    script = place / "tree" / "deploy" / "release.sh"
    done = subprocess.run([script, "image", dist, BASE], env=ours, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return dist


def test_it_is_small_and_names_its_base_by_digest(podman: Podman, release: Path, record_property: Callable[[str, object], None]) -> None:
    (found,) = json.loads(podman.run("image", "inspect", IMAGE))
    record_property("closing line", f"the image has {found['Size'] / 1e6:.0f} MB (at most {WANTED} wanted)")
    digest = podman.run("image", "inspect", "--format={{.Digest}}", BASE)
    assert found["Labels"]["org.opencontainers.image.base.name"] == f"localhost/debian@{digest}"
    assert found["User"] == "2525:2525"
    assert f"mailroom-{releases.VERSION}-image.tar" in (release / "SHA256SUMS").read_text()
    assert found["Size"] <= SIZE * 1e6


def test_it_takes_a_message_with_a_read_only_root(podman: Podman, release: Path, tmp_path: Path) -> None:
    smtp, console = processes.free_port(), processes.free_port()
    places = {name: tmp_path / name for name in ("etc", "state", "spool")}
    for place in places.values():
        place.mkdir()
        shutil.chown(place, 2525, 2525)
    listen = f'[smtp]\nlisten = "127.0.0.1:{smtp}"\n[api]\nlisten = "127.0.0.1:{console}"\n'
    (places["etc"] / "mailroom.toml").write_text(SETTINGS + listen)
    (places["etc"] / "company.toml").write_text(COMPANY)
    (places["state"] / "mailroom.zone").touch()
    given = [
        f"--volume={places['etc']}:/etc/mailroom:ro",
        f"--volume={places['state']}:/var/lib/mailroom",
        f"--volume={places['spool']}:/var/spool/mailroom",
        IMAGE,
    ]
    log = tmp_path / "log"
    for words in (["db", "upgrade"], ["sync"]):
        assert podman.start(*given, *words, log=log).wait(processes.HANG) == 0, log.read_text()
    serving = podman.start("--name=house", *given, log=log)
    try:
        processes.until(lambda: is_ready(console), "the health check's address answers", serving, log)
        with smtplib.SMTP("127.0.0.1", smtp, timeout=processes.HANG) as client:
            text = "From: stranger@outside.example\r\nSubject: hello\r\n\r\nhi\r\n"
            client.sendmail("stranger@outside.example", ["anna@company.example"], text)
        processes.until(lambda: count_held(places["state"]) == 1, "it is held", serving, log)
    finally:
        processes.stop(serving)
    assert podman.run("ps", "--quiet") == ""


def is_ready(port: int) -> bool:
    """As HEALTHCHECK asks."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=processes.HANG).status_code == 200
    return False


def count_held(state: Path) -> int:
    """Number of held messages in the volume's database."""
    with contextlib.closing(sqlite3.connect(f"file:{state}/mailroom.db?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM delivery WHERE state = 'held'").fetchone()[0])
