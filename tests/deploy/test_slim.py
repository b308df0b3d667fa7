"""deploy/slim.sh: a smaller environment that says the same in every language of Mailroom, and does the same."""

import shutil
import subprocess
import sys
from pathlib import Path

import aiosmtpd
import alembic
import babel
import ldap3
import pytest
import reportlab
import selectolax
import sqlalchemy
import zstandard

from triage.text.i18n import LANGUAGES

SCRIPT = Path(__file__).parents[2] / "deploy" / "slim.sh"
SPEAK = """
import sys, babel
from datetime import datetime, timedelta
from babel import Locale, dates, numbers
assert babel.__file__.startswith(sys.argv[1]), babel.__file__
at = datetime(2026, 12, 1, 9, 5)
for language in sys.argv[2:]:
    print(numbers.format_decimal(1234.5, locale=language), dates.format_skeleton("yMMMd", at, locale=language),
          dates.format_time(at, "short", locale=language), dates.format_timedelta(timedelta(hours=-3), add_direction=True, locale=language),
          Locale.parse(language).plural_form(1))
"""


USE = """
import io, sys
import aiosmtpd.controller, alembic.command, ldap3, sqlalchemy, zstandard
from reportlab.pdfgen.canvas import Canvas
from selectolax.lexbor import LexborHTMLParser
page = Canvas(io.BytesIO())
page.drawString(9, 9, "hello")
page.save()
print(zstandard.ZstdDecompressor().decompress(zstandard.compress(b"packed")), LexborHTMLParser("<p>read").text(),
      sqlalchemy.create_engine("sqlite://").connect().scalar(sqlalchemy.text("SELECT 3")),
      ldap3.Server("localhost").name, {name: sys.modules[name].__file__ for name in ("aiosmtpd", "ldap3", "reportlab", "zstandard")})
"""


def speak(packages: Path) -> str:
    """Numbers, dates and plurals as this copy of Babel writes them."""
    command = [sys.executable, "-c", SPEAK, str(packages), *sorted(LANGUAGES)]
    return subprocess.run(command, env={"PYTHONPATH": str(packages)}, check=True, capture_output=True, text=True).stdout


def test_every_language_is_spoken_as_before(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    shutil.copytree(Path(babel.__file__).parent, packages / "babel", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    data = packages / "babel" / "locale-data"
    before, all_languages = speak(packages), len([*data.iterdir()])
    subprocess.run([SCRIPT, tmp_path], check=True)
    assert speak(packages) == before
    assert len(before.splitlines()) == len(LANGUAGES) > 1
    assert len([*data.iterdir()]) < all_languages / 5


@pytest.mark.peers
def test_the_libraries_do_the_same(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    for module in (aiosmtpd, alembic, babel, ldap3, reportlab, selectolax, sqlalchemy, zstandard):
        place = Path(str(module.__file__)).parent
        shutil.copytree(place, packages / place.name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    before, size = use(packages), size_of(packages)
    subprocess.run([SCRIPT, tmp_path], check=True)
    assert use(packages) == before
    assert str(packages / "zstandard") in before
    assert size - size_of(packages) > 40 * 1024 * 1024


def use(packages: Path) -> str:
    """Output of a little work with the libraries of this directory."""
    return subprocess.run(
        [sys.executable, "-P", "-c", USE], env={"PYTHONPATH": str(packages)}, check=True, capture_output=True, text=True
    ).stdout


def size_of(directory: Path) -> int:
    """Bytes of all files below."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def test_what_is_no_environment_is_left_alone(tmp_path: Path) -> None:
    done = subprocess.run([SCRIPT, tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, "virtual environment" in done.stderr) == (2, True)
