"""The units as systemd reads them: no mistake in them, and hardly any exposure."""

import re
import subprocess
from pathlib import Path

import pytest

from triage_cli.main import COMMANDS

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
MOST = {  # exposure, of 10, as `systemd-analyze security` counts it
    "mailroom-receive.service": 0.2,
    "mailroom-parse@.service": 0.2,
    "mailroom-draw@.service": 0.2,
    "mailroom-api.service": 0.2,
    "mailroom-outbound.service": 0.2,
    "mailroom-upkeep.service": 0.2,
    "mailroom-retention.service": 0.2,
}
NETWORKED = 1.0

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda path: path.name)
def test_exposure(unit: Path) -> None:
    threshold = MOST.get(unit.name, NETWORKED) * 10
    done = analyze("security", "--offline=true", f"--threshold={threshold:.0f}", unit)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "unit", sorted(one for one in UNITS.iterdir() if one.suffix in (".service", ".socket", ".timer", ".target")), ids=str
)
def test_systemd_finds_no_mistake(unit: Path) -> None:
    done = analyze("verify", "--recursive-errors=no", "--man=no", unit)
    said = [line for line in done.stderr.splitlines() if unit.name in line and "is not executable" not in line]
    assert said == []


def analyze(*words: object) -> "subprocess.CompletedProcess[str]":
    """systemd-analyze, which needs no running systemd for this."""
    command = ["systemd-analyze", "--no-pager", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_role_has_a_unit() -> None:
    wanted = {name for name, module in COMMANDS.items() if module == "roles"} | {"sync", "webhooks", "retention"}
    assert wanted == {path.stem.removeprefix("mailroom-") for path in UNITS.glob("*.service")} - {"parse@", "draw@"}


@pytest.mark.parametrize(("made_by", "directory"), [("postgresql", "postgresql"), ("dovecot", "dovecot"), ("clamav-daemon", "clamav")])
def test_who_is_shown_a_directory_starts_after_who_makes_it(made_by: str, directory: str) -> None:
    """One that is not there yet when a unit starts stays away until its next start."""
    shown = [text for text in (unit.read_text() for unit in UNITS.glob("*.service")) if f"-/run/{directory}" in text]
    assert shown
    assert [text for text in shown if not re.search(rf"^After=.*\b{made_by}\.service", text, re.MULTILINE)] == []


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda path: path.name)
def test_a_secret_comes_as_a_credential_and_may_be_missing(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    loaded = {line.removeprefix("LoadCredential=").partition(":")[0] for line in lines if line.startswith("LoadCredential=")}
    default = {line.removeprefix("SetCredential=").removesuffix(r":\n") for line in lines if line.startswith("SetCredential=")}
    assert loaded - {"webhooks"} == default, "a directory may be empty"
    assert not [line for line in lines if "/etc/mailroom/secrets" in line and not line.startswith("LoadCredential=")]
