"""`make release` itself: the same files each time, and what a bare Debian makes of them (from the network)."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.peers.bare_debian import BareDebian, make_root

pytestmark = [  # test_wheel.py compares wheels that are built of a console that is there, test_release.py has the signature
    pytest.mark.long,
    pytest.mark.peers,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a root directory of Debian"),
]

TREE = Path(__file__).parents[2]
VERSION = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]["version"]
PAGE = (TREE / "docs" / "how-to" / "release.md").read_text()
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
POSTFIX = "myhostname = mail.company.example\nmydestination = company.example\ninet_interfaces = loopback-only\ncompatibility_level = 3.6\n"
FIRST_COMMANDS = """export PATH=$PWD/mailroom/bin:$PATH MAILROOM_CONFIG=$PWD/day-one/mailroom.toml
mailroom quickstart --output day-one
mailroom settings --check
mailroom db upgrade
mailroom sync
mailroom db check
"""
GOAL = 60  # seconds that an installation takes at most, download and all
FILES = {
    "SHA256SUMS",
    f"mailroom-{VERSION}-changes.md",
    f"mailroom-{VERSION}-py3-none-any.whl",
    f"mailroom-{VERSION}-requirements.txt",
    f"mailroom-{VERSION}.cdx.json",
    f"mailroom-{VERSION}.tar.gz",
    f"mailroom-console-{VERSION}.cdx.json",
}


def build_release(tree: Path, place: Path, umask: int, python: str, *key: Path) -> Path:
    """Runs `make release` in a clone of what is committed in `tree`, at `place`, and returns its dist/."""
    subprocess.run(["git", "clone", "--quiet", tree, place], check=True)
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "SOURCE_DATE", "MAILROOM_"))}
    command = ["make", "release", f"PYTHON={python}", *(f"KEY={one}" for one in key)]
    done = subprocess.run(command, cwd=place, env=ours, umask=umask, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "dist"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A publisher's key."""
    path = tmp_path_factory.mktemp("key") / "publisher"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Path:
    """A signed release."""
    return build_release(TREE, tmp_path_factory.mktemp("first") / "tree", 0o022, sys.executable, key)


def digests(directory: Path) -> dict[str, str]:
    """SHA-256 of each file, by its name."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_two_builds_are_the_same_byte_for_byte(release: Path, tmp_path: Path) -> None:
    """At another place, with another umask, and on the interpreter of the system."""
    again = digests(build_release(release.parent, tmp_path / "elsewhere" / "tree", 0o077, "/usr/bin/python3"))
    first = digests(release)
    del first["SHA256SUMS.sig"]
    assert again == first
    assert {name for name in first if "/" not in name} == FILES


def test_its_parts_lists_name_each_part_and_nothing_of_this_machine(release: Path) -> None:
    text = (release / f"mailroom-{VERSION}.cdx.json").read_text()
    bill = json.loads(text)
    locked = set(re.findall(r"^([a-z0-9-]+)==(?!.*win32)", (release / f"mailroom-{VERSION}-requirements.txt").read_text(), re.MULTILINE))
    listed = {part["name"].lower().replace("_", "-") for part in bill["components"]} | {bill["metadata"]["component"]["name"]}
    assert (bill["bomFormat"], listed) == ("CycloneDX", locked)
    assert "/tmp/" not in text + (release / f"mailroom-console-{VERSION}.cdx.json").read_text()


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory, release: Path, key: Path) -> Iterator[BareDebian]:
    """A Debian with what the page asks for, and a Postfix to look at; what was published lies in /srv/release."""
    with make_root(tmp_path_factory.mktemp("debian") / "root", "python3-venv", "openssh-client", "postfix") as made:
        place = made.root / "srv" / "release"
        shutil.copytree(release, place)
        public = key.with_suffix(".pub").read_text()
        (place / "allowed_signers").write_text(f'mailroom namespaces="mailroom-release" {public}')
        (made.root / "etc" / "postfix" / "main.cf").write_text(POSTFIX)
        yield made


def test_a_bare_debian_checks_and_installs_it_within_a_minute(debian: BareDebian, record_property: Callable[[str, object], None]) -> None:
    block = next(one for one in BLOCK.findall(PAGE) if "ssh-keygen" in one)
    began = time.monotonic()
    done = debian.types(block.replace("VERSION", VERSION), "/srv/release")
    took = time.monotonic() - began
    record_property("closing line", f"installed on a bare Debian in {took:.0f} s (at most {GOAL} wanted)")
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Good "mailroom-release" signature for mailroom' in done.stdout
    assert done.stdout.endswith(f"mailroom, version {VERSION}\n")
    assert debian.types("! command -v node cc gcc make").returncode == 0
    assert took < 10 * GOAL


def test_there_the_first_commands_work(debian: BareDebian) -> None:
    """After the one above: quickstart reads Postfix, and what it wrote is right."""
    done = debian.types("useradd --create-home anna\n" + FIRST_COMMANDS, "/srv/release")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the settings are as they should be" in done.stdout
    assert "as it should" in done.stdout
