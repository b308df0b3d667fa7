"""A person's data from the shell."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage_cli.conftest import Arrives, Shell
from tests.triage_cli.serving import served
from triage.config.settings import Settings
from triage.store import db
from triage.store.models.compliance import PersonErasure
from triage.store.models.deliveries import Delivery
from triage_cli.services import upkeep

ANNA = "anna@dell.example"


def test_a_zip_is_written_once_for_nobody_else_to_read(shell: Shell, arrives: Arrives, tmp_path: Path) -> None:
    arrives(author=ANNA)
    file = tmp_path / "anna.zip"
    assert shell("person-data", "export", ANNA, "--to", str(file)).code == 0
    assert file.stat().st_mode & 0o077 == 0
    assert json.loads(zipfile.ZipFile(file).read("about.json"))["deliveries"] == 1
    again = shell("person-data", "export", ANNA, "--to", str(file))
    assert (again.code, "is there already" in again.err) == (2, True)


def test_a_server_sends_the_same(
    shell: Shell, arrives: Arrives, settings: Settings, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrives(author=ANNA)
    key = shell("token", "create", "robot", "--may", "admin", "--may", "read").out.split()[-1]
    monkeypatch.setenv("MAILROOM_TOKEN", key)
    files = [tmp_path / "here.zip", tmp_path / "there.zip"]
    with served(replace(settings, database=replace(settings.database, url=database_url))) as url:
        assert shell("person-data", "export", ANNA, "--to", str(files[0])).code == 0
        assert shell("--server", url, "person-data", "export", ANNA, "--to", str(files[1])).code == 0
        refused = shell("--server", url, "person-data", "export", "", "--to", str(tmp_path / "none.zip"))
    assert (refused.code, (tmp_path / "none.zip").exists()) == (2, False)
    here, there = (zipfile.ZipFile(file) for file in files)
    assert here.namelist() == there.namelist()
    assert here.read("deliveries.json") == there.read("deliveries.json")


def test_no_zip_goes_to_a_terminal(shell: Shell, arrives: Arrives, monkeypatch: pytest.MonkeyPatch) -> None:
    arrives(author=ANNA)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    said = shell("person-data", "export", ANNA, "--to", "-")
    assert (said.code, said.out, "cannot show a zip" in said.err) == (2, "", True)


def test_erasing_says_what_it_finds_and_what_it_did(shell: Shell, arrives: Arrives, engine: Engine, settings: Settings) -> None:
    arrives(author=ANNA)
    assert shell("person-data", "erase", ANNA, "--dry-run").out.startswith("1 message, of which 0 are under a legal hold")
    assert "reason: say why" in shell("person-data", "erase", ANNA).err
    done = shell("person-data", "erase", ANNA, "--reason", "case 12")
    assert (done.code, ANNA in done.out, "`mailroom upkeep` erases it" in done.out) == (0, False, True)
    upkeep.erase_persons(engine, settings)
    (row,) = json.loads(shell("person-data", "list", "--json").out)
    assert (row["messages"], row["contents"], bool(row["done"])) == (1, 1, True)
    with db.read_transaction(engine) as session:
        assert session.scalars(select(col(Delivery.author))).all() == [f"{row['pseudonym']}@erased.invalid"]


@pytest.mark.parametrize("under_way", [True, False])
def test_upkeep_goes_on_with_what_is_begun(shell: Shell, arrives: Arrives, engine: Engine, settings: Settings, under_way: bool) -> None:
    mail = arrives(author=ANNA)
    if under_way:
        shell("release", mail)
    assert f"and {int(under_way)} are still under way" in shell("person-data", "erase", ANNA, "--dry-run").out
    assert shell("person-data", "erase", ANNA, "--reason", "case 12").code == 0
    upkeep.erase_persons(engine, settings)
    with db.read_transaction(engine) as session:
        assert (session.scalars(select(col(PersonErasure.done_at))).one() is None) == under_way
