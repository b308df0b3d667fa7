"""The wheel holds everything: a company runs from it alone, elsewhere, with its console and its migrations."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import httpx
import pytest

from tests.libraries import library_table as libraries
from tests.mail_auth.signing import published, resigned
from tests.peers import company, outside
from tests.peers.processes import HANG

pytestmark = pytest.mark.peers  # the console has to be built

TREE = Path(__file__).parents[2]
INSIDE = (
    "triage/policy/decide.py",
    "triage/message/preview/fonts.conf",
    "migrations/versions/0001_",
    "webui/dist/index.html",
    "webui/dist/assets/",
    "demo/",
)
OUTSIDE = ("tests/", "bench/", "webui/src/", "webui/node_modules/", "webui/package", "requirements/")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from what is under version control, and from the console as it was built."""
    place = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TREE, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (TREE / name).is_file():  # what was removed and not committed yet is not
            (place / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(TREE / name, place / "tree" / name)
    shutil.copytree(TREE / "webui" / "dist", place / "tree" / "webui" / "dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(place)]
    subprocess.run(command, cwd=place / "tree", check=True, env={**os.environ, "MAILROOM_CONSOLE": "built"}, capture_output=True)
    (found,) = place.glob("mailroom-*-py3-none-any.whl")
    return found


def test_it_holds_the_product_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [one for one in INSIDE if not any(name.startswith(one) for name in names)] == []
    assert [name for name in names if name.startswith(OUTSIDE)] == []


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
    letter = outside.Letter(f"ana@{outside.STRANGER.name}", f"russell.coker@{company.DOMAIN}", "First contact")
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
