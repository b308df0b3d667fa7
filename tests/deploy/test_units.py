"""The units as systemd reads them: no mistake in them, and hardly any exposure."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from triage.config.settings import every_key
from triage_cli.main import mailroom

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy" / "systemd"
PAGE = (ROOT / "docs" / "how-to" / "systemd.md").read_text("utf-8")
SCORE = re.compile(r"^\| ([a-z@, ]+) \| (\d\.\d) \|", re.MULTILINE)
SCORES = {name: float(score) for names, score in SCORE.findall(PAGE) for name in names.split(", ")}  # of 10, as the page says
NETWORKED = {"judge", "relay", "recall", "mirror", "sync", "webhooks", "identity"}  # 1.0 at most, the others 0.2
DATABASE = {"judge", "relay", "recall", "mirror", "api", "outbound", "upkeep", "sync"}
SECRETS = {  # who gets which
    "smtp.tls_cert": {"receive", "outbound"},
    "smtp.tls_key": {"receive", "outbound"},
    "smtp.edge_token": {"receive"},
    "database.url": {*DATABASE, "retention", "webhooks"},
    "database.listen_url": DATABASE,
    "database.read_url": {"api"},
    "relay.arc_key_file": {"relay"},
    "relay.logins_file": {"relay"},
    "relay.token_file": {"relay"},
    "recall.password_file": {"recall"},
    "recall.token_file": {"recall"},
    "recall.client_secret_file": {"recall"},
    "recall.service_account_file": {"recall"},
    "mirror.password_file": {"mirror"},
    "mirror.token_file": {"mirror"},
    "directory.password_file": {"sync", "api"},
    "outbound.accounts_file": {"outbound"},
    "audit.key_file": {"upkeep"},
    "webhooks": {"webhooks"},  # a directory
    "identity": {"identity"},  # likewise
}

pytestmark = pytest.mark.peers


def unit_name(path: Path) -> str:
    """mailroom-parse@.service is parse@."""
    return path.stem.removeprefix("mailroom-")


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda path: path.name)
def test_exposure_is_what_the_page_says(unit: Path) -> None:
    said = SCORES[unit_name(unit)]
    assert said <= (1.0 if unit_name(unit) in NETWORKED else 0.2)
    done = analyze("security", "--offline=true", f"--threshold={said * 10:.0f}", unit)
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
    wanted = {name for name, module in mailroom.elsewhere.items() if module == "services.roles"} | {"sync", "webhooks", "retention"}
    assert wanted == {unit_name(path) for path in UNITS.glob("*.service")} - {"parse@", "draw@"}


@pytest.mark.parametrize(("made_by", "directory"), [("postgresql", "postgresql"), ("dovecot", "dovecot"), ("clamav-daemon", "clamav")])
def test_who_is_shown_a_directory_starts_after_who_makes_it(made_by: str, directory: str) -> None:
    """A directory that is missing when a unit starts stays hidden from it until its next start."""
    shown = [text for text in (unit.read_text() for unit in UNITS.glob("*.service")) if f"-/run/{directory}" in text]
    assert shown
    assert [text for text in shown if not re.search(rf"^After=.*\b{made_by}\.service", text, re.MULTILINE)] == []


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda path: path.name)
def test_a_role_gets_its_secrets_as_credentials_and_no_other(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    own = {name: f"/etc/mailroom/secrets/{name}" for name, whose in SECRETS.items() if unit_name(unit) in whose}
    assert dict(named(lines, "LoadCredential=")) == own
    assert dict(named(lines, "LoadCredentialEncrypted=")) == {
        f"encrypted.{name}": path.replace("/secrets/", "/secrets/encrypted/") for name, path in own.items()
    }
    files = own.keys() - {"webhooks", "identity"}
    assert dict(named(lines, "SetCredential=")) == dict.fromkeys({*files, *(f"encrypted.{name}" for name in files)}, r"\n"), (
        "each may be missing; a directory may be empty"
    )
    assert not [line for line in lines if "/etc/mailroom/secrets" in line and not line.startswith("LoadCredential")]


def named(lines: list[str], key: str) -> Iterator[list[str]]:
    """Name and value of each credential that a unit sets by this key."""
    return (line.removeprefix(key).split(":", 1) for line in lines if line.startswith(key))


def test_every_secret_is_some_units_and_on_the_page() -> None:
    files = {f"{section}.{name}" for section, name, one in every_key() if one.metadata["file"]}
    assert files | {"smtp.edge_token", "database.url", "database.listen_url", "database.read_url", "webhooks", "identity"} == SECRETS.keys()
    assert [name for name in SECRETS if f"`{name}" not in PAGE] == []
