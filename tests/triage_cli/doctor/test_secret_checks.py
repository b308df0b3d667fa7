"""The doctor says which secrets another user of this machine can read or replace, and how to end it."""

import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.triage import arriving
from triage.config.settings import Settings, Webhooks
from triage.config.webhooks import Hook
from triage.store import db, ledger
from triage_cli.doctor import secret_checks
from triage_cli.doctor.finding import FAIL, OK, WARN


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that every user of this machine reaches, which pytest's own is not."""
    made = Path(tempfile.mkdtemp(dir="/var/tmp"))
    made.chmod(0o755)
    for name in ("CREDENTIALS_DIRECTORY", "MAILROOM_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(secret_checks, "STORE", made / "store")
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize(
    ("mode", "above", "is_public", "said"),
    [
        (0o600, 0o755, False, None),
        (0o640, 0o755, False, None),
        (0o644, 0o755, False, "can read"),
        (0o644, 0o750, False, None),
        (0o644, 0o755, True, None),
        (0o646, 0o755, True, "can replace"),
        (0o600, 0o777, False, "can replace"),
        (0o600, 0o1777, False, None),
        (0o600, 0o777, True, "can replace"),
    ],
)
def test_a_file_and_the_directories_above_it(place: Path, mode: int, above: int, is_public: bool, said: str | None) -> None:
    (place / "keys").mkdir()
    file = place / "keys" / "tls.key"
    file.write_text("key")
    file.chmod(mode)
    file.parent.chmod(above)
    link = place / "link"
    link.symlink_to(file)
    for path in (file, link):
        found = secret_checks.find_exposure(path, is_public=is_public)
        assert bool(found) == bool(said)
        assert found is None or str(said) in found[0]
    if found:
        command, what, where = found[1].partition(",")[0].split()
        assert command == "chmod"
        changed = Path(where)
        changed.chmod(stat.S_IMODE(changed.stat().st_mode) & ~({"o-w": 0o002, "o=": 0o007}[what]))
        assert secret_checks.find_exposure(link, is_public=is_public) is None, "it does what it says"


def test_what_is_missing_or_closed_is_no_exposure(place: Path) -> None:
    assert secret_checks.find_exposure(place / "none") is None


HOOK = '[webhooks.hooks.chat]\nurl = "https://chat.example/T00/secret"\n'


@pytest.mark.parametrize(
    ("text", "mode", "held"),
    [
        ('[smtp]\nedge_token = "secret"\n', 0o644, "smtp.edge_token"),
        ('[smtp]\nedge_token = "secret"\n', 0o640, ""),
        ('[database]\nurl = "postgresql://mailroom:word@db/mailroom"\n', 0o644, "database.url"),
        ('[database]\nurl = "postgresql://mailroom@db/mailroom"\n', 0o644, ""),
        (HOOK, 0o644, "webhooks.hooks.chat.url"),
        ('[smtp]\nhostname = "mx.company.example"\n', 0o644, ""),
    ],
)
def test_secrets_in_the_settings(place: Path, text: str, mode: int, held: str) -> None:
    file = place / "mailroom.toml"
    file.write_text(text)
    file.chmod(mode)
    found = list(secret_checks.exposed_settings(str(file)))
    assert [(one.level, f"which holds {held}" in one.found) for one in found] == ([(WARN, True)] if held else [])
    assert "secret" not in "".join(one.found for one in found), "a report is read by others"


def test_the_files_of_the_settings_and_the_newest_backups(settings: Settings, database_url: str, engine: Engine, place: Path) -> None:
    for name in ("master", "hook.key", "old", "backup", "store"):
        (place / name).mkdir() if name in ("old", "backup", "store") else (place / name).write_text("secret")
    for one in place.iterdir():
        one.chmod(0o700 if one.is_dir() else 0o600)
    used = replace(
        settings,
        database=replace(settings.database, url=database_url),
        recall=replace(settings.recall, password_file=str(place / "master")),
        webhooks=Webhooks(hooks=(Hook("chat", url="https://chat.example/", secret_file=str(place / "hook.key")),)),
    )
    for age, name in enumerate(("old", "gone", "backup")):
        with db.transaction(engine) as session:
            by, now = arriving.IDA, arriving.NOW.replace(second=age)
            ledger.write_act(session, "backup", "backup", by=by, now=now, detail={"directory": str(place / name)})
    (fine,) = secret_checks.check_secrets(used, None)
    assert (fine.level, "(3 files, the settings, the units' environment and 2 backups)" in fine.found) == (OK, True), fine
    for name in ("master", "hook.key", "backup", "store"):
        before = (place / name).stat().st_mode
        (place / name).chmod(0o755)
        (found,) = secret_checks.check_secrets(used, None)
        assert (found.level, f"can read {place / name}" in found.found) == (FAIL, True), found
        (place / name).chmod(stat.S_IMODE(before))


@pytest.mark.parametrize(
    ("files", "level", "said"),
    [
        ({"encrypted.smtp.tls_key": "key", "smtp.tls_key": "\n"}, None, ""),
        ({"encrypted.smtp.tls_key": "old", "smtp.tls_key": "new"}, WARN, "plain and encrypted: smtp.tls_key"),
        ({"encrypted.smtp.tls_key": "key", "database.url": "postgresql://"}, OK, "1 encrypted, 1 plain"),
    ],
)
def test_what_is_encrypted(tmp_path: Path, files: dict[str, str], level: str | None, said: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = list(secret_checks.check_encryption({"CREDENTIALS_DIRECTORY": str(tmp_path)}))
    assert [one.level for one in found] == ([level] if level else [])
    assert said in "".join(one.found for one in found)
