"""The wheel holds everything: a company runs from it alone, elsewhere, with its console and its migrations."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

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
