"""The database's versions: an empty one is filled, an old one is refused with the command to run, models and tables agree."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

from migrations import upgrade, version as versions
from triage import db, models
from triage.errors import BadInput


def test_an_empty_database_gets_its_tables_once(tmp_path: Path) -> None:
    engine = db.open_engine(f"sqlite:///{tmp_path}/fresh.db")
    with pytest.raises(BadInput, match=r"the database is empty, this program needs .*: run `mailroom db upgrade`"):
        versions.check(engine)
    assert upgrade.upgrade(engine) == (None, versions.newest())
    assert upgrade.upgrade(engine) == (versions.newest(), versions.newest())
    versions.check(engine)
    engine.dispose()


def test_the_tables_are_the_models(engine: Engine) -> None:
    assert models.Delivery.__tablename__ in SQLModel.metadata.tables
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


@pytest.mark.parametrize(("version", "says"), [("0000", "has version 0000, this program needs"), ("9999", "made by a newer one")])
def test_another_version_is_refused(sqlite_engine: Engine, version: str, says: str) -> None:
    with sqlite_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    with pytest.raises(BadInput, match=says):
        (versions.check if version == "0000" else upgrade.upgrade)(sqlite_engine)


def test_a_database_that_is_down_is_named(tmp_path: Path) -> None:
    engine = db.open_engine(f"postgresql://nobody@/none?host={tmp_path}")
    with pytest.raises(BadInput, match=r"the database cannot be opened: .*; check database\.url"):
        versions.check(engine)


def test_files_are_named_by_their_versions() -> None:
    assert upgrade.scripts()[1].get_heads() == [versions.newest()]
