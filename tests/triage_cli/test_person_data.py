"""A person's data from the shell."""

import json
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage_cli.conftest import Arrives, Shell
from triage import db
from triage.models import Delivery, PersonErasure
from triage.settings import Settings
from triage_cli import upkeeping

ANNA = "anna@dell.example"


def test_a_zip_is_written_once_for_nobody_else_to_read(shell: Shell, arrives: Arrives, tmp_path: Path) -> None:
    arrives(author=ANNA)
    file = tmp_path / "anna.zip"
    assert shell("person-data", "export", ANNA, "--to", str(file)).code == 0
    assert file.stat().st_mode & 0o077 == 0
    assert json.loads(zipfile.ZipFile(file).read("about.json"))["deliveries"] == 1
    again = shell("person-data", "export", ANNA, "--to", str(file))
    assert (again.code, "is there already" in again.err) == (2, True)


def test_erasing_says_what_it_finds_and_what_it_did(shell: Shell, arrives: Arrives, engine: Engine) -> None:
    arrives(author=ANNA)
    assert shell("person-data", "erase", ANNA, "--dry-run").out.startswith("1 mails, of which 0 are under a legal hold")
    assert "reason: say why" in shell("person-data", "erase", ANNA).err
    done = shell("person-data", "erase", ANNA, "--reason", "case 12")
    assert (done.code, ANNA in done.out) == (0, False)
    (row,) = json.loads(shell("person-data", "list", "--json").out)
    assert (row["mails"], row["contents"], bool(row["done"])) == (1, 1, True)
    with db.reading(engine) as session:
        assert session.scalars(select(col(Delivery.author))).all() == [f"{row['pseudonym']}@erased.invalid"]


@pytest.mark.parametrize("under_way", [True, False])
def test_upkeep_goes_on_with_what_is_begun(shell: Shell, arrives: Arrives, engine: Engine, settings: Settings, under_way: bool) -> None:
    mail = arrives(author=ANNA)
    if under_way:
        shell("release", mail)
    said = shell("person-data", "erase", ANNA, "--reason", "case 12")
    assert ("still under way" in said.out) == under_way
    upkeeping.erase_persons(engine, settings)
    with db.reading(engine) as session:
        assert (session.scalars(select(col(PersonErasure.done_at))).one() is None) == under_way
